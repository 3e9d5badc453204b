"""Reading the views of `catalog`: one statement per page, so that a page and its `asOf` come from one snapshot."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, Subquery, Text, cast, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from api.catalog import filters
from api.catalog.cursors import Place
from api.catalog.filters import Filter
from stemma.catalog.views import head, recordings, slots, stems

_LEFT_OUT = (
    *("credits", "manifest", "credits_digest", "credits_codec", "bpm", "musical_key"),
    *("parent_count", "table_root", "stack_ppm", "ancestor_count", "flagged_until"),
)
"""Columns of `recordings` that a page does not show."""

_HEAD = [column.label(f"head_{column.name}") for column in head.c]


class StemRow(msgspec.Struct, array_like=True, gc=False):
    """A row of `stems` as it comes with its recording: the columns of these names, bytes as hex without ``0x``."""

    kind: int
    sha256: str
    cid_digest: str
    cid_codec: int
    rights_holder: str
    title_holder: str | None
    log_index: int


class StemsRow(msgspec.Struct, array_like=True, gc=False):
    """The stems of a recording in the order of their kinds, after what they share: one transaction commits all six."""

    version: int
    committed_at: datetime
    block_number: int
    block_hash: str
    tx_hash: str
    stems: list[StemRow]


_decode_stems = msgspec.json.Decoder(StemsRow).decode


def stems_of(row: Row[Any]) -> StemsRow | None:
    """Return the stems of a recording that was read here; None if it has none."""
    return None if row.stems is None else _decode_stems(row.stems)


async def page(connection: AsyncConnection, wanted: Filter, *, after: Place | None, limit: int) -> Sequence[Row[Any]]:
    """Return the head with up to ``limit`` recordings, best or newest first; one row without a recording if none match.

    Each row has the head as ``head_…``, the columns of a recording that a page shows, and its stems as JSON.
    No row at all means that there is no head yet.
    """
    rows: Sequence[Row[Any]] = []
    for narrowed, is_near in _attempts(wanted):
        is_last = narrowed.is_near_worthwhile and not narrowed.is_exact and not is_near
        if is_last and await _is_blurred(connection, narrowed):
            break
        statement = _page(narrowed, limit, is_behind=after is not None, is_near=is_near)
        rows = (await connection.execute(statement, filters.behind(after))).all()
        found = sum(row.recording_id is not None for row in rows)
        if not rows or found == limit or (found and (wanted.by_relevance or not is_near)):
            break
    return rows


def _attempts(wanted: Filter) -> list[tuple[Filter, bool]]:
    """Ways to find a page, the cheaper ones first: near its beginning, by the indexes, and what only looks alike."""
    tries = [replace(wanted, is_exact=True), wanted] if wanted.has_look_alikes else [replace(wanted, is_exact=True)]
    return [(each, is_near) for each in tries for is_near in ((True, False) if each.is_near_worthwhile else (False,))]


async def _is_blurred(connection: AsyncConnection, wanted: Filter) -> bool:
    """Whether so many recordings look a little like the words that an index finds too many of them to be compared."""
    alike: int = (await connection.execute(filters.somewhat_alike(wanted.words or ""))).scalar_one()
    return alike >= filters.COMMON


@lru_cache(maxsize=256)
def _page(wanted: Filter, limit: int, *, is_behind: bool, is_near: bool) -> Select[Any]:
    """The statement of a page. Making one anew takes as long as answering it."""
    columns = [column for column in recordings.c if column.name not in _LEFT_OUT]
    found = filters.page(wanted, columns, is_behind=is_behind, limit=limit, is_near=is_near).subquery("page")
    return _with_head(found, wanted.kinds, is_ranked=wanted.by_relevance)


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
    """The stems of a recording as JSON, arrays in an array; see `StemsRow`."""
    members = [_plain(stems.c[name]) for name in StemRow.__struct_fields__]
    each = func.json_agg(aggregate_order_by(func.json_build_array(*members), stems.c.kind))
    *shared, _ = StemsRow.__struct_fields__
    whole = func.json_build_array(*(func.min(_plain(stems.c[name])) for name in shared), each)
    statement = select(cast(whole, Text)).where(stems.c.recording_id == found.c.recording_id)
    if kinds:
        statement = statement.where(stems.c.kind.in_(kinds))
    return statement.having(func.count() > literal_column("0")).correlate(found).scalar_subquery()


def _plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as JSON has it."""
    return func.encode(column, literal_column("'hex'")) if column.type.python_type is bytes else column


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
