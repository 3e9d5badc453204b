"""Writes blocks: raw logs, projections, journal, cursor, feed and NOTIFY in one transaction.

What can be done without the database (`Writer.prepare`: decode, project, fold, pack) is done ahead, for the next batch
while Postgres works on this one; `Writer.apply` only sends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import AsyncConnection, AsyncPipeline
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from indexer import feed
from indexer.binary import HEADER, TRAILER, pack_log
from indexer.blocks import Batch, Header, Log, Marks, Span
from indexer.errors import CursorMoved, ProjectionFailed, SchemaMissing, Stop
from indexer.journal import IN_BLOCK, NEWEST, Rules, merge_staged, note_and_merge, note_old_rows, put_back, stage_table
from indexer.layout import LAYOUTS, Layout, layouts
from indexer.loading import Columns, Rows, arrays, as_arrays, copied, copy, insert, require_fitting
from indexer.projection import Router
from indexer.staging import Fold, compile_fold, fact_rows, rules_of
from indexer.tables import DOCUMENTS, FEED, Facts, State
from stemma.catalog.views import FEED_CHANNEL

_LOG_COLUMNS = (
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
_WANT = """
insert into content.documents (kind, digest, codec) select * from unnest(%s::text[], %s::bytea[], %s::smallint[])
on conflict do nothing
"""
_STAGED: Mapping[str, tuple[LiteralString, int]] = {IN_BLOCK: ("bigint", 20), NEWEST: ("boolean", 16)}

PIPELINED_LOGS = 1_000
"""Batches of up to so many logs, such as new blocks, go to Postgres in one or two round trips."""
PRUNED_EVERY = 64
"""Blocks between two looks at what the journal need not hold any longer."""


@dataclass(frozen=True)
class _Target:
    """What is known of a projection's table before any row: how its rows are folded, packed and merged."""

    table: Facts | State
    layout: Layout
    columns: Columns
    fold: Fold
    fold_by_block: Fold
    rules: Rules

    @classmethod
    def of(cls, table: Facts | State, layout: Layout) -> "_Target":
        if isinstance(table, Facts):

            def fold(rows: Sequence[Any]) -> list[tuple[Any, ...]]:
                return fact_rows(layout, rows)

            return cls(table, layout, Columns.of(layout), fold, fold, Rules((), ()))
        return cls(
            table,
            layout,
            Columns.of(layout, extra=_STAGED),
            compile_fold(table, layout, by_block=False),
            compile_fold(table, layout, by_block=True),
            rules_of(table),
        )


class _Load(NamedTuple):
    """Rows on their way into one table: packed for COPY, or as they are."""

    target: _Target
    data: bytes | Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared(Span):
    """A batch with all that it will write; ``packed_logs`` are the logs of a batch that goes by COPY."""

    logs: int
    counts: Mapping[str, int]
    small_logs: Sequence[Log]
    packed_logs: bytes | None
    loads: Sequence[_Load]
    feed: Rows
    documents: Rows


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

    def __init__(self, connection: AsyncConnection, router: Router, *, pipelined_logs: int = PIPELINED_LOGS) -> None:
        """``pipelined_logs``: batches of up to so many logs go as one pipeline, larger ones by COPY."""
        self._db = connection
        self._router = router
        self._pipelined_logs = pipelined_logs
        self._targets: dict[str, _Target] = {}

    async def open(self) -> None:
        """Read the tables' layouts.

        Raises:
            SchemaMissing: the migrations have not run.
            Stop: a projection's table or its journal is not in the schema.
        """
        found = layouts(await (await self._db.execute(LAYOUTS, (None,))).fetchall())
        if "cursor" not in found:
            raise SchemaMissing("the chain schema is not there yet; `stemma indexer migrate` makes it")
        for table in self._router.tables:
            if table.name not in found or (isinstance(table, State) and found[table.name].journal not in found):
                raise Stop(f"table {table.name} or its journal is missing; run `stemma indexer migrate`")
            self._targets[table.name] = _Target.of(table, found[table.name])
        self._logs = Columns.of(found["logs"], _LOG_COLUMNS)
        self._headers = Columns.of(found["headers"], Header._fields)
        self._feed = Columns.of(found["feed"], feed.COLUMNS)

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
            await insert(self._db, "headers", self._headers, [anchor])

    def prepare(self, batch: Batch) -> Prepared:
        """Decode, project, fold and pack a batch; the database is not asked.

        Raises:
            ProjectionFailed: an event could not be decoded or projected.
            Stop: a projection does not fit its table.
        """
        rows, counts = self._router.project(batch.logs)
        is_bulk = len(batch.logs) > self._pipelined_logs
        loads = []
        for table, found in rows.items():
            if table not in (FEED, DOCUMENTS):
                target = self._targets[table.name]
                staged = (target.fold_by_block if batch.is_journaled else target.fold)(found)
                loads.append(_Load(target, copied(table.name, target.columns, staged) if is_bulk else staged))
        wanted = {(row.values["kind"], row.values["digest"], row.values["codec"]): None for row in rows[DOCUMENTS]}
        return Prepared(
            first_number=batch.first_number,
            headers=batch.headers,
            logs=len(batch.logs),
            counts=counts,
            is_final=batch.is_final,
            is_journaled=batch.is_journaled,
            small_logs=() if is_bulk else batch.logs,
            packed_logs=b"".join(chain((HEADER,), map(pack_log, batch.logs), (TRAILER,))) if is_bulk else None,
            loads=loads,
            feed=[feed.row(row) for row in rows[FEED]],
            documents=list(wanted),
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
        if step.prepared and step.prepared.packed_logs is not None:
            await self._transact(step, None)
            return
        async with self._db.pipeline() as pipeline:
            await self._transact(step, pipeline)

    async def _transact(self, step: Step, pipeline: AsyncPipeline | None) -> None:
        last, marks = step.last, step.marks
        async with self._db.transaction():
            await self._db.execute(_HOLD_CURSOR)
            if step.base.number < step.tip.number:
                await self._undo(step.base)
            if step.prepared:
                await self._write(step.prepared)
            if last.number // PRUNED_EVERY != step.tip.number // PRUNED_EVERY:
                await self._prune(step)
            await self._db.execute("select pg_notify(%s, %s)", (FEED_CHANNEL, str(last.number)))
            values = (last.number, last.hash, last.time, marks.safe, marks.finalized, step.history, step.tip.hash)
            moved = await self._db.execute(_MOVE_CURSOR, values)
            if pipeline:
                await pipeline.sync()  # only now is the number of rows known
            if moved.rowcount != 1:
                raise CursorMoved(
                    f"the index is no longer at block {step.tip.number}, where this process left it, although it holds"
                    " the lock: find out who writes to the chain schema, then start the indexer again"
                )

    async def _write(self, prepared: Prepared) -> None:
        if prepared.packed_logs is not None:
            await copy(self._db, "logs", self._logs, prepared.packed_logs)
        elif prepared.small_logs:
            await insert(self._db, "logs", self._logs, [_log_row(log) for log in prepared.small_logs])
        await self._put("headers", self._headers, prepared.headers)
        for target, data in prepared.loads:
            if isinstance(target.table, State):
                await self._merge(target, data, is_journaled=prepared.is_journaled)
            elif isinstance(data, bytes) or self._is_copying:
                await copy(self._db, target.layout.name, target.columns, data)
            else:
                await insert(self._db, target.layout.name, target.columns, data)
        await self._put("feed", self._feed, prepared.feed)
        if prepared.documents:
            await self._db.execute(_WANT, arrays(prepared.documents))

    async def _put(self, name: str, columns: Columns, rows: Rows) -> None:
        if rows and self._is_copying:
            await copy(self._db, name, columns, copied(name, columns, rows))
        elif rows:
            await insert(self._db, name, columns, rows)

    @property
    def _is_copying(self) -> bool:
        return self._db.pgconn.pipeline_status == psycopg.pq.PipelineStatus.OFF

    async def _merge(self, target: _Target, data: bytes | Rows, *, is_journaled: bool) -> None:
        """Bring a table of current state to the state after the batch, and its journal unless nobody asks that far."""
        layout, rules = target.layout, target.rules
        if not self._is_copying:
            assert not isinstance(data, bytes)
            require_fitting(layout.name, target.columns, data)
            staged = as_arrays(target.columns)
            if is_journaled:
                await self._db.execute(note_and_merge(layout, staged, rules), arrays(data))
            else:
                await self._db.execute(merge_staged(layout, rules, SQL("({}) x").format(staged)), arrays(data))
            return
        await self._db.execute(stage_table(layout))
        stage = Identifier(layout.stage)
        await copy(self._db, layout.stage, target.columns, data)
        if is_journaled:
            await self._db.execute(note_old_rows(layout, rules, stage))
        await self._db.execute(merge_staged(layout, rules, stage))

    async def _undo(self, base: Header) -> None:
        """Take back every block above ``base``; the feed says so, newest event first."""
        for target in self._targets.values():
            if isinstance(target.table, State):
                await self._db.execute(put_back(target.layout), {"base": base.number})
                await self._delete_above(target.layout.journal, "replaced_in", base)
            else:
                await self._delete_above(target.layout.name, "block_number", base)
        await self._db.execute(feed.REVERT, (base.number,))
        await self._delete_above("logs", "block_number", base)
        await self._delete_above("headers", "number", base)

    async def _prune(self, step: Step) -> None:
        """Let go of what no reorg can ask for and no reader may."""
        await self._db.execute("delete from headers where number < %s", (step.history,))
        for target in self._targets.values():
            if isinstance(target.table, State):
                statement = SQL("delete from {} where replaced_in <= %s").format(Identifier(target.layout.journal))
                await self._db.execute(statement, (step.history,))

    async def _delete_above(self, name: str, column: str, base: Header) -> None:
        statement = SQL("delete from {} where {} > %s").format(Identifier(name), Identifier(column))
        await self._db.execute(statement, (base.number,))


def _log_row(log: Log) -> tuple[Any, ...]:
    topics = (*log.topics, None, None, None, None)[:4]
    return (*log[:7], *topics, log.data)
