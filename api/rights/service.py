"""The rules of reading rights and money. Each function answers from the one snapshot that its connection reads."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from api.catalog import cursors, presentation
from api.catalog.errors import CatalogNotReady, WorkNotFound
from api.rights import repository
from api.rights.errors import LicenseNotFound, SessionNotFound, TermsNotFound
from api.rights.presentation import is_before, placed, plain
from api.rights.schemas import (
    Artist,
    AttachmentPage,
    AttachmentView,
    FlagPage,
    FlagView,
    LicenseDetails,
    LicensePage,
    LicenseView,
    PaymentPage,
    PaymentView,
    Protocol,
    PurchaseView,
    SessionDetails,
    SessionPage,
    SessionView,
    TermsDetails,
    TermsPage,
    TermsView,
    TokenAmount,
    TokenView,
    TransferPage,
    TransferView,
)
from stemma import works
from stemma.catalog import views
from stemma.works import Kind, WorkId

_NEWEST_PURCHASES = 100

Conditions = Sequence[ColumnElement[bool]]


async def recording_row(connection: AsyncConnection, work_id: WorkId) -> Row[Any]:
    """Return the head with the recording that a work is, or is a stem of.

    Raises:
        WorkNotFound, CatalogNotReady: as `api.catalog.service.work`.
    """
    if works.kind_byte(work_id) > Kind.OTHER:
        raise WorkNotFound("the last byte of a work's id is 00 for a recording and 01 to 06 for its stems")
    recording_id = works.to_bytes(works.recording_of(work_id))
    row = await repository.one(connection, views.recordings, views.recordings.c.recording_id == recording_id)
    if row is None:
        raise CatalogNotReady("the index has not seen a block yet")
    if row.recording_id is None:
        raise WorkNotFound(f"the catalog has no recording {works.to_hex(works.recording_of(work_id))}")
    return row


async def terms(connection: AsyncConnection, conditions: Conditions, cursor: str | None, limit: int) -> TermsPage:
    """Return one page of terms."""
    head, rows, following = await _page(connection, views.terms, conditions, cursor, limit)
    items = [TermsView(**placed(row, views.terms, head)) for row in rows]
    return TermsPage(as_of=presentation.as_of(head), items=items, next=following)


async def one_terms(connection: AsyncConnection, terms_id: bytes) -> TermsDetails:
    """Return terms. Raises TermsNotFound."""
    row = await repository.one(connection, views.terms, views.terms.c.terms_id == terms_id)
    found = _require(row, "terms_id", TermsNotFound(f"nobody has published the terms 0x{terms_id.hex()}"))
    return TermsDetails(**placed(found, views.terms, found), as_of=presentation.as_of(found))


async def attachments(
    connection: AsyncConnection, conditions: Conditions, cursor: str | None, limit: int
) -> AttachmentPage:
    """Return one page of attachments."""
    head, rows, following = await _page(connection, views.attachments, conditions, cursor, limit)
    items = [AttachmentView(**placed(row, views.attachments, head)) for row in rows]
    return AttachmentPage(as_of=presentation.as_of(head), items=items, next=following)


async def licenses(connection: AsyncConnection, conditions: Conditions, cursor: str | None, limit: int) -> LicensePage:
    """Return one page of licenses."""
    head, rows, following = await _page(connection, views.licenses, conditions, cursor, limit)
    items = [LicenseView(**placed(row, views.licenses, head)) for row in rows]
    return LicensePage(as_of=presentation.as_of(head), items=items, next=following)


async def one_license(connection: AsyncConnection, license_id: bytes) -> LicenseDetails:
    """Return a license with its terms. Raises LicenseNotFound."""
    row = await repository.one(connection, views.licenses, views.licenses.c.license_id == license_id)
    found = _require(row, "license_id", LicenseNotFound(f"the catalog has no license 0x{license_id.hex()}"))
    under = await repository.one(connection, views.terms, views.terms.c.terms_id == found.terms_id)
    has_terms = under is not None and under.terms_id is not None
    return LicenseDetails(
        **placed(found, views.licenses, found),
        as_of=presentation.as_of(found),
        valid=not is_before(found.expires_at, found),
        terms=TermsView(**placed(under, views.terms, found)) if has_terms and under is not None else None,
    )


async def payments(connection: AsyncConnection, conditions: Conditions, cursor: str | None, limit: int) -> PaymentPage:
    """Return one page of payments."""
    head, rows, following = await _page(connection, views.payments, conditions, cursor, limit)
    items = [PaymentView(**placed(row, views.payments, head)) for row in rows]
    return PaymentPage(as_of=presentation.as_of(head), items=items, next=following)


async def transfers(
    connection: AsyncConnection, conditions: Conditions, cursor: str | None, limit: int
) -> TransferPage:
    """Return one page of transfers."""
    head, rows, following = await _page(connection, views.transfers, conditions, cursor, limit)
    items = [TransferView(**placed(row, views.transfers, head)) for row in rows]
    return TransferPage(as_of=presentation.as_of(head), items=items, next=following)


async def sessions(connection: AsyncConnection, conditions: Conditions, cursor: str | None, limit: int) -> SessionPage:
    """Return one page of sessions."""
    head, rows, following = await _page(connection, views.sessions, conditions, cursor, limit)
    return SessionPage(
        as_of=presentation.as_of(head), items=[SessionView(**_session(row, head)) for row in rows], next=following
    )


async def one_session(connection: AsyncConnection, session_id: bytes) -> SessionDetails:
    """Return a session with its newest purchases. Raises SessionNotFound."""
    row = await repository.one(connection, views.sessions, views.sessions.c.session_id == session_id)
    found = _require(row, "session_id", SessionNotFound(f"the vault has no session 0x{session_id.hex()}"))
    bought = views.session_purchases
    _, rows, _ = await _page(connection, bought, [bought.c.session_id == session_id], None, _NEWEST_PURCHASES)
    purchases = []
    for each in rows:
        members = placed(each, bought, found)
        members.pop("session_id")
        purchases.append(PurchaseView(**members))
    return SessionDetails(**_session(found, found), as_of=presentation.as_of(found), purchases=purchases)


async def flags(connection: AsyncConnection, conditions: Conditions, cursor: str | None, limit: int) -> FlagPage:
    """Return one page of flags."""
    head, rows, following = await _page(connection, views.flags, conditions, cursor, limit)
    items = [
        FlagView(
            **placed(row, views.flags, head),
            active=row.lifted_at is None and not is_before(row.until, head),
        )
        for row in rows
    ]
    return FlagPage(as_of=presentation.as_of(head), items=items, next=following)


async def artist(connection: AsyncConnection, account: bytes) -> Artist:
    """Return what an account has made, holds and sells; of one that did nothing yet, zeros."""
    row = await repository.artist(connection, account)
    if row is None:
        raise CatalogNotReady("the index has not seen a block yet")
    owed = await repository.owed_to(connection, account)
    shown = presentation.address(account)
    return Artist(
        as_of=presentation.as_of(row),
        address=shown,
        names=list(row.names or ()),
        recordings=row.recordings,
        remixes=row.remixes,
        titles=row.titles,
        licenses_held=row.licenses_held,
        licenses_sold=row.licenses_sold,
        on_sale=row.on_sale,
        payout=None if row.payout is None else presentation.address(row.payout),
        owed=[TokenAmount(token=presentation.address(each.token), amount=str(int(each.amount))) for each in owed],
        links={
            "recordings": f"/catalog?artist={shown}",
            "licensesHeld": f"/licenses?holder={shown}",
            "licensesSold": f"/licenses?seller={shown}",
            "payments": f"/payments?payer={shown}",
        },
    )


async def protocol(connection: AsyncConnection) -> Protocol:
    """Return the protocol's fee and the tokens."""
    head = await repository.current_head(connection)
    if head is None:
        raise CatalogNotReady("the index has not seen a block yet")
    rows = await repository.rows(connection, views.protocol, views.protocol.c.block_number >= 0)
    tokens = await repository.rows(connection, views.tokens, views.tokens.c.block_number >= 0, views.tokens.c.token)
    recipient = rows[0].fee_recipient if rows else None
    return Protocol(
        as_of=presentation.as_of(head),
        fee_ppm=rows[0].fee_ppm if rows else 0,
        fee_recipient=None if recipient is None else presentation.address(recipient),
        tokens=[TokenView(**plain(each, views.tokens)) for each in tokens],
    )


async def _page(
    connection: AsyncConnection, view: Table, conditions: Conditions, cursor: str | None, limit: int
) -> tuple[Row[Any], list[Row[Any]], str | None]:
    """Return the head, the rows and the cursor behind them."""
    after = cursors.decode(cursor) if cursor else None
    rows = await repository.page(connection, view, conditions, after=after, limit=limit + 1)
    if not rows:
        raise CatalogNotReady("the index has not seen a block yet")
    found = [row for row in rows if row.block_number is not None]
    following = None
    if len(found) > limit:
        last = found[limit - 1]
        following = cursors.encode(cursors.Place(last.block_number, last.log_index))
    return rows[0], found[:limit], following


def _require(row: Row[Any] | None, key: str, missing: Exception) -> Row[Any]:
    if row is None:
        raise CatalogNotReady("the index has not seen a block yet")
    if row._mapping[key] is None:
        raise missing
    return row


def _session(row: Row[Any], head: Row[Any]) -> dict[str, Any]:
    left = None if row.cap is None else str(0 if row.closed else max(row.cap - row.spent, 0))
    return {**placed(row, views.sessions, head), "left": left}
