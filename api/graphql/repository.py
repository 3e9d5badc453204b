"""Plans as SQL: one statement for all root fields of one block, whose columns are the JSON of the answer."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from api.graphql import filters, scalars
from api.graphql.entities import ENTITIES, Entity, Relation
from api.graphql.plan import TYPENAME, Inner, Reading
from api.graphql.shapes import Shape
from stemma.catalog.views import head

_HEAD = [column.label(f"head_{column.name}") for column in head.c]


async def read(connection: AsyncConnection, wanted: Select[Any], values: Mapping[str, Any]) -> Row[Any] | None:
    """Return the one row of a statement: the head, and the JSON of each reading; None without a head."""
    row: Row[Any] | None = (await connection.execute(wanted, values)).first()
    return row


def roots_of(row: Row[Any]) -> Sequence[str | None]:
    """Return the JSON texts of the readings, in their order."""
    return tuple(row)[len(_HEAD) :]


@lru_cache(maxsize=256)
def statement(shape: Shape) -> Select[Any]:
    """Return the statement of all readings. Making one anew takes as long as answering it.

    Raises:
        QueryInvalid, graphql.GraphQLError: a filter says what cannot be meant.
    """
    names = (f"x{number}" for number in itertools.count())
    roots = [
        cast(_json_of(reading, names, relation=None, parent=None), Text).label(f"root_{number}")
        for number, reading in enumerate(shape.readings)
    ]
    return select(*_HEAD, *roots).select_from(head)


def _json_of(
    reading: Reading, names: Iterator[str], *, relation: Relation | None, parent: FromClause | None
) -> ColumnElement[Any]:
    """Return the scalar subquery that is the JSON of a reading: an array, or an object or null."""
    entity, wanted = reading.entity, reading.arguments
    name = next(names)
    source = _source(entity.name, name)
    rows = select(*_outputs(reading, name, names)).select_from(source)
    if relation is not None and parent is not None:
        rows = rows.where(relation.on.condition(parent, source)).correlate(parent)
    if wanted.id is not None:
        rows = rows.where(filters.is_row(entity, source, wanted.id))
    if wanted.where:
        rows = rows.where(filters.condition(entity, source, wanted.where))
    if reading.is_many:
        rows = rows.order_by(*_order(entity, source, wanted.order_by, descending=wanted.descending))
        if wanted.skip:
            rows = rows.offset(_known(wanted.skip))
    rows = rows.limit(_known(wanted.first))
    inner = next(names)
    row = func.row_to_json(literal_column(inner))
    whole = func.coalesce(func.json_agg(row), literal_column("'[]'::json")) if reading.is_many else row
    return select(whole).select_from(rows.subquery(inner)).scalar_subquery()


def _known(number: int) -> ColumnElement[int]:
    """A number that the planner sees: for a limit that it does not know it would plan to read a tenth of everything."""
    return bindparam(None, number, Integer, literal_execute=True, unique=True)


@lru_cache(maxsize=1 << 12)
def _source(view: str, name: str) -> FromClause:
    """A view under a name. Names come in the order of the plan, so plans share them, and what is made of them."""
    return ENTITIES[view].view.alias(name)


def _outputs(reading: Reading, name: str, names: Iterator[str]) -> Iterator[ColumnElement[Any]]:
    entity = reading.entity
    source = _source(entity.name, name)
    for alias, output in reading.outputs.items():
        if isinstance(output, Inner):
            yield _json_of(output.reading, names, relation=output.relation, parent=source).label(alias)
        elif output == TYPENAME:
            yield literal_column(f"'{entity.type_name}'").label(alias)
        else:
            yield _written(entity.name, name, output).label(alias)


@lru_cache(maxsize=1 << 14)
def _written(view: str, name: str, output: str) -> ColumnElement[Any]:
    """What an answer says of a column, or of the id, of a view under a name."""
    entity, source = ENTITIES[view], _source(view, name)
    if output == "id":
        return _id(entity, source)
    return scalars.written(entity, scalars.form_of(entity, entity.view.c[output]), source.c[output])


def _id(entity: Entity, source: FromClause) -> ColumnElement[Any]:
    parts = [_id_part(entity, column) for column in entity.key_of(source)]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.concat(literal_column("'-'", Text)).concat(part)
    return whole


def _id_part(entity: Entity, column: ColumnElement[Any]) -> ColumnElement[Any]:
    is_bytes = column.type.python_type is bytes
    return scalars.written(entity, scalars.Form.BYTES if is_bytes else scalars.Form.BIG, column)


def _order(
    entity: Entity, source: FromClause, order_by: str | None, *, descending: bool
) -> Iterator[ColumnElement[Any]]:
    """The wanted order, and then that of the key, so that pages are stable."""
    key = entity.key_of(source)
    columns = key if order_by in (None, "id") else [source.c[order_by], *key]
    for column in columns:
        yield column.desc() if descending else column.asc()
