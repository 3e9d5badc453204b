"""Reading rights and money from the views of `catalog`."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Row,
    Table,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from api.catalog.cursors import Place
from stemma.catalog.views import (
    accounts,
    attachments,
    dues,
    head,
    licenses,
    owed,
    parents,
    payouts,
    recordings,
    royalty_entries,
    search,
    titles,
)

_HEAD = [column.label(f"head_{column.name}") for column in head.c]
_MAX_NODES = 1_000
"""Recordings of one graph in one direction; what lies beyond is left out, and the answer says so."""


async def page(
    connection: AsyncConnection,
    view: Table,
    conditions: Sequence[ColumnElement[bool]],
    *,
    after: Place | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return the head with up to ``limit`` rows of a view, newest log first; one row of nulls when there are none."""
    statement = select(view).where(*conditions)
    if after is not None:
        known = tuple_(literal(after.block_number, BigInteger), literal(after.log_index, Integer))
        statement = statement.where(tuple_(view.c.block_number, view.c.log_index) < known)
    ordered = statement.order_by(view.c.block_number.desc(), view.c.log_index.desc()).limit(_known(limit))
    found = ordered.subquery("page")
    whole = (
        select(*_HEAD, *found.c)
        .select_from(head.outerjoin(found, true()))
        .order_by(found.c.block_number.desc(), found.c.log_index.desc())
    )
    rows: Sequence[Row[Any]] = (await connection.execute(whole)).all()
    return rows


async def one(connection: AsyncConnection, view: Table, condition: ColumnElement[bool]) -> Row[Any] | None:
    """Return the head with the row of a view; its columns are null when there is none. None without a head."""
    found = select(view).where(condition).limit(1).subquery("found")
    row = await connection.execute(select(*_HEAD, *found.c).select_from(head.outerjoin(found, true())))
    return row.first()


async def rows(
    connection: AsyncConnection, view: Table, condition: ColumnElement[bool], *order: ColumnElement[Any]
) -> Sequence[Row[Any]]:
    """Return all rows of a view that fulfil a condition, which must narrow them to a few."""
    found: Sequence[Row[Any]] = (await connection.execute(select(view).where(condition).order_by(*order))).all()
    return found


async def current_head(connection: AsyncConnection) -> Row[Any] | None:
    """Return how far the catalog is."""
    return (await connection.execute(select(*_HEAD))).first()


# ---- ancestry ----------------------------------------------------------------------------------------------------


async def relatives(
    connection: AsyncConnection, recording_id: bytes, *, depth: int, upwards: bool
) -> tuple[dict[bytes, int], bool]:
    """Return recording -> distance for all others within ``depth`` steps, and whether some are missing."""
    near, far = parents.c.recording_id, parents.c.parent_recording_id
    if not upwards:
        near, far = far, near
    steps = select(literal(recording_id).label("recording_id"), literal(0).label("distance")).cte(
        "steps", recursive=True
    )
    steps = steps.union(
        select(far, steps.c.distance + 1).join(steps, near == steps.c.recording_id).where(steps.c.distance < depth)
    )
    # The limit stops the recursion: Postgres makes no more steps than are asked for.
    found = (await connection.execute(select(steps).limit(_known(_MAX_NODES * 2 + 1)))).all()
    distances: dict[bytes, int] = {}
    for row in found:
        if row.recording_id != recording_id:
            distances.setdefault(row.recording_id, row.distance)
    nearest = dict(sorted(distances.items(), key=lambda item: item[1])[:_MAX_NODES])
    return nearest, len(found) > _MAX_NODES * 2 or len(distances) > len(nearest)


async def edges(connection: AsyncConnection, recording_ids: Sequence[bytes]) -> Sequence[Row[Any]]:
    """Return the rows of `parents` between recordings."""
    wanted = list(recording_ids)
    statement = (
        select(parents)
        .where(parents.c.recording_id.in_(wanted), parents.c.parent_recording_id.in_(wanted))
        .order_by(parents.c.block_number, parents.c.log_index)
    )
    found: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return found


async def brief(connection: AsyncConnection, recording_ids: Sequence[bytes]) -> dict[bytes, Row[Any]]:
    """Return what a graph shows of recordings, by id."""
    columns = [recordings.c[name] for name in ("recording_id", "title", "artist", "creator", "rights_holder")]
    measures = [recordings.c[name] for name in ("registered_at", "parent_count", "stack_ppm", "flagged_until")]
    statement = select(*columns, *measures).where(recordings.c.recording_id.in_(list(recording_ids)))
    return {row.recording_id: row for row in await connection.execute(statement)}


# ---- royalties ---------------------------------------------------------------------------------------------------


async def table(connection: AsyncConnection, recording_id: bytes) -> Sequence[Row[Any]]:
    """Return the royalty table of a recording, ascending by ancestor."""
    condition = royalty_entries.c.recording_id == recording_id
    return await rows(connection, royalty_entries, condition, royalty_entries.c.ancestor_id)


async def ledger(connection: AsyncConnection, recording_id: bytes) -> Sequence[Row[Any]]:
    """Return the accounts of a recording and its stems."""
    return await rows(
        connection, accounts, accounts.c.recording_id == recording_id, accounts.c.work_id, accounts.c.token
    )


async def dues_of(
    connection: AsyncConnection, recording_id: bytes, *, ancestor: bytes | None = None
) -> Sequence[Row[Any]]:
    """Return what ancestors may claim of a recording and its stems."""
    condition: ColumnElement[bool] = dues.c.recording_id == recording_id
    if ancestor is not None:
        condition = condition & (dues.c.ancestor_id == ancestor)
    return await rows(connection, dues, condition, dues.c.descendant_id, dues.c.ancestor_id, dues.c.token)


async def owed_of(connection: AsyncConnection, recording_id: bytes) -> Sequence[Row[Any]]:
    """Return what accounts may draw of a recording and its stems."""
    return await rows(connection, owed, owed.c.recording_id == recording_id, owed.c.work_id, owed.c.token, owed.c.slot)


# ---- artists -----------------------------------------------------------------------------------------------------


async def artist(connection: AsyncConnection, account: bytes) -> Row[Any] | None:
    """Return the head with what an account has made, holds and sells, each as a number, and the names it goes by."""
    names = (
        select(search.c.artist)
        .where(search.c.creator == account, search.c.artist.is_not(None))
        .order_by(search.c.block_number.desc(), search.c.log_index.desc())
        .limit(_known(200))
        .subquery("names")
    )
    columns = {
        "names": select(func.array_agg(names.c.artist.distinct())).scalar_subquery(),
        "recordings": _count(recordings, recordings.c.creator == account),
        "remixes": _count(recordings, (recordings.c.creator == account) & (recordings.c.parent_count > 0)),
        "titles": _count(titles, titles.c.holder == account),
        "licenses_held": _count(licenses, licenses.c.holder == account),
        "licenses_sold": _count(licenses, licenses.c.seller == account),
        "on_sale": _count(attachments, (attachments.c.holder == account) & attachments.c.active),
        "payout": select(payouts.c.payout).where(payouts.c.creator == account).scalar_subquery(),
    }
    statement = select(*_HEAD, *(column.label(name) for name, column in columns.items())).select_from(head)
    return (await connection.execute(statement)).first()


async def owed_to(connection: AsyncConnection, account: bytes) -> Sequence[Row[bytes, int]]:
    """Return token and sum of what an account may draw of all works."""
    statement = (
        select(owed.c.token, func.sum(owed.c.amount).label("amount"))
        .where(owed.c.account == account)
        .group_by(owed.c.token)
        .order_by(owed.c.token)
    )
    return (await connection.execute(statement)).all()


def of_work(view: Table, work_id: bytes, column: str = "work_id") -> ColumnElement[bool]:
    """Rows of a stem; of a recording, those of its stems as well."""
    if work_id[-1] != 0:
        return view.c[column] == work_id
    if "recording_id" in view.c:
        return view.c.recording_id == work_id
    return (view.c[column] >= work_id) & (view.c[column] <= work_id[:-1] + b"\x06")


def _count(source: FromClause, condition: ColumnElement[bool]) -> Any:
    return select(func.count(literal_column("1"))).select_from(source).where(condition).scalar_subquery()


def _known(number: int) -> ColumnElement[int]:
    """A number that the planner sees: for a limit that it does not know it would plan to read a tenth of everything."""
    return bindparam(None, number, Integer, literal_execute=True, unique=True)
