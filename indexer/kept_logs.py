"""The raw logs that the index keeps, read back in batches: what a rebuild and a verification derive from."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from indexer.apply import LOG_COLUMNS
from indexer.blocks import Batch, Header, Log

BATCH_LOGS = 10_000
_READ = "select {columns} from {logs} where block_number > %s and block_number <= %s order by block_number, log_index"


async def kept_batches(
    db: AsyncConnection, chain: str, *, above: int, last: int, journaled_from: int
) -> AsyncGenerator[Batch, None]:
    """The logs of the blocks above one up to ``last``, in batches of whole blocks; none of them has blocks of both
    sides of ``journaled_from``.

    The connection must be in a transaction. A batch's header says its number alone: kept logs need no other.
    """
    statement = SQL(_READ).format(columns=SQL(", ").join(map(Identifier, LOG_COLUMNS)), logs=Identifier(chain, "logs"))
    logs: list[Log] = []
    async with db.cursor("kept_logs", binary=True) as cursor:
        cursor.itersize = BATCH_LOGS
        await cursor.execute(statement, (above, last))
        while rows := await cursor.fetchmany(BATCH_LOGS):
            for row in rows:
                log = _log(row)
                is_new_block = bool(logs) and log.block_number != logs[-1].block_number
                crosses = is_new_block and logs[-1].block_number < journaled_from <= log.block_number
                if is_new_block and (crosses or len(logs) >= BATCH_LOGS):
                    yield _batch(logs, journaled_from)
                    logs = []
                logs.append(log)
    if logs:
        yield _batch(logs, journaled_from)


def _batch(logs: list[Log], journaled_from: int) -> Batch:
    first, last = logs[0], logs[-1]
    header = Header(last.block_number, last.block_hash, b"", last.block_time)
    return Batch(
        first_number=first.block_number,
        headers=[header],
        is_final=True,
        is_journaled=first.block_number >= journaled_from,
        logs=logs,
    )


def _log(row: tuple[Any, ...]) -> Log:
    number, log_index, tx_index, time, block_hash, tx_hash, address, *topics, data = row
    while topics and topics[-1] is None:
        topics.pop()
    block_time: datetime = time
    return Log(number, log_index, tx_index, block_time, block_hash, tx_hash, address, tuple(topics), data)
