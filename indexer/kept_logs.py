"""The raw logs that the index keeps, read back in batches: what a rebuild and a verification derive from."""

from bisect import bisect_left
from collections.abc import AsyncGenerator, Sequence
from operator import itemgetter
from typing import Any

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from indexer.apply import LOG_COLUMNS
from indexer.blocks import Batch, Header, Log

BATCH_LOGS = 20_000
_BLOCK = itemgetter(0)
_new = tuple.__new__
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
            logs += map(_log, rows)
            end = _last_whole_block(logs)
            for part in _sides(logs[:end], journaled_from):
                yield _batch(part, journaled_from)
            del logs[:end]
    for part in _sides(logs, journaled_from):
        yield _batch(part, journaled_from)


def _last_whole_block(logs: Sequence[Log]) -> int:
    """How many of the logs are of blocks before the last one, of which there may be more."""
    return bisect_left(logs, logs[-1][0], key=_BLOCK)


def _sides(logs: list[Log], journaled_from: int) -> list[list[Log]]:
    """The logs before and from a block, whichever there are."""
    cut = bisect_left(logs, journaled_from, key=_BLOCK)
    return [part for part in (logs[:cut], logs[cut:]) if part]


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
    topics = row[7:11]
    while topics and topics[-1] is None:
        topics = topics[:-1]
    return _new(Log, (*row[:7], topics, row[11]))
