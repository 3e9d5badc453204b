"""Three ways of rows to Postgres: packed COPY for many, psycopg's COPY for types that are not packed here, and arrays.

Few rows go as arrays, as parts of a pipeline: all statements of a transaction are sent without waiting for each answer,
which is what the latency of a new block is made of. COPY cannot be part of one (libpq, "Pipeline Mode").
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.sql import SQL, Composed, Identifier

from indexer.binary import Pack, compile_pack, packed
from indexer.errors import ProjectionFailed
from indexer.layout import Layout

# Integer types by oid. In binary COPY psycopg cuts off the high bits of what does not fit, without a word.
_INTEGERS = {21: 1 << 15, 23: 1 << 31, 20: 1 << 63}
Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Columns:
    """Some columns of rows: their names, the names and oids of their types, and how rows of them are packed."""

    names: tuple[str, ...]
    type_names: tuple[LiteralString, ...]
    oids: tuple[int, ...]
    pack: Pack | None

    @classmethod
    def of(
        cls,
        layout: Layout,
        names: Sequence[str] | None = None,
        extra: Mapping[str, tuple[LiteralString, int]] = MappingProxyType({}),
    ) -> "Columns":
        """Columns of a table, by default all; ``extra`` gives further ones by type name and oid."""
        chosen = layout.columns if names is None else tuple(names)
        type_names = (*(layout.type_names[each] for each in chosen), *(each[0] for each in extra.values()))
        oids = (*(layout.types[each] for each in chosen), *(each[1] for each in extra.values()))
        return cls((*chosen, *extra), type_names, oids, compile_pack(oids))


def copied(target: str, columns: Columns, rows: Rows) -> "bytes | Rows":
    """What COPY will send: bytes where all types can be packed, which needs neither the database nor the rows later.

    Raises:
        ProjectionFailed: an integer does not fit its column.
    """
    if columns.pack is None:
        require_fitting(target, columns, rows)
        return rows
    try:
        return packed(columns.pack, rows)
    except struct.error:
        require_fitting(target, columns, rows)
        raise


async def copy(db: AsyncConnection, target: str, columns: Columns, data: "bytes | Rows") -> None:
    """COPY what `copied` made into a table."""
    statement = SQL("copy {} ({}) from stdin (format binary)").format(Identifier(target), _names(columns))
    async with db.cursor() as cursor, cursor.copy(statement) as copying:
        if isinstance(data, bytes):
            await copying.write(data)
            return
        copying.set_types(columns.oids)
        for row in data:
            await copying.write_row(row)


async def insert(db: AsyncConnection, target: str, columns: Columns, rows: Rows) -> None:
    """Insert a few rows with one statement.

    Raises:
        ProjectionFailed: an integer does not fit its column.
    """
    require_fitting(target, columns, rows)
    statement = SQL("insert into {} ({}) {}").format(Identifier(target), _names(columns), as_arrays(columns))
    await db.execute(statement, arrays(rows))


def as_arrays(columns: Columns) -> Composed:
    """A query for the rows that `arrays` gives it as parameters."""
    unnested = SQL(", ").join(SQL("%s::{}[]").format(SQL(each)) for each in columns.type_names)
    return SQL("select * from unnest({}) as staged ({})").format(unnested, _names(columns))


def arrays(rows: Rows) -> list[list[Any]]:
    """The columns of at least one row, as parameters."""
    return [list(column) for column in zip(*rows, strict=True)]


def require_fitting(target: str, columns: Columns, rows: Rows) -> None:
    """Raise ProjectionFailed if an integer does not fit its column."""
    limits = [(position, _INTEGERS[oid]) for position, oid in enumerate(columns.oids) if oid in _INTEGERS]
    for row in rows:
        for position, limit in limits:
            if (value := row[position]) is not None and not -limit <= value < limit:
                raise ProjectionFailed(
                    f"{value} does not fit column {columns.names[position]} of table {target}: {tuple(row)}"
                )


def _names(columns: Columns) -> Composed:
    return SQL(", ").join(map(Identifier, columns.names))
