"""Reading the views of `catalog`: one statement per page, so that a page and its `asOf` come from one snapshot."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, Subquery, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from api.catalog import filters
from api.catalog.cursors import Place
from api.catalog.filters import Filter
from stemma.catalog.views import head, recordings, slots, stems

_DOCUMENTS = ("credits", "manifest")
_HEAD = [column.label(f"head_{column.name}") for column in head.c]


async def page(connection: AsyncConnection, wanted: Filter, *, after: Place | None, limit: int) -> Sequence[Row[Any]]:
    """Return the head with up to ``limit`` recordings, best or newest first; one row without a recording if none match.

    Each row has the head as ``head_…``, a recording's columns without its documents, and its stems as JSON.
    No row at all means that there is no head yet.
    """
    columns = [column for column in recordings.c if column.name not in _DOCUMENTS]
    found = filters.page(wanted, columns, after=after, limit=limit).subquery("page")
    whole = _with_head(found, wanted.kinds, is_ranked=wanted.by_relevance)
    rows: Sequence[Row[Any]] = (await connection.execute(whole)).all()
    return rows


async def recording(connection: AsyncConnection, recording_id: bytes) -> Row[Any] | None:
    """Return the head with one recording, its documents, stems and split, as `page` does; None without a head."""
    statement = select(recordings).where(recordings.c.recording_id == recording_id)
    found = await connection.execute(_with_head(statement.subquery("page"), (), with_slots=True))
    row: Row[Any] | None = found.first()
    return row


async def holds(connection: AsyncConnection, recording_id: bytes) -> bool:
    """Whether the catalog has a recording."""
    found = await connection.execute(select(recordings.c.recording_id).where(recordings.c.recording_id == recording_id))
    return found.first() is not None


async def block_hashes(connection: AsyncConnection, recording_ids: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return recording -> hash of the block that registered it, for those in the catalog."""
    rows = await connection.execute(
        select(recordings.c.recording_id, recordings.c.block_hash).where(
            recordings.c.recording_id.in_(list(recording_ids))
        )
    )
    return {row.recording_id: row.block_hash for row in rows}


async def current_head(connection: AsyncConnection) -> Row[Any] | None:
    """Return how far the catalog is."""
    return (await connection.execute(select(*_HEAD))).first()


def _with_head(
    found: Subquery, kinds: tuple[int, ...], *, with_slots: bool = False, is_ranked: bool = False
) -> Select[Any]:
    columns: list[Any] = [*_HEAD, *found.c, _stems_of(found, kinds).label("stems")]
    if with_slots:
        columns.append(_slots_of(found).label("slots"))
    order = [found.c.block_number.desc(), found.c.log_index.desc()]
    if is_ranked:
        order.insert(0, found.c.rank.desc())
    return select(*columns).select_from(head.outerjoin(found, true())).order_by(*order)


def _stems_of(found: Subquery, kinds: tuple[int, ...]) -> Any:
    """The stems of a recording as a JSON array in the order of their kinds; bytes as hex without ``0x``."""
    members: list[Any] = []
    for column in stems.c:
        is_bytes = column.type.python_type is bytes
        members += [_name(column.name), func.encode(column, "hex") if is_bytes else column]
    aggregate = func.jsonb_agg(aggregate_order_by(func.jsonb_build_object(*members), stems.c.kind))
    statement = select(aggregate).where(stems.c.recording_id == found.c.recording_id)
    if kinds:
        statement = statement.where(stems.c.kind.in_(kinds))
    return statement.correlate(found).scalar_subquery()


def _slots_of(found: Subquery) -> Any:
    member = func.jsonb_build_object(
        *(_name("slot"), slots.c.slot),
        *(_name("account"), func.encode(slots.c.account, "hex")),
        *(_name("ppm"), slots.c.ppm),
    )
    aggregate = func.jsonb_agg(aggregate_order_by(member, slots.c.slot))
    return select(aggregate).where(slots.c.recording_id == found.c.recording_id).correlate(found).scalar_subquery()


def _name(member: str) -> Any:
    """A member's name as a literal: as a parameter Postgres could not tell its type."""
    return literal_column(f"'{member}'")
