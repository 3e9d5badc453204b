"""Two ways of rows into a table: binary COPY for many, and for few one INSERT that fits into a pipeline.

A pipeline sends all statements of a transaction without waiting for each answer, which is what the latency of a new
block is made of; COPY cannot be part of one (libpq, "Pipeline Mode").
"""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.pq import PipelineStatus
from psycopg.sql import SQL, Identifier

from indexer.errors import ProjectionFailed
from indexer.journal import Layout

# Integer types by oid. In binary COPY psycopg cuts off the high bits of what does not fit, without a word.
_INTEGERS = {21: 1 << 15, 23: 1 << 31, 20: 1 << 63}


async def load(
    db: AsyncConnection, target: str, layout: Layout, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Put rows into the table ``target``, which has the columns of ``layout``; the way that the connection allows.

    Raises:
        ProjectionFailed: an integer does not fit its column.
    """
    checked = _checked(target, layout, columns, rows)
    if db.pgconn.pipeline_status == PipelineStatus.OFF:
        await _copy(db, target, layout, columns, checked)
    else:
        await _insert(db, target, layout, columns, list(checked))


async def _copy(
    db: AsyncConnection, target: str, layout: Layout, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    statement = SQL("copy {} ({}) from stdin (format binary)").format(Identifier(target), _names(columns))
    async with db.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([layout.types[column] for column in columns])
        for row in rows:
            await copy.write_row(row)


async def _insert(
    db: AsyncConnection, target: str, layout: Layout, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    if not rows:
        return
    arrays = SQL(", ").join(SQL("%s::{}[]").format(SQL(layout.type_names[column])) for column in columns)
    statement = SQL("insert into {} ({}) select * from unnest({})").format(Identifier(target), _names(columns), arrays)
    await db.execute(statement, [list(column) for column in zip(*rows, strict=True)])


def _checked(
    target: str, layout: Layout, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterable[Sequence[Any]]:
    types = [layout.types[column] for column in columns]
    limits = [(position, _INTEGERS[oid]) for position, oid in enumerate(types) if oid in _INTEGERS]
    for row in rows:
        for position, limit in limits:
            if (value := row[position]) is not None and not -limit <= value < limit:
                raise ProjectionFailed(f"{value} does not fit column {columns[position]} of table {target}: {row}")
        yield row


def _names(columns: Sequence[str]) -> Any:
    return SQL(", ").join(map(Identifier, columns))
