"""Tables as the database has them: columns, types and keys are named in the migrations and nowhere else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, LiteralString

CHANGED_IN = "changed_in"
"""The column with the block that changed a row last, in tables whose rows name the log that made them first."""

LAYOUTS = """
select c.relname, array_agg(a.attname::text order by a.attnum), array_agg(a.atttypid::int order by a.attnum),
    array_agg(format_type(a.atttypid, a.atttypmod) order by a.attnum),
    array_agg(format_type(a.atttypid, -1) order by a.attnum),
    array_agg(a.attname::text order by array_position(k.conkey, a.attnum)) filter (where a.attnum = any (k.conkey))
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
where c.relnamespace = coalesce(to_regnamespace(%s), current_schema()::regnamespace) and c.relkind = 'r'
group by c.relname
"""
"""One row per table of a schema (null: the current one); identity columns are left out."""


@dataclass(frozen=True)
class Layout:
    """A table as the database has it: its columns in order, the oids and names of their types, its primary key.

    Bare names are without modifiers: a cast to `timestamptz` where the column is a `timestamptz(0)`.
    """

    name: str
    columns: tuple[str, ...]
    types: Mapping[str, int]
    type_names: Mapping[str, LiteralString]
    bare_type_names: Mapping[str, LiteralString]
    key: tuple[str, ...]

    def __hash__(self) -> int:
        """So that what is compiled for a table is kept by its layout."""
        return hash((self.name, self.columns))

    @cached_property
    def names(self) -> frozenset[str]:
        """The columns as a set."""
        return frozenset(self.columns)

    @property
    def changed(self) -> str:
        """The column with the block that changed a row last.

        That is ``block_number``, unless the row names the log that made it first: then ``changed_in``.
        """
        return CHANGED_IN if CHANGED_IN in self.names else "block_number"

    @property
    def journal(self) -> str:
        """The table of the rows that were replaced."""
        return f"{self.name}_journal"


def layouts(rows: Sequence[Sequence[Any]]) -> dict[str, Layout]:
    """The answer to LAYOUTS, by table."""
    return {
        name: Layout(
            name,
            tuple(columns),
            dict(zip(columns, oids, strict=True)),
            dict(zip(columns, types, strict=True)),
            dict(zip(columns, bare, strict=True)),
            tuple(key or ()),
        )
        for name, columns, oids, types, bare, key in rows
    }
