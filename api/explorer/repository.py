"""Reading raw logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from stemma.catalog.views import head, logs

_HEAD = [column.label(f"head_{column.name}") for column in head.c]
_TOPICS = ("topic0", "topic1", "topic2", "topic3")


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which logs: a range of blocks, inclusive, and perhaps an address and topics joined by operators."""

    from_block: int
    to_block: int
    addresses: tuple[bytes, ...] = ()
    topics: tuple[bytes | None, ...] = ()
    operators: tuple[tuple[int, int, str], ...] = ()
    """(i, j, `and` or `or`) between topic i and topic j; what is not named is `and`."""
    tx_hash: bytes | None = None
    either_topic: tuple[int, int, bytes] | None = None
    """(i, j, word): topic i or topic j is the word."""


async def found(
    connection: AsyncConnection, wanted: LogFilter, *, limit: int, offset: int = 0, newest_first: bool = False
) -> Sequence[Row[Any]]:
    """Return logs in the order of the chain, or against it."""
    conditions: list[ColumnElement[bool]] = [logs.c.block_number.between(wanted.from_block, wanted.to_block)]
    if wanted.addresses:
        conditions.append(logs.c.address.in_(wanted.addresses))
    if wanted.tx_hash is not None:
        conditions.append(logs.c.tx_hash == wanted.tx_hash)
    if wanted.either_topic is not None:
        first, second, word = wanted.either_topic
        conditions.append(or_(logs.c[_TOPICS[first]] == word, logs.c[_TOPICS[second]] == word))
    if any(topic is not None for topic in wanted.topics):
        conditions.append(_topics(wanted))
    order = [logs.c.block_number, logs.c.log_index]
    statement = select(logs).where(*conditions).order_by(*(each.desc() if newest_first else each for each in order))
    statement = statement.limit(bindparam(None, limit, Integer, literal_execute=True, unique=True))
    rows: Sequence[Row[Any]] = (await connection.execute(statement.offset(offset))).all()
    return rows


async def current_head(connection: AsyncConnection) -> Row[Any] | None:
    """Return how far the catalog is."""
    return (await connection.execute(select(*_HEAD))).first()


def _topics(wanted: LogFilter) -> ColumnElement[bool]:
    """Topics joined from left to right: `or` binds the two that it names."""
    alternatives = {(first, second) for first, second, operator in wanted.operators if operator == "or"}
    parts = {
        number: logs.c[_TOPICS[number]] == topic for number, topic in enumerate(wanted.topics) if topic is not None
    }
    groups: list[set[int]] = []
    for number in parts:
        joined = [group for group in groups if any(_pair(number, each) in alternatives for each in group)]
        groups = [group for group in groups if group not in joined] + [{number}.union(*joined)]
    return and_(*(or_(*(parts[number] for number in sorted(group))) for group in groups))


def _pair(first: int, second: int) -> tuple[int, int]:
    return min(first, second), max(first, second)
