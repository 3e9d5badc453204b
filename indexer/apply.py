"""Writes blocks: raw logs, projections, journal, cursor, feed and NOTIFY in one transaction.

What can be done without the database (`Writer.prepare`: decode, project, fold, pack) is done ahead, for the next batch
while Postgres works on this one; `Writer.apply` only sends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncPipeline
from psycopg.types.json import Jsonb

from indexer.binary import pack_logs
from indexer.blocks import Batch, Header, Log, Marks, Span
from indexer.derived import MIGRATE, Derivation, Derived, delete_above
from indexer.errors import CursorMoved, ProjectionFailed, Stop
from indexer.loading import Columns, copy, insert
from indexer.projection import Router
from stemma.catalog.words import FEED_CHANNEL

LOG_COLUMNS = (
    *("block_number", "log_index", "tx_index", "block_time", "block_hash", "tx_hash", "address"),
    *("topic0", "topic1", "topic2", "topic3", "data"),
)
_READ_CURSOR = "select genesis_hash, contracts, safe_block, finalized_block, history_block from cursor"
_READ_HEADERS = """
select number, hash, parent_hash, time from headers
where number >= (select least(finalized_block, block_number) from cursor) order by number
"""
_PIN = """
insert into cursor (
    chain_id, genesis_hash, contracts, block_number, block_hash, block_time, safe_block, finalized_block, history_block
) values (%s, %s, %s, %s, %s, %s, 0, 0, %s)
"""
# The first statement of each transaction, so that a swap of generations can come only between two of them.
_HOLD_CURSOR = "lock table cursor in row exclusive mode"
# Comparing and setting in one: whoever else wrote, this process must not go on as if it knew the state.
_MOVE_CURSOR = """
update cursor set block_number = %s, block_hash = %s, block_time = %s, safe_block = %s, finalized_block = %s,
    history_block = %s
where block_hash = %s
"""

PIPELINED_LOGS = 1_000
"""Batches of up to so many logs, such as new blocks, go to Postgres in one or two round trips."""
PRUNED_EVERY = 64
"""Blocks between two looks at what the journal need not hold any longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared(Span):
    """A batch with all that it will write; ``packed_logs`` are the logs of a batch that goes by COPY."""

    logs: int
    small_logs: Sequence[Log]
    packed_logs: bytes | None
    derivation: Derivation


@dataclass(frozen=True, slots=True)
class Step:
    """From the index at ``tip``, back to ``base`` if that is below, and on by what was prepared.

    ``history``: the oldest block that can be read as of afterwards.
    """

    prepared: Prepared | None
    tip: Header
    base: Header
    marks: Marks
    history: int

    @property
    def last(self) -> Header:
        """Where the index is afterwards."""
        return self.prepared.last if self.prepared else self.base


class Writer:
    """The one writer of a chain schema, over the connection that holds its lock."""

    def __init__(
        self,
        connection: AsyncConnection,
        router: Router,
        *,
        pipelined_logs: int = PIPELINED_LOGS,
        advice: str = MIGRATE,
    ) -> None:
        """``pipelined_logs``: of batches with more logs, the logs and long tables of facts go by COPY; ``advice``: what
        to do where tables are missing.
        """
        self._db = connection
        self._router = router
        self._derived = Derived(connection, router, advice=advice)
        self._pipelined_logs = pipelined_logs

    async def open(self) -> None:
        """Read the tables' layouts. Raises as `Derived.open`."""
        found = await self._derived.open()
        self._logs = Columns.of(found["logs"], LOG_COLUMNS)
        self._headers = Columns.of(found["headers"], Header._fields)

    async def state(self) -> tuple[bytes | None, Sequence[Header], Marks, int]:
        """The genesis hash that the schema is pinned to (None: nothing indexed yet), the headers that may still change,
        the marks, the oldest block that can be read as of.

        Raises:
            Stop: the schema was filled from other contracts than these.
        """
        cursor = await (await self._db.execute(_READ_CURSOR)).fetchone()
        if cursor is None:
            return None, [], Marks(0, 0), 0
        headers = [Header(*row) for row in await (await self._db.execute(_READ_HEADERS)).fetchall()]
        if cursor[1] != self._router.addresses_by_name:
            raise Stop(
                f"the index was made from the contracts {cursor[1]}, the deployment has"
                f" {self._router.addresses_by_name}: begin anew with `stemma indexer migrate --fresh`"
            )
        return cursor[0], headers, Marks(cursor[2], cursor[3]), cursor[4]

    async def pin(self, chain_id: int, genesis_hash: bytes, anchor: Header) -> None:
        """Bind the empty schema to a chain; the index is complete up to ``anchor``, before the first contract."""
        async with self._db.transaction():
            contracts = Jsonb(self._router.addresses_by_name)
            values = (chain_id, genesis_hash, contracts, anchor.number, anchor.hash, anchor.time, anchor.number)
            await self._db.execute(_PIN, values)
            await insert(self._db, self._headers, [anchor])

    def prepare(self, batch: Batch) -> Prepared:
        """Decode, project, fold and pack a batch; the database is not asked. Raises as `Derived.prepare`."""
        is_bulk = len(batch.logs) > self._pipelined_logs
        return Prepared(
            first_number=batch.first_number,
            headers=batch.headers,
            is_final=batch.is_final,
            is_journaled=batch.is_journaled,
            logs=len(batch.logs),
            small_logs=() if is_bulk else batch.logs,
            packed_logs=pack_logs(batch.logs) if is_bulk else None,
            derivation=self._derived.prepare(batch, is_bulk=is_bulk),
        )

    async def apply(self, step: Step) -> None:
        """Make the index complete up to the step's last block, in one transaction.

        Blocks above ``base`` are undone first when ``base`` is below ``tip``; with nothing prepared that is all that
        happens.

        Raises:
            ProjectionFailed: the database refused a row; nothing was written.
            CursorMoved: the schema is not where this process left it.
        """
        try:
            await self._commit(step)
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            first = step.prepared.first_number if step.prepared else step.base.number
            raise ProjectionFailed(
                f"blocks {first} to {step.last.number}: table {error.diag.table_name} refused a row: {error}. The index"
                " is complete up to the block before; nothing of this batch was written."
            ) from error

    async def _commit(self, step: Step) -> None:
        if step.prepared is None or step.prepared.packed_logs is None:
            async with self._db.pipeline() as pipeline, self._db.transaction():
                await self._begin(step)
                await self._finish(step, pipeline)
            return
        async with self._db.transaction():
            await self._begin(step)
            await copy(self._db, self._logs, step.prepared.packed_logs)
            await self._derived.copy(step.prepared.derivation)
            # Postgres goes from one statement to the next by itself while this process prepares the next batch.
            async with self._db.pipeline() as pipeline:
                await self._finish(step, pipeline)

    async def _begin(self, step: Step) -> None:
        await self._db.execute(_HOLD_CURSOR)
        if step.base.number < step.tip.number:
            await self._undo(step.base)

    async def _finish(self, step: Step, pipeline: AsyncPipeline) -> None:
        last, marks = step.last, step.marks
        if step.prepared:
            if step.prepared.small_logs:
                await insert(self._db, self._logs, [_log_row(log) for log in step.prepared.small_logs])
            await insert(self._db, self._headers, step.prepared.headers)
            await self._derived.write(step.prepared.derivation)
        if last.number // PRUNED_EVERY != step.tip.number // PRUNED_EVERY:
            await self._db.execute("delete from headers where number < %s", (step.history,))
            await self._derived.prune(step.history)
        await self._db.execute("select pg_notify(%s, %s)", (FEED_CHANNEL, str(last.number)))
        values = (last.number, last.hash, last.time, marks.safe, marks.finalized, step.history, step.tip.hash)
        moved = await self._db.execute(_MOVE_CURSOR, values)
        await pipeline.sync()  # only now is the number of rows known
        if moved.rowcount != 1:
            raise CursorMoved(
                f"the index is no longer at block {step.tip.number}, where this process left it, although it holds"
                " the lock: find out who writes to the chain schema, then start the indexer again"
            )

    async def _undo(self, base: Header) -> None:
        await self._derived.undo(base)
        await delete_above(self._db, "logs", "block_number", base.number)
        await delete_above(self._db, "headers", "number", base.number)


def _log_row(log: Log) -> tuple[Any, ...]:
    topics = (*log.topics, None, None, None, None)[:4]
    return (*log[:7], *topics, log.data)
