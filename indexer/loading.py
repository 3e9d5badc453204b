"""Two ways of rows to Postgres: arrays, one per column, as parameters of a statement; and COPY.

Statements can be parts of a pipeline: all of a transaction's are sent without waiting for each answer, which is what
the latency of a new block is made of. COPY cannot (libpq, "Pipeline Mode"), but costs less for many rows that are only
added. Both are packed here, and by psycopg where a table has types that are not known here.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.sql import SQL, Composed, Identifier

from indexer.binary import Pack, PackArrays, compile_arrays, compile_pack, packed
from indexer.errors import ProjectionFailed
from indexer.layout import Layout

# Integer types by oid. In binary COPY psycopg cuts off the high bits of what does not fit, without a word.
_INTEGERS = {21: 1 << 15, 23: 1 << 31, 20: 1 << 63}
_UNPACKABLE = (struct.error, TypeError, AttributeError, UnicodeEncodeError)
Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Columns:
    """Some columns of a table: their names, the names and oids of their types.

    How rows of them are packed and written is compiled and composed once per process, when it is needed first.
    """

    table: str
    names: tuple[str, ...]
    type_names: tuple[LiteralString, ...]
    oids: tuple[int, ...]

    @classmethod
    @cache
    def of(
        cls,
        layout: Layout,
        names: tuple[str, ...] | None = None,
        extra: tuple[tuple[str, LiteralString, int], ...] = (),
    ) -> "Columns":
        """Columns of a table, by default all; ``extra`` are further ones: their names, type names and oids."""
        chosen = layout.columns if names is None else names
        type_names = (*(layout.bare_type_names[each] for each in chosen), *(each[1] for each in extra))
        oids = (*(layout.types[each] for each in chosen), *(each[2] for each in extra))
        return cls(layout.name, (*chosen, *(each[0] for each in extra)), type_names, oids)

    @classmethod
    def by_type(cls, table: str, **columns: tuple[LiteralString, int]) -> "Columns":
        """Columns by the names and oids of their types."""
        type_names, oids = zip(*columns.values(), strict=True)
        return cls(table, tuple(columns), type_names, oids)

    @cached_property
    def pack(self) -> Pack | None:
        """Packs a row for COPY; None if there is a type that is not known here."""
        return compile_pack(self.oids)

    @cached_property
    def pack_arrays(self) -> PackArrays | None:
        """Packs rows as an array per column; None if there is a type that is not known here."""
        return compile_arrays(self.oids)

    @cached_property
    def as_arrays(self) -> Composed:
        """A query for the rows that `parameters` gives it."""
        # Without the modifiers of types, which would be looked at for each value, and are by the column anyway.
        unnested = SQL(", ").join(SQL("%s::{}[]").format(SQL(each)) for each in self.type_names)
        return SQL("select * from unnest({}) as staged ({})").format(unnested, self._names)

    @cached_property
    def copy_statement(self) -> bytes:
        """COPY into the table."""
        return composed(SQL("copy {} ({}) from stdin (format binary)").format(Identifier(self.table), self._names))

    @cached_property
    def insert_statement(self) -> bytes:
        """An insertion of the rows that `parameters` gives it."""
        return composed(SQL("insert into {} ({}) {}").format(Identifier(self.table), self._names, self.as_arrays))

    @cached_property
    def limits(self) -> Sequence[tuple[int, int]]:
        """The positions of integers, with the first number that does not fit."""
        return [(position, _INTEGERS[oid]) for position, oid in enumerate(self.oids) if oid in _INTEGERS]

    @property
    def _names(self) -> Composed:
        return SQL(", ").join(map(Identifier, self.names))


def composed(statement: Composed) -> bytes:
    """A statement as it is sent: composing one costs more than sending it, and most are sent again and again."""
    return statement.as_bytes(None)


def copied(columns: Columns, rows: Rows) -> "bytes | Rows":
    """What COPY will send: bytes where all types can be packed, which needs neither the database nor the rows later.

    Raises:
        ProjectionFailed: a value does not fit its column.
    """
    if columns.pack is None:
        require_fitting(columns, rows)
        return rows
    try:
        return packed(columns.pack, rows)
    except _UNPACKABLE as error:
        require_fitting(columns, rows)
        raise ProjectionFailed(f"a row of table {columns.table} has a value of another type: {error}") from error


async def copy(db: AsyncConnection, columns: Columns, data: "bytes | Rows") -> None:
    """COPY what `copied` made into its table."""
    async with db.cursor() as cursor, cursor.copy(columns.copy_statement) as copying:
        if isinstance(data, bytes):
            await copying.write(data)
            return
        copying.set_types(columns.oids)
        for row in data:
            await copying.write_row(row)


async def insert(db: AsyncConnection, columns: Columns, rows: Rows) -> None:
    """Insert rows with one statement. Raises as `parameters`."""
    await db.execute(columns.insert_statement, parameters(columns, rows))


def parameters(columns: Columns, rows: Rows) -> Sequence[Any]:
    """At least one row as an array per column.

    Raises:
        ProjectionFailed: a value does not fit its column.
    """
    if columns.pack_arrays is None:
        require_fitting(columns, rows)
        return [list(column) for column in zip(*rows, strict=True)]
    try:
        return columns.pack_arrays(rows)
    except _UNPACKABLE as error:
        require_fitting(columns, rows)
        raise ProjectionFailed(f"a row of table {columns.table} has a value of another type: {error}") from error


def require_fitting(columns: Columns, rows: Rows) -> None:
    """Raise ProjectionFailed if an integer does not fit its column."""
    for position, limit in columns.limits:
        for row in rows:
            if isinstance(value := row[position], int) and not -limit <= value < limit:
                raise ProjectionFailed(
                    f"{value} does not fit column {columns.names[position]} of table {columns.table}: {tuple(row)}"
                )
