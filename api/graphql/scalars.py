"""Scalars and enums of the schema, and the SQL that writes a column as its scalar.

As in The Graph: `Bytes` is lower-case hex, `BigInt` a decimal string: 64-bit numbers, money, times as Unix seconds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLString,
    IntValueNode,
    StringValueNode,
    ValueNode,
)
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    TypeDecorator,
    bindparam,
    cast,
    extract,
    func,
    literal,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from api.graphql.entities import LICENSE_KINDS, STEM_KINDS, Entity

_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_DECIMAL = re.compile(r"-?[0-9]{1,78}")
MAX_INT64 = 1 << 63
_MAX_TIME = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


class Form(StrEnum):
    """How a column is written, and so which filters it has."""

    BYTES = "bytes"
    BIG = "big"
    TIME = "time"
    INT = "int"
    FLAG = "flag"
    TEXT = "text"
    TEXTS = "texts"
    KIND = "kind"
    JSON = "json"


_NUMBERS = (Form.INT, Form.BIG, Form.KIND)


def _bytes_of(value: Any) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise GraphQLError("Bytes are 0x and an even number of hex digits, in quotes")
    return bytes.fromhex(value[2:])


def _big_of(value: Any) -> int:
    if isinstance(value, bool) or not _DECIMAL.fullmatch(str(value)):
        raise GraphQLError("a BigInt is a whole number of at most 78 digits, best in quotes")
    return int(value)


def _literal(parse: Any) -> Any:
    def of_node(node: ValueNode, _variables: Any = None) -> Any:
        if not isinstance(node, StringValueNode | IntValueNode):
            raise GraphQLError("write the value in quotes")
        return parse(node.value)

    return of_node


BYTES = GraphQLScalarType(
    "Bytes", description="`0x` and hex digits", parse_value=_bytes_of, parse_literal=_literal(_bytes_of)
)
BIG_INT = GraphQLScalarType(
    "BigInt", description="A whole number as a decimal string", parse_value=_big_of, parse_literal=_literal(_big_of)
)
_FORMS: tuple[tuple[type[TypeEngine[Any]], Form], ...] = (
    (LargeBinary, Form.BYTES),
    (BigInteger, Form.BIG),
    (Numeric, Form.BIG),
    (Integer, Form.INT),
    (DateTime, Form.TIME),
    (Boolean, Form.FLAG),
    (Text, Form.TEXT),
    (ARRAY, Form.TEXTS),
    (JSONB, Form.JSON),
)
JSON = GraphQLScalarType("JSON", description="A document, as it was published")
_STEM_KIND = GraphQLEnumType("StemKind", STEM_KINDS, description="The recording itself, or one of its six stems")
_LICENSE_KIND = GraphQLEnumType("LicenseKind", LICENSE_KINDS)

TYPES: Mapping[Form, Any] = {
    Form.BYTES: BYTES,
    Form.BIG: BIG_INT,
    Form.TIME: BIG_INT,
    Form.INT: GraphQLInt,
    Form.FLAG: GraphQLBoolean,
    Form.TEXT: GraphQLString,
    Form.TEXTS: GraphQLList(GraphQLNonNull(GraphQLString)),
    Form.JSON: JSON,
}


def form_of(entity: Entity, column: Column[Any]) -> Form:
    """Return how a column of an entity is written.

    Raises:
        TypeError: a column of a type that the schema does not know.
    """
    if column.name == "kind" and entity.kinds is not None:
        return Form.KIND
    plain = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    for column_type, form in _FORMS:
        if isinstance(plain, column_type) and not getattr(plain, "scale", None):
            return form
    raise TypeError(f"{entity.name}.{column.name} is {plain!r}, which the GraphQL schema cannot write")


def type_of(entity: Entity, form: Form) -> Any:
    """Return the GraphQL type of a form."""
    if form is Form.KIND:
        return _STEM_KIND if entity.kinds is STEM_KINDS else _LICENSE_KIND
    return TYPES[form]


def written(entity: Entity, form: Form, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the SQL that writes a column as its scalar."""
    match form:
        case Form.BYTES:
            return literal_column("'0x'", Text).concat(func.encode(column, literal_column("'hex'")))
        case Form.BIG:
            return cast(column, Text)
        case Form.TIME:
            return cast(cast(extract("epoch", column), BigInteger), Text)
        case Form.KIND:
            assert entity.kinds is not None
            labels = ", ".join(f"'{label}'" for label in entity.kinds)
            return literal_column(f"(array[{labels}])", ARRAY(Text))[column + 1]
        case _:
            return column


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a statement takes a value that comes apart from it. ``is_wide``: a number beyond 64 bits."""

    name: str
    is_wide: bool = False


def apart(form: Form, value: Any) -> tuple[Any, bool]:
    """Return a coerced value that is not null as a slot takes it, and whether the slot has to be wide."""
    if form is Form.TIME:
        return datetime.fromtimestamp(min(max(int(value), 0), _MAX_TIME), UTC), False
    return value, form in _NUMBERS and not -MAX_INT64 <= value < MAX_INT64


def stored(form: Form, value: Any) -> Any:
    """Return a value, or a slot for one, as the database compares it: numbers wide enough for whatever was given."""
    if isinstance(value, Slot):
        return bindparam(value.name, type_=_number(is_wide=value.is_wide) if form in _NUMBERS else None)
    plain, is_wide = apart(form, value)
    return literal(plain, _number(is_wide=is_wide)) if form in _NUMBERS else plain


def _number(*, is_wide: bool) -> TypeEngine[Any]:
    return Numeric(78, 0) if is_wide else BigInteger()


def is_ordered(form: Form) -> bool:
    """Whether rows can be ordered by a column of this form."""
    return form not in (Form.JSON, Form.TEXTS)
