"""One `api-jobs` works, any others stand by: a Postgres advisory lock on a connection of its own."""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import structlog

_LOCK = (0x61_70_69, 0x6A_6F_62)
"""Advisory lock ("api", "job")."""

_STANDBY_SECONDS = 1.0
_KEEPALIVE_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class _LockLost(Exception):
    pass


async def lead_forever(database_url: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run ``work`` whenever this process leads, until cancelled; stop it at once when the lock is lost.

    Work that breaks is begun anew after a pause. For the moment in which a cut-off leader has not noticed yet, every
    piece of work is safe to do twice.
    """
    while True:
        try:
            await _lead(database_url, work)
        except (psycopg.OperationalError, _LockLost) as error:
            _log.warning("not leading: the database cannot be reached", reason=str(error).strip())
        except ExceptionGroup:
            _log.exception("the work broke, beginning anew")
        await asyncio.sleep(_STANDBY_SECONDS)


async def _lead(database_url: str, work: Callable[[], Awaitable[None]]) -> None:
    connection = await psycopg.AsyncConnection.connect(
        database_url, autocommit=True, application_name="stemma-api-jobs-leader"
    )
    async with connection:
        await _wait_for_lock(connection)
        _log.info("leading")
        working = asyncio.ensure_future(work())
        keeping = asyncio.ensure_future(_keep(connection))
        try:
            await asyncio.wait([working, keeping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, keeping):
                task.cancel()
            outcomes = await asyncio.gather(working, keeping, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome


async def _wait_for_lock(connection: psycopg.AsyncConnection) -> None:
    said = False
    while True:
        cursor = await connection.execute("select pg_try_advisory_lock(%s, %s)", _LOCK)
        row = await cursor.fetchone()
        if row is not None and row[0]:
            return
        if not said:
            _log.info("standing by: another process leads")
            said = True
        await asyncio.sleep(_STANDBY_SECONDS)


async def _keep(connection: psycopg.AsyncConnection) -> None:
    """Return when the connection, and with it the lock, is gone."""
    while True:
        await asyncio.sleep(_KEEPALIVE_SECONDS)
        try:
            async with asyncio.timeout(_KEEPALIVE_SECONDS):
                await connection.execute("select 1")
        except (psycopg.OperationalError, TimeoutError) as error:
            raise _LockLost(str(error) or "no answer") from error
