"""Reading the catalog: one snapshot, as of now or as of a block, with a bound on how long a question may take."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Literal

import structlog
from fastapi import Depends, Query
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from api.catalog.errors import CatalogNotReady
from api.dependencies import get_resources
from api.errors import DependencyUnavailable
from api.resources import Resources
from stemma.catalog.as_of import BlockOutOfReach, read_as_of
from stemma.errors import AppError

MAX_BLOCK = (1 << 63) - 1

Isolation = Literal["AUTOCOMMIT", "REPEATABLE READ"]

_UNDEFINED_TABLE = "42P01"
_INVALID_SCHEMA = "3F000"
_QUERY_CANCELED = "57014"

_log = structlog.get_logger(__name__)


class QueryTooSlow(AppError):
    """The question takes longer than a reader may keep the database busy. Narrow it: by a work, a time, a cursor."""

    code = "query_too_slow"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The question takes too long to answer"


BlockQuery = Annotated[
    int | None,
    Query(
        alias="block",
        ge=0,
        le=MAX_BLOCK,
        description="Read the catalog as it was after this block; blocks older than the journal are answered by 422",
    ),
]


@asynccontextmanager
async def reading(
    resources: Resources, block: int | None = None, *, isolation: Isolation = "AUTOCOMMIT"
) -> AsyncIterator[AsyncConnection]:
    """Open a connection that reads the catalog, as of a block if one is given.

    As of a block, all statements read one snapshot. As of now, each is a snapshot of its own, unless ``isolation`` says
    otherwise.

    Raises:
        BlockOutOfReach: too old, or not indexed yet.
        CatalogNotReady: the views are not there yet.
        QueryTooSlow: a statement was canceled.
        DependencyUnavailable: the database cannot be reached.
    """
    engine = resources.reader if block is not None else resources.reader.execution_options(isolation_level=isolation)
    try:
        async with engine.connect() as connection:
            if block is not None:
                await read_as_of(connection, block)
            yield connection
    except ProgrammingError as error:
        if _state(error) in (_UNDEFINED_TABLE, _INVALID_SCHEMA):
            raise CatalogNotReady("the index is being set up") from error
        raise
    except (OperationalError, PoolTimeout) as error:
        if _state(error) == _QUERY_CANCELED:
            raise QueryTooSlow("the statement was stopped; narrow the question") from error
        _log.warning("the database cannot be reached", reason=str(error).strip())
        raise DependencyUnavailable(
            "the database cannot be reached; try again shortly", dependency="database"
        ) from error


async def get_reading(
    resources: Annotated[Resources, Depends(get_resources)], block: BlockQuery = None
) -> AsyncIterator[AsyncConnection]:
    """Yield a connection that reads the catalog as of the query parameter ``block``, or as of now."""
    async with reading(resources, block) as connection:
        yield connection


async def get_snapshot(
    resources: Annotated[Resources, Depends(get_resources)], block: BlockQuery = None
) -> AsyncIterator[AsyncConnection]:
    """Yield the same for several statements that must tell of one moment."""
    async with reading(resources, block, isolation="REPEATABLE READ") as connection:
        yield connection


Snapshot = Annotated[AsyncConnection, Depends(get_snapshot, scope="function")]
Reading = Annotated[AsyncConnection, Depends(get_reading, scope="function")]
READING_ERRORS = (CatalogNotReady, BlockOutOfReach, QueryTooSlow)


def _state(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)
