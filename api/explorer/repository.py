"""Reading raw logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    LargeBinary,
    Row,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from stemma.catalog.views import head, logs

_HEAD = [column.label(f"head_{column.name}") for column in head.c]
_TOPICS = ("topic0", "topic1", "topic2", "topic3")
_TRANSFER: ColumnElement[bytes] = literal_column(
    rf"'\x{keccak(b'Transfer(address,address,uint256)').hex()}'::bytea", LargeBinary
)
"""Written out, because the indexes of transfers by account are partial; see their migration."""


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


@dataclass(frozen=True, slots=True)
class TransferFilter:
    """Which transfers: a range of blocks, inclusive, of collections, and perhaps from or to an account."""

    from_block: int
    to_block: int
    collections: tuple[bytes, ...]
    account: bytes | None


async def found(connection: AsyncConnection, wanted: LogFilter, *, limit: int, offset: int = 0) -> Sequence[Row[Any]]:
    """Return logs in the order of the chain."""
    conditions: list[ColumnElement[bool]] = [logs.c.block_number.between(wanted.from_block, wanted.to_block)]
    if wanted.addresses:
        conditions.append(logs.c.address.in_(wanted.addresses))
    if wanted.tx_hash is not None:
        conditions.append(logs.c.tx_hash == wanted.tx_hash)
    if any(topic is not None for topic in wanted.topics):
        conditions.append(_topics(wanted))
    statement = _ordered(select(logs).where(*conditions), logs, newest_first=False)
    rows: Sequence[Row[Any]] = (await connection.execute(statement.limit(_known(limit)).offset(offset))).all()
    return rows


async def transfers(
    connection: AsyncConnection, wanted: TransferFilter, *, limit: int, offset: int, newest_first: bool
) -> Sequence[Row[Any]]:
    """Return the ERC-721 transfers of collections in the order of the chain, or against it."""
    conditions = [
        logs.c.topic0 == _TRANSFER,
        logs.c.block_number.between(wanted.from_block, wanted.to_block),
        logs.c.address.in_(wanted.collections),
    ]
    source: FromClause = logs
    whole = select(logs).where(*conditions)
    if wanted.account is not None:  # each side along its index; who sends to himself is found by both, and shown once
        sides = [whole.where(_account(side) == wanted.account) for side in (logs.c.topic1, logs.c.topic2)]
        pages = [_ordered(side, logs, newest_first=newest_first).limit(_known(offset + limit)) for side in sides]
        source = union(*(select(page.subquery()) for page in pages)).subquery("both")
        whole = select(source)
    statement = _ordered(whole, source, newest_first=newest_first).limit(_known(limit)).offset(offset)
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return rows


def _account(topic: ColumnElement[bytes]) -> ColumnElement[bytes]:
    """The address in a topic, as the indexes of transfers have it."""
    return func.substr(topic, literal_column("13"), type_=LargeBinary)


def _ordered(statement: Select[Any], source: FromClause, *, newest_first: bool) -> Select[Any]:
    place = [source.c.block_number, source.c.log_index]
    return statement.order_by(*(each.desc() if newest_first else each for each in place))


def _known(number: int) -> ColumnElement[int]:
    """A number that the planner sees."""
    return bindparam(None, number, Integer, literal_execute=True, unique=True)


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
