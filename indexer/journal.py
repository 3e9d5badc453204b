"""The journal: for each change of a row of current state, the row that was there before.

Each table of current state has a `<table>_journal` with the same columns, in which one row stands for one (key, block):
what the block ``replaced_in`` replaced, and whether there was anything (``existed``). The replaced row itself says
since when it held. So the row of a key as of block N is either the present one, if it was changed at or before N, or
the one journal row that held at N; there is nothing to sort and nothing to search for. The same row is what undoing
down to N puts back. Rows of facts need no journal: they are undone, and read as of N, by their block number.

A batch of many blocks is journaled by one statement. Its staged rows are cumulative: the row of (key, block) holds all
that the batch said of the key up to that block, so the row before block B is the staged row of the key's previous block
over the present one. Journal and table are written from the same staged rows, and projections yield rows and have no
other way to write: nothing escapes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from psycopg.sql import SQL, Composable, Composed, Identifier

from indexer.errors import Stop
from indexer.layout import CHANGED_IN, Layout
from indexer.loading import composed
from indexer.tables import State

IN_BLOCK = "in_block"
"""Column of staged rows: the block that the row is the state after."""
NEWEST = "newest"
"""Column of staged rows: whether the batch has no later row of the key."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a table's staged rows are merged: ``sums`` are added to what is there, ``kept`` stay as first written.

    In every other column a null leaves what is there.
    """

    sums: Sequence[str]
    kept: Sequence[str]


def require_journalable(table: State, layout: Layout) -> Layout:
    """Return the layout of a table that can be journaled.

    Raises:
        Stop: it has no primary key, or does not say in which block a row changed last.
    """
    if not layout.key or not {"block_number", "log_index"} <= layout.names:
        raise Stop(f"table {table.name} needs a primary key, and the columns block_number and log_index")
    if (table.made_by == "first") != (layout.changed == CHANGED_IN):
        raise Stop(
            f"table {table.name} is made by its {table.made_by} log: its migration must"
            f" {'give' if table.made_by == 'first' else 'not give'} it a column {CHANGED_IN} bigint not null"
        )
    return layout


ROOM = 70
"""How full, in percent, Postgres fills the pages of a table whose rows change: a row that finds room in its page is
changed without a word to the indexes, which halves what a backfill's merges cost."""


def make_journal(schema: str, table: Layout) -> Composed:
    """The statements that make a table's journal, and bring one that is there to the table's columns."""
    name = Identifier(schema, table.journal)
    columns = SQL(", ").join(
        SQL("{} {}").format(Identifier(each), SQL(table.type_names[each])) for each in table.columns
    )
    added = SQL(", ").join(
        SQL("add column if not exists {} {}").format(Identifier(each), SQL(table.type_names[each]))
        for each in table.columns
    )
    return SQL(
        "create table if not exists {name} (replaced_in bigint not null, existed boolean not null, {columns},"
        " primary key ({key}, replaced_in));"
        " create index if not exists {index} on {name} (replaced_in);"
        " alter table {name} {added}; alter table {table} set (fillfactor = {room})"
    ).format(
        name=name,
        table=Identifier(schema, table.name),
        room=ROOM,
        columns=columns,
        key=_names(table.key),
        index=Identifier(f"{table.journal}_block"),
        added=added,
    )


class StateStatements:
    """What is sent for one table of current state; each statement is composed when it is needed first."""

    def __init__(self, table: Layout, rules: Rules, rows: Composed, rows_by_block: Composed) -> None:
        """``rows``: the query for rows that come as parameters, one per key; ``rows_by_block``: per key and block."""
        self._table = table
        self._rules = rules
        self._rows = rows
        self._rows_by_block = rows_by_block
        self._journal = Identifier(table.journal)

    @cached_property
    def merge(self) -> bytes:
        """Merge rows, one per key."""
        return composed(_merge_staged(self._table, self._rules, SQL("({})").format(self._rows)))

    @cached_property
    def note_and_merge(self) -> bytes:
        """Journal what rows, one per key and block, replace, and merge them."""
        return composed(_note_and_merge(self._table, self._rules, self._rows_by_block))

    @cached_property
    def put_back(self) -> bytes:
        """Undo the blocks above the parameter ``base``."""
        return composed(_put_back(self._table))

    @cached_property
    def forget_above(self) -> bytes:
        """Take what blocks above the parameter replaced out of the journal, once it is put back."""
        return composed(SQL("delete from {} where replaced_in > %s").format(self._journal))

    @cached_property
    def prune(self) -> bytes:
        """Let go of what was replaced up to the parameter."""
        return composed(SQL("delete from {} where replaced_in <= %s").format(self._journal))


def _note_and_merge(table: Layout, rules: Rules, rows: Composable) -> Composed:
    """One statement: journal what the staged rows replace and merge them into the table.

    All parts of a statement see the table as it was before it (PostgreSQL, "Data-Modifying Statements in WITH").
    """
    return SQL("with staged as materialized ({rows}), noted as ({note}) {merge}").format(
        rows=rows,
        note=_note_old_rows(table, rules, SQL("staged")),
        merge=_merge_staged(table, rules, SQL("(select * from staged where newest)")),
    )


def _note_old_rows(table: Layout, rules: Rules, staged: Composable) -> Composed:
    """Journal the rows that the staged rows are about to replace."""
    others = [each for each in table.columns if each not in table.key]
    return SQL(
        "insert into {journal} (replaced_in, existed, {columns})"
        " select s.in_block, t.{a_key} is not null or s.before is not null, {values}"
        " from (select *, lag(in_block) over w as before, {lagged} from {staged}"
        " window w as (partition by {key} order by in_block)) s left join {table} t on {on}"
    ).format(
        journal=Identifier(table.journal),
        columns=_names(table.columns),
        a_key=Identifier(table.key[0]),
        values=SQL(", ").join(
            Identifier("s", each) if each in table.key else _before(each, rules) for each in table.columns
        ),
        lagged=SQL(", ").join(
            SQL("lag({}) over w as {}").format(Identifier(each), Identifier(f"before_{each}")) for each in others
        ),
        staged=staged,
        key=_names(table.key),
        table=Identifier(table.name),
        on=_same_key(table),
    )


def _merge_staged(table: Layout, rules: Rules, staged: Composable) -> Composed:
    """Merge staged rows, one per key, into the table."""
    updates = [each for each in table.columns if each not in table.key and each not in rules.kept]
    return SQL(
        "merge into {table} t using {staged} s on {on}"
        " when matched then update set {updates}"
        " when not matched then insert ({columns}) values ({values})"
    ).format(
        table=Identifier(table.name),
        staged=staged,
        on=_same_key(table),
        updates=SQL(", ").join(
            SQL("{c} = t.{c} + coalesce(s.{c}, 0)" if each in rules.sums else "{c} = coalesce(s.{c}, t.{c})").format(
                c=Identifier(each)
            )
            for each in updates
        ),
        columns=_names(table.columns),
        values=SQL(", ").join(
            SQL("coalesce(s.{}, 0)" if each in rules.sums else "s.{}").format(Identifier(each))
            for each in table.columns
        ),
    )


def _put_back(table: Layout) -> Composed:
    """Give each row that blocks above the parameter changed the value it had before them."""
    columns = [each for each in table.columns if each not in table.key]
    return SQL(
        "merge into {table} t using ("
        " select * from {journal} where replaced_in > %(base)s and (not existed or {changed} <= %(base)s)"
        ") s on {on}"
        " when matched and not s.existed then delete"
        " when matched then update set {updates}"
    ).format(
        table=Identifier(table.name),
        journal=Identifier(table.journal),
        changed=Identifier(table.changed),
        on=_same_key(table),
        updates=SQL(", ").join(SQL("{c} = s.{c}").format(c=Identifier(each)) for each in columns),
    )


def _before(column: str, rules: Rules) -> Composed:
    """The value of a column before a staged row's block: the batch's earlier word over the table's."""
    if column in rules.sums:
        template = (
            "case when t.block_number is not null or s.before is not null"
            " then coalesce(t.{c}, 0) + coalesce(s.{b}, 0) end"
        )
    elif column in rules.kept:
        template = "coalesce(t.{c}, s.{b})"
    else:
        template = "coalesce(s.{b}, t.{c})"
    return SQL(template).format(c=Identifier(column), b=Identifier(f"before_{column}"))


def _same_key(table: Layout) -> Composed:
    return SQL(" and ").join(SQL("t.{c} = s.{c}").format(c=Identifier(each)) for each in table.key)


def _names(columns: Sequence[str]) -> Composed:
    return SQL(", ").join(map(Identifier, columns))
