"""`where` in the dialect of The Graph: the fields of the filter types, and the SQL each of them stands for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from graphql import GraphQLError, GraphQLID, GraphQLList, GraphQLNonNull, GraphQLString
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Text,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
)

from api.catalog.filters import any_of
from api.graphql import scalars
from api.graphql.entities import ENTITIES, RELATIONS, Entity, Relation
from api.graphql.errors import QueryInvalid
from api.graphql.scalars import Form, Slot

MAX_LIST = 1000
"""Values of one `_in`, and conditions of one `and` or `or`."""

_DEEP = ("stems", "separations", "owed", "dues")

Condition = Callable[[FromClause, Any], ColumnElement[bool]]
_Operator = Callable[[ColumnElement[Any], Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a filter: the GraphQL type of its value, and the condition on a row; null only means equal to it.

    ``apart``: makes of a value what a slot of the condition takes; None: the condition depends on the value.
    """

    type: Any
    condition: Condition
    takes_null: bool
    apart: Callable[[Any], tuple[Any, bool]] | None = None


def _is(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


def _is_not(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    return column.is_not(None) if value is None else column.is_distinct_from(value)


_EQUALITY: Mapping[str, _Operator] = {"": _is, "_not": _is_not}
_ORDER: Mapping[str, _Operator] = {
    "_gt": lambda column, value: column > value,
    "_lt": lambda column, value: column < value,
    "_gte": lambda column, value: column >= value,
    "_lte": lambda column, value: column <= value,
}
_LISTS: Mapping[str, _Operator] = {
    "_in": lambda column, values: column.in_(values) if values else false(),
    "_not_in": lambda column, values: not_(column.in_(values)) if values else literal(True),
}
_BYTES_PARTS: Mapping[str, _Operator] = {
    "_contains": lambda column, value: _position(value, column) > 0,
    "_not_contains": lambda column, value: _position(value, column) == 0,
}
_TEXT_PARTS: Mapping[str, _Operator] = {
    "_contains": lambda column, value: column.contains(value, autoescape=True),
    "_contains_nocase": lambda column, value: column.icontains(value, autoescape=True),
    "_starts_with": lambda column, value: column.startswith(value, autoescape=True),
    "_starts_with_nocase": lambda column, value: column.istartswith(value, autoescape=True),
    "_ends_with": lambda column, value: column.endswith(value, autoescape=True),
    "_ends_with_nocase": lambda column, value: column.iendswith(value, autoescape=True),
}
_SET_PARTS: Mapping[str, _Operator] = {
    "_contains": lambda column, values: column.contains(values),
    "_contains_nocase": lambda column, values: _lower(column).contains([value.lower() for value in values]),
}


def _position(part: bytes, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Where a part begins in bytes, from 1; 0: nowhere. `position(a in b)` under its name as a function."""
    return func.pg_catalog.position(column, part)


def _lower(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.lower(cast(column, Text)), ARRAY(Text))


def _negated(operator: _Operator) -> _Operator:
    return lambda column, value: not_(operator(column, value))


def _with_negations(operators: Mapping[str, _Operator]) -> dict[str, _Operator]:
    both = dict(operators)
    both |= {f"_not{suffix}": _negated(operator) for suffix, operator in operators.items()}
    return both


_OPERATORS: Mapping[Form, Mapping[str, _Operator]] = {
    Form.BYTES: {**_EQUALITY, **_ORDER, **_LISTS, **_BYTES_PARTS},
    Form.BIG: {**_EQUALITY, **_ORDER, **_LISTS},
    Form.TIME: {**_EQUALITY, **_ORDER, **_LISTS},
    Form.INT: {**_EQUALITY, **_ORDER, **_LISTS},
    Form.FLAG: {**_EQUALITY, **_LISTS},
    Form.KIND: {**_EQUALITY, **_LISTS},
    Form.TEXT: {**_EQUALITY, **_ORDER, **_LISTS, **_with_negations(_TEXT_PARTS)},
    Form.TEXTS: {**_EQUALITY, **_with_negations(_SET_PARTS)},
    Form.JSON: {},
}


@cache
def fields(entity_name: str) -> dict[str, Field]:
    """Return the fields of an entity's filter, but for `and`, `or` and those that lead to other filters."""
    entity = ENTITIES[entity_name]
    found = dict(_id_fields(entity))
    for column in entity.view.c:
        form = scalars.form_of(entity, column)
        for suffix, operator in _OPERATORS[form].items():
            found[camel(column.name) + suffix] = Field(
                _value_type(entity, form, suffix),
                _on_column(column.name, form, operator, is_list=suffix in _LISTS),
                takes_null=suffix in _EQUALITY,
                apart=partial(scalars.apart, form) if _is_plain(form, suffix) else None,
            )
    for relation in RELATIONS[entity_name].values():
        if not relation.is_many:
            found.setdefault(relation.name, Field(GraphQLString, _to_row(relation), takes_null=True))
    return found


def _is_plain(form: Form, suffix: str) -> bool:
    """Whether a condition compares a column with its value as it is."""
    return form is not Form.TEXTS and suffix in (*_EQUALITY, *_ORDER)


def condition(entity: Entity, source: FromClause, where: Mapping[str, Any]) -> ColumnElement[bool]:
    """Return the SQL of a coerced filter on the rows of ``source``.

    Raises:
        QueryInvalid: null where there is nothing that it could mean.
        GraphQLError: a value does not fit.
    """
    parts = list(_parts(entity, source, where))
    return and_(*parts) if parts else literal(True)


def _parts(entity: Entity, source: FromClause, where: Mapping[str, Any]) -> Iterator[ColumnElement[bool]]:
    known = fields(entity.name)
    for name, value in where.items():
        if name in ("and", "or"):
            inner = [condition(entity, source, each) for each in _short(value or ())]
            if inner:
                yield and_(*inner) if name == "and" else or_(*inner)
        elif name == "_change_block":
            if value is not None:
                yield source.c.block_number >= value["number_gte"]
        elif name.endswith("_") and name[:-1] in RELATIONS[entity.name]:
            if value is not None:
                yield _has(RELATIONS[entity.name][name[:-1]], source, value)
        elif value is None and not known[name].takes_null:
            raise QueryInvalid(f"`{name}` takes a value; null is for fields without an operator, and for `_not`")
        else:
            yield known[name].condition(source, value)


def _has(relation: Relation, source: FromClause, where: Mapping[str, Any]) -> ColumnElement[bool]:
    """Whether a row that the relation leads to fulfils a filter.

    What few have is found first. Other things are looked up row by row, in the order of the page, which ends when it is
    full: OFFSET 0 keeps Postgres from joining the views.
    """
    target = ENTITIES[relation.target]
    theirs = target.view.alias()
    wanted = condition(target, theirs, where)
    keys = relation.on.keys
    if keys is not None and _names_bytes(target, where):
        own, other = keys(source, theirs)
        return own == any_of(select(other).where(wanted))
    inner = select(literal(1)).select_from(theirs).where(relation.on.condition(source, theirs), wanted)
    return exists(inner.correlate(source).offset(literal_column("0")))


def _names_bytes(entity: Entity, where: Mapping[str, Any]) -> bool:
    """Whether a filter names a work, an account or a hash, as few rows have it."""
    known = {camel(column.name) for column in entity.view.c if scalars.form_of(entity, column) is Form.BYTES}
    return any(name.removesuffix("_in") in (*known, "id") and value is not None for name, value in where.items())


def _to_row(relation: Relation) -> Condition:
    def condition(source: FromClause, value: Any) -> ColumnElement[bool]:
        target = ENTITIES[relation.target]
        theirs = target.view.alias()
        wanted = select(literal(1)).select_from(theirs).where(relation.on.condition(source, theirs))
        if value is not None:
            wanted = wanted.where(is_row(target, theirs, value))
        rows = wanted.correlate(source)
        # OFFSET 0 keeps Postgres from joining views that are too deep for that.
        found = exists(rows.offset(literal_column("0")) if relation.target in _DEEP else rows)
        return not_(found) if value is None else found

    return condition


def _on_column(name: str, form: Form, operator: _Operator, *, is_list: bool) -> Condition:
    def condition(source: FromClause, value: Any) -> ColumnElement[bool]:
        if is_list:
            return operator(source.c[name], [scalars.stored(form, each) for each in _short(value)])
        return operator(source.c[name], None if value is None else scalars.stored(form, value))

    return condition


def _value_type(entity: Entity, form: Form, suffix: str) -> Any:
    plain = scalars.type_of(entity, form)
    return GraphQLList(GraphQLNonNull(plain)) if suffix in _LISTS else plain


# ---- ids ---------------------------------------------------------------------------------------------------------


def _id_fields(entity: Entity) -> Iterator[tuple[str, Field]]:
    """Ids compare as the columns that they are made of, so that `id_gt` pages along an index."""
    whole = partial(_whole_id, entity) if len(entity.key) == 1 else None
    for suffix, operator in {**_EQUALITY, **_ORDER}.items():
        yield f"id{suffix}", Field(GraphQLID, _on_id(entity, operator), takes_null=suffix in _EQUALITY, apart=whole)
    ids = GraphQLList(GraphQLNonNull(GraphQLID))
    yield "id_in", Field(ids, _on_ids(entity, is_in=True), takes_null=False)
    yield "id_not_in", Field(ids, _on_ids(entity, is_in=False), takes_null=False)


def _on_id(entity: Entity, operator: _Operator) -> Condition:
    def condition(source: FromClause, value: Any) -> ColumnElement[bool]:
        if value is None:
            return literal(operator is _is_not)
        key = entity.key_of(source)
        if isinstance(value, Slot):
            return operator(key[0], scalars.stored(_form(entity, entity.key[0]), value))
        wanted = parse_id(entity, value)
        if len(key) == 1:
            return operator(key[0], wanted[0])
        if operator is _is:
            return and_(*(column == each for column, each in zip(key, wanted, strict=True)))
        if operator is _is_not:
            return not_(and_(*(column == each for column, each in zip(key, wanted, strict=True))))
        return operator(tuple_(*key), tuple_(*wanted))

    return condition


def _on_ids(entity: Entity, *, is_in: bool) -> Condition:
    def condition(source: FromClause, values: Any) -> ColumnElement[bool]:
        wanted = [parse_id(entity, value) for value in _short(values)]
        key = entity.key_of(source)
        found: ColumnElement[bool] = false()
        if wanted:
            found = key[0].in_([each[0] for each in wanted]) if len(key) == 1 else tuple_(*key).in_(wanted)
        return found if is_in else not_(found)

    return condition


def is_row(entity: Entity, source: FromClause, text: str | Slot) -> ColumnElement[bool]:
    """Return the condition that a row has this id."""
    key = entity.key_of(source)
    if isinstance(text, Slot):
        same: ColumnElement[bool] = key[0] == scalars.stored(_form(entity, entity.key[0]), text)
        return same
    wanted = parse_id(entity, text)
    return and_(*(column == each for column, each in zip(key, wanted, strict=True)))


def parse_id(entity: Entity, text: str) -> tuple[Any, ...]:
    """Return the values of the key that an id is made of, as they are compared.

    Raises:
        GraphQLError: not an id of this entity.
    """
    parts = text.split("-", len(entity.key) - 1)
    if len(parts) != len(entity.key):
        raise GraphQLError(f"an id of {entity.type_name} has the parts {'-'.join(map(camel, entity.key))}")
    forms = [_form(entity, name) for name in entity.key]
    return tuple(scalars.stored(form, _part(form, part)) for form, part in zip(forms, parts, strict=True))


def _whole_id(entity: Entity, text: str) -> tuple[Any, bool]:
    """The value of a key of one column, as a slot takes it. Raises GraphQLError."""
    form = _form(entity, entity.key[0])
    return scalars.apart(form, _part(form, text))


def _form(entity: Entity, name: str) -> Form:
    return scalars.form_of(entity, entity.view.c[name])


def _part(form: Form, part: str) -> Any:
    if form is Form.BYTES:
        return scalars.BYTES.parse_value(part)
    if form in (Form.INT, Form.BIG, Form.KIND):
        return scalars.BIG_INT.parse_value(part)
    if "\0" in part:
        raise GraphQLError("text has no null characters")
    return part


def _short(values: Any) -> Any:
    if len(values) > MAX_LIST:
        raise GraphQLError(f"a list of a filter has at most {MAX_LIST} members; this one has {len(values)}")
    return values


def camel(name: str) -> str:
    """Return the GraphQL name of a column."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
