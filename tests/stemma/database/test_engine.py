"""The engine that every service has."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from stack.databases import Database
from stemma.database.engine import create_engine


@pytest.mark.anyio
async def test_an_error_tells_the_statement_and_none_of_its_values(database: Database) -> None:
    engine = create_engine(database.api_url, application_name="tests")
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as error:
            await connection.execute(text("select 1 / (length(:nonce) - 6)"), {"nonce": "a1b2c3"})
    await engine.dispose()
    assert "division by zero" in str(error.value)
    assert "length" in str(error.value)
    assert "a1b2c3" not in str(error.value)
