"""Counting what the API asks of its database."""

import asyncio
from typing import Any

from sqlalchemy import event

from tests.api.reading.conftest import Told


class Counted:
    """The statements that the catalog's readers send for requests; the one that follows the feed asks for itself."""

    def __init__(self, told: Told) -> None:
        self._engine = told.api.resources.reader.sync_engine
        self.statements: list[str] = []

    def __enter__(self) -> "Counted":
        event.listen(self._engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._note)

    def _note(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        task = asyncio.current_task()
        if task is None or task.get_name() != "feed":
            self.statements.append(statement)
