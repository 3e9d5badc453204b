"""Writes blocks: raw logs, projections, journal, cursor, feed and NOTIFY in one transaction."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncPipeline
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from indexer import feed
from indexer.blocks import Batch, Header, Log, Marks
from indexer.errors import CursorMoved, ProjectionFailed, SchemaMissing, Stop
from indexer.journal import Layout, merge_staged, note_old_rows, put_back, stage_table
from indexer.loading import load
from indexer.projection import Router
from indexer.tables import DOCUMENTS, FEED, Facts, Row, State, Table
from stemma.catalog.views import FEED_CHANNEL

_LAYOUTS = """
select c.relname, array_agg(a.attname::text order by a.attnum), array_agg(a.atttypid::int order by a.attnum),
    array_agg(format_type(a.atttypid, a.atttypmod) order by a.attnum),
    array_agg(a.attname::text order by array_position(k.conkey, a.attnum)) filter (where a.attnum = any (k.conkey))
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
group by c.relname
"""
_LOG_COLUMNS = (
    *("block_number", "log_index", "tx_index", "block_time", "block_hash", "tx_hash", "address"),
    *("topic0", "topic1", "topic2", "topic3", "data"),
)
_READ_CURSOR = "select genesis_hash, contracts, safe_block, finalized_block from cursor"
_READ_HEADERS = "select number, hash, parent_hash, time from headers order by number"
_PIN = """
insert into cursor (
    chain_id, genesis_hash, contracts, block_number, block_hash, block_time, safe_block, finalized_block
) values (%s, %s, %s, %s, %s, %s, 0, 0)
"""
# Comparing and setting in one: whoever else wrote, this process must not go on as if it knew the state.
_MOVE_CURSOR = """
update cursor set block_number = %s, block_hash = %s, block_time = %s, safe_block = %s, finalized_block = %s
where block_hash = %s
"""
_WANT = """
insert into content.documents (kind, digest, codec) select * from unnest(%s::text[], %s::bytea[], %s::smallint[])
on conflict do nothing
"""


PIPELINED_LOGS = 1_000
"""Batches of up to so many logs, such as new blocks, go to Postgres in one or two round trips."""


@dataclass(frozen=True, slots=True)
class _Step:
    """From the index at ``tip``, back to ``base`` if that is below, and on by the batch and its projected rows."""

    batch: Batch | None
    rows: Mapping[Table, Sequence[Row]]
    tip: Header
    base: Header
    marks: Marks

    @property
    def last(self) -> Header:
        return self.batch.last if self.batch else self.base


class Writer:
    """The one writer of a chain schema, over the connection that holds its lock."""

    def __init__(self, connection: AsyncConnection, router: Router, *, pipelined_logs: int = PIPELINED_LOGS) -> None:
        """``pipelined_logs``: batches of up to so many logs go as one pipeline, larger ones by COPY."""
        self._db = connection
        self._router = router
        self._pipelined_logs = pipelined_logs
        self._layouts: dict[str, Layout] = {}

    async def open(self) -> None:
        """Read the tables' layouts and make the staging tables.

        Raises:
            SchemaMissing: the migrations have not run.
            Stop: a projection's table is not in the schema.
        """
        rows = await (await self._db.execute(_LAYOUTS)).fetchall()
        self._layouts = {
            name: Layout(
                name,
                tuple(columns),
                dict(zip(columns, oids, strict=True)),
                dict(zip(columns, types, strict=True)),
                tuple(key or ()),
            )
            for name, columns, oids, types, key in rows
        }
        if "cursor" not in self._layouts:
            raise SchemaMissing("the chain schema is not there yet; `stemma indexer migrate` makes it")
        for table in self._router.tables:
            if table.name not in self._layouts:
                raise Stop(f"table {table.name} is missing; run `stemma indexer migrate`")
            if isinstance(table, State):
                await self._db.execute(stage_table(self._layouts[table.name]))

    async def state(self) -> tuple[bytes | None, Sequence[Header], Marks]:
        """The genesis hash that the schema is pinned to (None: nothing indexed yet), its headers, its marks.

        Raises:
            Stop: the schema was filled from other contracts than these.
        """
        cursor = await (await self._db.execute(_READ_CURSOR)).fetchone()
        if cursor is None:
            return None, [], Marks(0, 0)
        headers = [Header(*row) for row in await (await self._db.execute(_READ_HEADERS)).fetchall()]
        if cursor[1] != self._router.addresses_by_name:
            raise Stop(
                f"the index was made from the contracts {cursor[1]}, the deployment has"
                f" {self._router.addresses_by_name}: begin anew with `stemma indexer migrate --fresh`"
            )
        return cursor[0], headers, Marks(cursor[2], cursor[3])

    async def pin(self, chain_id: int, genesis_hash: bytes, anchor: Header) -> None:
        """Bind the empty schema to a chain; the index is complete up to ``anchor``, before the first contract."""
        async with self._db.transaction():
            contracts = Jsonb(self._router.addresses_by_name)
            values = (chain_id, genesis_hash, contracts, anchor.number, anchor.hash, anchor.time)
            await self._db.execute(_PIN, values)
            await self._load("headers", Header._fields, [anchor])

    async def apply(self, batch: Batch | None, *, tip: Header, base: Header, marks: Marks) -> Mapping[str, int]:
        """Make the index complete up to the batch's last block; return the number of events by name.

        Blocks above ``base`` are undone first, in the same transaction, when ``base`` is below ``tip``; with no batch
        that is all that happens.

        Raises:
            ProjectionFailed: an event could not be decoded or projected; nothing was written.
            CursorMoved: the schema is not where this process left it.
        """
        rows, counts = self._router.project(batch.logs) if batch else ({}, {})
        step = _Step(batch, rows, tip, base, marks)
        try:
            await self._commit(step)
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            first = batch.first_number if batch else base.number
            raise ProjectionFailed(
                f"blocks {first} to {step.last.number}: table {error.diag.table_name} refused a row: {error}. The index"
                " is complete up to the block before; nothing of this batch was written."
            ) from error
        return counts

    async def _commit(self, step: _Step) -> None:
        if step.batch and len(step.batch.logs) > self._pipelined_logs:
            await self._transact(step, None)
            return
        async with self._db.pipeline() as pipeline:
            await self._transact(step, pipeline)

    async def _transact(self, step: _Step, pipeline: AsyncPipeline | None) -> None:
        last, marks = step.last, step.marks
        async with self._db.transaction():
            if step.base.number < step.tip.number:
                await self._undo(step.base)
            if step.batch:
                await self._write(step.batch, step.rows)
            floor = min(marks.finalized, last.number)
            await self._db.execute("delete from headers where number < %s", (floor,))
            await self._db.execute("delete from journal where block_number <= %s", (floor,))
            await self._db.execute("select pg_notify(%s, %s)", (FEED_CHANNEL, str(last.number)))
            values = (last.number, last.hash, last.time, marks.safe, marks.finalized, step.tip.hash)
            moved = await self._db.execute(_MOVE_CURSOR, values)
            if pipeline:
                await pipeline.sync()  # only now is the number of rows known
            if moved.rowcount != 1:
                raise CursorMoved(
                    f"the index is no longer at block {step.tip.number}, where this process left it, although it holds"
                    " the lock: find out who writes to the chain schema, then start the indexer again"
                )

    async def _write(self, batch: Batch, rows: Mapping[Table, Sequence[Row]]) -> None:
        await self._load("logs", _LOG_COLUMNS, map(_log_row, batch.logs))
        await self._load("headers", Header._fields, batch.headers)
        for table, found in rows.items():
            if isinstance(table, Facts):
                layout = self._layouts[table.name]
                await self._load(table.name, layout.columns, _fact_rows(layout, found))
            elif isinstance(table, State):
                await self._merge(table, found, is_final=batch.is_final)
            elif table is FEED:
                await self._load("feed", feed.COLUMNS, map(feed.row, found))
            elif table is DOCUMENTS:
                asked = {(row.values["kind"], row.values["digest"], row.values["codec"]): None for row in found}
                await self._db.execute(_WANT, [list(column) for column in zip(*asked, strict=True)])

    async def _merge(self, table: State, rows: Sequence[Row], *, is_final: bool) -> None:
        """Bring the table to the state after the batch, block by block with a journal unless the blocks are final."""
        layout = self._layouts[table.name]
        kept = ("block_number", "log_index") if table.made_by == "first" else ()
        staged = fold(table, layout, rows, by_block=not is_final)
        await self._load(layout.stage, layout.columns, staged, layout)
        if is_final:
            await self._db.execute(merge_staged(layout, table.sums, kept, one_block=False))
            return
        for block_number in sorted({row.at.block_number for row in rows}):
            await self._db.execute(note_old_rows(layout), (block_number,))
            await self._db.execute(merge_staged(layout, table.sums, kept, one_block=True), (block_number,))

    async def _undo(self, base: Header) -> None:
        """Take back every block above ``base``; the feed says so, newest event first."""
        for table in self._router.tables:
            if isinstance(table, State):
                await self._db.execute(put_back(self._layouts[table.name]), (base.number,))
            else:
                await self._delete_above(table.name, "block_number", base)
        await self._db.execute(feed.REVERT, (base.number,))
        await self._delete_above("journal", "block_number", base)
        await self._delete_above("logs", "block_number", base)
        await self._delete_above("headers", "number", base)

    async def _delete_above(self, name: str, column: str, base: Header) -> None:
        statement = SQL("delete from {} where {} > %s").format(Identifier(name), Identifier(column))
        await self._db.execute(statement, (base.number,))

    async def _load(
        self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], layout: Layout | None = None
    ) -> None:
        await load(self._db, name, layout or self._layouts[name], columns, rows)


def fold(table: State, layout: Layout, rows: Sequence[Row], *, by_block: bool) -> Iterator[list[Any]]:
    """Merge partial rows, given in (block, log index) order, into one per key, or one per key and block.

    Yields rows in the order of the layout's columns; None where no row named the column.
    """
    key_of = itemgetter(*layout.key)
    folded: dict[Any, dict[str, Any]] = {}
    for _, at, values in rows:
        key = (key_of(values), at.block_number) if by_block else key_of(values)
        merged = folded.get(key)
        if merged is None:
            folded[key] = {"block_number": at.block_number, "log_index": at.log_index, **values}
            continue
        sums = {
            column: merged[column] + values[column] for column in table.sums if column in merged and column in values
        }
        merged.update(values)
        merged.update(sums)
        if table.made_by == "last":
            merged["block_number"], merged["log_index"] = at.block_number, at.log_index
    for merged in folded.values():
        if not merged.keys() <= layout.names:
            raise Stop(f"a projection gave {sorted(merged)} for table {layout.name}, which has {layout.columns}")
        yield [merged.get(column) for column in layout.columns]


def _fact_rows(layout: Layout, rows: Sequence[Row]) -> Iterator[list[Any]]:
    for row in rows:
        values = row.values | {"block_number": row.at.block_number, "log_index": row.at.log_index}
        if len(values) != len(layout.columns):
            raise Stop(f"a projection gave {sorted(values)} for table {layout.name}, which has {layout.columns}")
        yield [values[column] for column in layout.columns]


def _log_row(log: Log) -> tuple[Any, ...]:
    topics = (*log.topics, None, None, None, None)[:4]
    return (*log[:7], *topics, log.data)
