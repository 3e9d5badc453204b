"""What the declarations of all views have in common: column types, and the place of a row's log."""

from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = MetaData(schema="catalog")


class Whole(TypeDecorator[int]):
    """A numeric without a fraction that comes out as an int: amounts in base units do not fit 64 bits."""

    impl = Numeric
    cache_ok = True

    def process_result_value(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """The int."""
        return None if value is None else int(value)


BYTES = LargeBinary()
BIG = BigInteger()
INT = Integer()
SMALL = SmallInteger()
BOOL = Boolean()
TEXT = Text()
TEXTS = ARRAY(Text())
TIME = DateTime(timezone=True)
JSON = JSONB()
WORDS = TSVECTOR()
AMOUNT = Whole(78, 0)
UINT64 = Whole(20, 0)

LOG: dict[str, TypeEngine[Any]] = {"block_number": BIG, "block_hash": BYTES, "tx_hash": BYTES, "log_index": INT}
"""The log that made a row, or changed it last."""


def view(name: str, **columns: TypeEngine[Any]) -> Table:
    """Declare a view of `catalog`, with its columns in the database's order."""
    return Table(name, metadata, *(Column(column, kind) for column, kind in columns.items()))
