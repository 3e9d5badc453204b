"""The journal: for each change of a row of current state, the row that was there before.

One row (block, table, key, old row) per key and block. Undoing the blocks above N puts back, for each key, the old
row of its earliest entry above N; the state as of block N is read the same way, with the present row where there is
no entry. Rows of facts need no journal: they are undone, and read as of N, by their block number.

The journal is written by the function that writes the tables, from the same staged rows, and projections yield rows
and have no other way to write, so nothing escapes it; final blocks skip it at no cost, which triggers could not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import LiteralString

from psycopg.sql import SQL, Composed, Identifier, Literal


@dataclass(frozen=True)
class Layout:
    """A table as the database has it: its columns in order, the oids and names of their types, its primary key."""

    name: str
    columns: tuple[str, ...]
    types: Mapping[str, int]
    type_names: Mapping[str, LiteralString]
    key: tuple[str, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """The columns as a set."""
        return frozenset(self.columns)

    @property
    def stage(self) -> str:
        """The connection's temporary table that rows come through."""
        return f"stage_{self.name}"


def stage_table(table: Layout) -> Composed:
    """The staging table: the columns without the constraints, because staged rows may be partial."""
    return SQL("create temporary table if not exists {} on commit delete rows as select * from {} with no data").format(
        Identifier(table.stage), Identifier(table.name)
    )


def note_old_rows(table: Layout) -> Composed:
    """Journal the rows that the staged rows of one block (the parameter) are about to replace."""
    return SQL(
        "insert into journal (block_number, relation, key, old)"
        " select s.block_number, {name}, jsonb_build_object({key}), to_jsonb(t)"
        " from {stage} s left join {table} t on {on} where s.block_number = %s order by {order}"
    ).format(
        name=Literal(table.name),
        key=SQL(", ").join(SQL("{}, {}").format(Literal(each), Identifier("s", each)) for each in table.key),
        stage=Identifier(table.stage),
        table=Identifier(table.name),
        on=_same_key(table),
        order=SQL(", ").join(Identifier("s", each) for each in table.key),
    )


def merge_staged(table: Layout, sums: Sequence[str], kept: Sequence[str], *, one_block: bool) -> Composed:
    """Merge the staged rows, of one block (the parameter) or all, into the table.

    ``sums`` are added to what is there, ``kept`` stay as they were first written, a null leaves the others unchanged.
    """
    updates = [each for each in table.columns if each not in table.key and each not in kept]
    return SQL(
        "merge into {table} t using (select * from {stage} {where}) s on {on}"
        " when matched then update set {updates}"
        " when not matched then insert ({columns}) values ({values})"
    ).format(
        table=Identifier(table.name),
        stage=Identifier(table.stage),
        where=SQL("where block_number = %s") if one_block else SQL(""),
        on=_same_key(table),
        updates=SQL(", ").join(
            SQL("{c} = t.{c} + coalesce(s.{c}, 0)" if each in sums else "{c} = coalesce(s.{c}, t.{c})").format(
                c=Identifier(each)
            )
            for each in updates
        ),
        columns=SQL(", ").join(map(Identifier, table.columns)),
        values=SQL(", ").join(
            SQL("coalesce(s.{}, 0)" if each in sums else "s.{}").format(Identifier(each)) for each in table.columns
        ),
    )


def put_back(table: Layout) -> Composed:
    """Give each row that blocks above the parameter changed the value it had before them."""
    columns = [each for each in table.columns if each not in table.key]
    return SQL(
        "merge into {table} t using ("
        " select old is null as was_absent, before.* from ("
        "  select distinct on (key) key, old from journal"
        "  where relation = {name} and block_number > %s order by key, seq"
        " ) earliest, jsonb_populate_record(null::{table}, coalesce(old, key)) before"
        ") s on {on}"
        " when matched and s.was_absent then delete"
        " when matched then update set {updates}"
    ).format(
        table=Identifier(table.name),
        name=Literal(table.name),
        on=_same_key(table),
        updates=SQL(", ").join(SQL("{c} = s.{c}").format(c=Identifier(each)) for each in columns),
    )


def _same_key(table: Layout) -> Composed:
    return SQL(" and ").join(SQL("t.{c} = s.{c}").format(c=Identifier(each)) for each in table.key)
