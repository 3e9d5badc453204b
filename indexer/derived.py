"""What projections make of logs, and how it gets into their tables: prepared without the database, then only sent.

Used by the engine for new blocks, and to derive tables anew from the logs that are kept.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any, LiteralString, NamedTuple

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from indexer import feed
from indexer.blocks import Batch, Header, Span
from indexer.errors import SchemaMissing, Stop
from indexer.journal import IN_BLOCK, NEWEST, StateStatements
from indexer.layout import LAYOUTS, Layout, layouts
from indexer.loading import Columns, Rows, copied, copy, parameters
from indexer.projection import Router
from indexer.staging import Fold, compile_fold, fact_rows, rules_of
from indexer.tables import DOCUMENTS, FEED, Facts, Row, State

_WANT = """
insert into content.documents (kind, digest, codec) select * from unnest(%s::text[], %s::bytea[], %s::smallint[])
on conflict do nothing
"""

MIGRATE = "run `stemma indexer migrate`"
_DOCUMENTS = Columns.by_type("content.documents", kind=("text", 25), digest=("bytea", 17), codec=("smallint", 21))

COPIED_ROWS = 2_000
"""So many rows of a batch that may use COPY go by it, where they are only added."""
_STAGED: tuple[tuple[str, LiteralString, int], ...] = ((IN_BLOCK, "bigint", 20), (NEWEST, "boolean", 16))


@dataclass(frozen=True)
class _Target:
    """What is known of a projection's table before any row: how its rows are folded, packed and written.

    Compiled and composed once per process: a writer opens again after each failure of the database.
    """

    table: Facts | State
    layout: Layout
    columns: Columns
    columns_by_block: Columns
    state: StateStatements | None
    """None: a table of facts."""

    @classmethod
    @cache
    def of(cls, table: Facts | State, layout: Layout) -> "_Target":
        """The target of a table with this layout."""
        columns = Columns.of(layout)
        if isinstance(table, Facts):
            return cls(table, layout, columns, columns, None)
        by_block = Columns.of(layout, extra=_STAGED)
        statements = StateStatements(layout, rules_of(table), columns.as_arrays, by_block.as_arrays)
        return cls(table, layout, columns, by_block, statements)

    @cached_property
    def fold(self) -> Fold:
        """From a batch's rows to one per key; all of them in a table of facts."""
        return self._fold(by_block=False)

    @cached_property
    def fold_by_block(self) -> Fold:
        """From a batch's rows to one per key and block; all of them in a table of facts."""
        return self._fold(by_block=True)

    def _fold(self, *, by_block: bool) -> Fold:
        if isinstance(self.table, Facts):
            return partial(fact_rows, self.layout)
        return compile_fold(self.table, self.layout, by_block=by_block)

    @property
    def names(self) -> Sequence[str]:
        """The table, and its journal if it has one."""
        return (self.layout.name, self.layout.journal) if self.state else (self.layout.name,)

    def staged(self, rows: Sequence[Row], *, is_journaled: bool) -> tuple[Columns, Rows]:
        """What goes to Postgres of a projection's rows."""
        if is_journaled:
            return self.columns_by_block, self.fold_by_block(rows)
        return self.columns, self.fold(rows)


class _Load(NamedTuple):
    """Rows on their way into one table: packed for COPY, or as parameters of a statement."""

    state: StateStatements | None
    columns: Columns
    data: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation(Span):
    """What the projections make of a batch; ``copies`` go by COPY, which cannot be part of a pipeline."""

    counts: Mapping[str, int]
    copies: Sequence[_Load]
    loads: Sequence[_Load]
    documents: Sequence[Any]


class Derived:
    """The tables that projections fill, in the schema of a connection."""

    def __init__(
        self,
        connection: AsyncConnection,
        router: Router,
        *,
        only: Collection[str] | None = None,
        wants_documents: bool = True,
        advice: str = MIGRATE,
    ) -> None:
        """``only``: the tables to fill, by name; by default all, the feed included.

        ``wants_documents``: the resolver is told of the documents that all tables name. ``advice``: what to do where
        tables are missing.
        """
        self._db = connection
        self._router = router
        self._only = only
        self._advice = advice
        self._wants_documents = wants_documents and only is None
        self._targets: dict[str, _Target] = {}

    async def open(self, schema: str | None = None) -> Mapping[str, Layout]:
        """Read the tables' layouts, of the current schema by default, and return all of it.

        Raises:
            SchemaMissing: the migrations have not run.
            Stop: a projection's table or its journal is not in the schema.
        """
        found = layouts(await (await self._db.execute(LAYOUTS, (schema,))).fetchall())
        if "cursor" not in found:
            raise SchemaMissing(f"the chain schema is not there yet; {self._advice}")
        for table in self._router.tables:
            if table.name not in found or (isinstance(table, State) and found[table.name].journal not in found):
                raise Stop(f"table {table.name} or its journal is missing; {self._advice}")
            if self._only is None or table.name in self._only:
                self._targets[table.name] = _Target.of(table, found[table.name])
        self._feed = Columns.of(found["feed"], feed.COLUMNS)
        return found

    @property
    def layouts(self) -> Sequence[Layout]:
        """The tables that are filled."""
        return [target.layout for target in self._targets.values()]

    @property
    def table_names(self) -> Sequence[str]:
        """The tables that are filled, and their journals."""
        return [name for each in self._targets.values() for name in each.names]

    def prepare(self, batch: Batch, *, is_bulk: bool) -> Derivation:
        """Decode, project, fold and pack a batch; the database is not asked.

        Raises:
            ProjectionFailed: an event could not be decoded or projected.
            Stop: a projection does not fit its table.
        """
        rows, counts = self._router.project(batch.logs, by_block=batch.is_journaled)
        copies, loads = [], []
        for table, found in rows.items():
            state: StateStatements | None = None
            staged: Rows
            if target := self._targets.get(table.name):
                state = target.state
                columns, staged = target.staged(found, is_journaled=batch.is_journaled)
            elif table is FEED and self._only is None:
                columns, staged = self._feed, [feed.row(row) for row in found]
            else:
                continue
            if is_bulk and state is None and len(staged) >= COPIED_ROWS:
                copies.append(_Load(None, columns, copied(columns, staged)))
            else:
                loads.append(_Load(state, columns, parameters(columns, staged)))
        wanted = {(row.values["kind"], row.values["digest"], row.values["codec"]): None for row in rows[DOCUMENTS]}
        return Derivation(
            first_number=batch.first_number,
            headers=batch.headers,
            is_final=batch.is_final,
            is_journaled=batch.is_journaled,
            counts=counts,
            copies=copies,
            loads=loads,
            documents=parameters(_DOCUMENTS, list(wanted)) if wanted and self._wants_documents else (),
        )

    async def copy(self, derivation: Derivation) -> None:
        """Write what goes by COPY, outside of a pipeline, before the rest."""
        for load in derivation.copies:
            await copy(self._db, load.columns, load.data)

    async def write(self, derivation: Derivation) -> None:
        """Bring the tables to the state after the batch, in the caller's transaction."""
        for load in derivation.loads:
            await self._db.execute(_statement(load, is_journaled=derivation.is_journaled), load.data)
        if derivation.documents:
            await self._db.execute(_WANT, derivation.documents)

    async def undo(self, base: Header) -> None:
        """Take back every block above ``base``; the feed says so, newest event first."""
        for target in self._targets.values():
            if target.state:
                await self._db.execute(target.state.put_back, {"base": base.number})
                await self._db.execute(target.state.forget_above, (base.number,))
            else:
                await delete_above(self._db, target.layout.name, "block_number", base.number)
        await self._db.execute(feed.REVERT, (base.number,))

    async def prune(self, history: int) -> None:
        """Let go of what was replaced up to the block ``history``: nobody reads as of a block before it."""
        for target in self._targets.values():
            if target.state:
                await self._db.execute(target.state.prune, (history,))


def _statement(load: _Load, *, is_journaled: bool) -> bytes:
    """Brings a table to the state after the batch, and its journal unless nobody asks that far."""
    if load.state is None:
        return load.columns.insert_statement
    return load.state.note_and_merge if is_journaled else load.state.merge


async def delete_above(db: AsyncConnection, name: str, column: str, block: int) -> None:
    """Delete a table's rows of blocks above one."""
    await db.execute(SQL("delete from {} where {} > %s").format(Identifier(name), Identifier(column)), (block,))
