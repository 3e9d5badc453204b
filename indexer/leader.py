"""One writer at a time: an advisory lock on the very connection that writes.

Whoever loses the connection loses the lock and the power to write with it, so no further fence is needed: a process
that was frozen and wakes up finds its connection closed, not a second leader beside it.
"""

import asyncio

import structlog
from psycopg import AsyncConnection

from indexer.metrics import METRICS

_log = structlog.get_logger(__name__)
_LOCK_CLASS = 0x5354454D
STANDBY_SECONDS = 0.5


async def lead(connection: AsyncConnection, lock: int) -> None:
    """Return when this connection leads what ``lock`` stands for, such as a generation; until then stand by."""
    METRICS.leading.set(0)
    said = False
    while not await _try_lock(connection, lock):
        if not said:
            _log.info("standing by: another indexer leads", lock=lock)
            said = True
        await asyncio.sleep(STANDBY_SECONDS)
    METRICS.leading.set(1)
    _log.info("leading", lock=lock)


async def _try_lock(connection: AsyncConnection, lock: int) -> bool:
    cursor = await connection.execute("select pg_try_advisory_lock(%s, %s)", (_LOCK_CLASS, lock))
    row = await cursor.fetchone()
    return row is not None and bool(row[0])
