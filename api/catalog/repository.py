"""Reading the views of `catalog`: one statement per page, so that a page and its `asOf` come from one snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, func, literal_column, select, true, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from api.catalog.cursors import Place
from stemma.catalog.views import head, recordings, slots, stems


@dataclass(frozen=True, slots=True)
class Filter:
    """Which recordings are wanted; unset members do not narrow. ``since`` is inclusive, ``until`` is not."""

    creator: bytes | None = None
    artist: str | None = None
    model: bytes | None = None
    kinds: tuple[int, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


_DOCUMENTS = ("credits", "manifest")
_HEAD = [column.label(f"head_{column.name}") for column in head.c]


async def page(connection: AsyncConnection, wanted: Filter, *, after: Place | None, limit: int) -> Sequence[Row[Any]]:
    """Return the head with up to ``limit`` recordings, newest first; one row without a recording when none match.

    Each row has the head as ``head_…``, a recording's columns without its documents, and its stems as JSON.
    No row at all means that there is no head yet.
    """
    statement = (
        select(*[column for column in recordings.c if column.name not in _DOCUMENTS])
        .where(*_conditions(wanted, after))
        .order_by(recordings.c.block_number.desc(), recordings.c.log_index.desc())
        .limit(limit)
    )
    found = await connection.execute(_with_head(statement.subquery("page"), wanted.kinds))
    rows: Sequence[Row[Any]] = found.all()
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


def _conditions(wanted: Filter, after: Place | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.creator is not None:
        conditions.append(recordings.c.creator == wanted.creator)
    if wanted.artist is not None:
        conditions.append(func.lower(recordings.c.artist) == wanted.artist.lower())
    if wanted.model is not None:
        conditions.append(recordings.c.model == wanted.model)
    if wanted.since is not None:
        conditions.append(recordings.c.registered_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(recordings.c.registered_at < wanted.until)
    if wanted.kinds:
        of_kind = select(stems.c.stem_id).where(
            stems.c.recording_id == recordings.c.recording_id, stems.c.kind.in_(wanted.kinds)
        )
        conditions.append(of_kind.exists())
    if after is not None:
        place = tuple_(recordings.c.block_number, recordings.c.log_index)
        conditions.append(place < tuple_(after.block_number, after.log_index))
    return conditions


def _with_head(found: Subquery, kinds: tuple[int, ...], *, with_slots: bool = False) -> Select[Any]:
    columns: list[Any] = [*_HEAD, *found.c, _stems_of(found, kinds).label("stems")]
    if with_slots:
        columns.append(_slots_of(found).label("slots"))
    return (
        select(*columns)
        .select_from(head.outerjoin(found, true()))
        .order_by(found.c.block_number.desc(), found.c.log_index.desc())
    )


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
