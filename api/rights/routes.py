"""HTTP of rights and money: lists with filters, and single licenses, terms, sessions, artists."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.catalog.answering import answer, reads
from api.catalog.errors import CursorInvalid
from api.catalog.queries import PageQuery, WorkIdPath, raw
from api.reading import BlockQuery, Reading, Snapshot
from api.rights import queries, service
from api.rights.errors import LicenseNotFound, SessionNotFound, TermsNotFound
from api.rights.schemas import (
    Artist,
    AttachmentPage,
    FlagPage,
    LicenseDetails,
    LicensePage,
    PaymentPage,
    Protocol,
    SessionDetails,
    SessionPage,
    TermsDetails,
    TermsPage,
    TransferPage,
)

router = APIRouter(tags=["rights"])

Hash32Path = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$", description="`0x` and 64 lower-case hex digits")]
_PAGE = reads(CursorInvalid)


@router.get("/licenses", operation_id="listLicenses", response_model=LicensePage, responses=_PAGE)
async def list_licenses(
    request: Request, connection: Reading, asked: Annotated[queries.LicenseQuery, Query()], block: BlockQuery = None
) -> Response:
    """Return licenses, newest first."""
    page = await service.licenses(connection, asked.conditions(), asked.cursor, asked.limit)
    return answer(request, page, block=block)


@router.get("/catalog/{work_id}/licenses", operation_id="listWorkLicenses", response_model=LicensePage, responses=_PAGE)
async def list_work_licenses(
    work_id: WorkIdPath,
    request: Request,
    connection: Reading,
    asked: Annotated[PageQuery, Query()],
    block: BlockQuery = None,
) -> Response:
    """Return the licenses of a work, newest first; of a recording, those of its stems as well."""
    wanted = queries.LicenseQuery(work=work_id).conditions()
    return answer(request, await service.licenses(connection, wanted, asked.cursor, asked.limit), block=block)


@router.get(
    "/licenses/{license_id}",
    operation_id="getLicense",
    response_model=LicenseDetails,
    responses=reads(LicenseNotFound),
)
async def get_license(
    license_id: Hash32Path, request: Request, connection: Snapshot, block: BlockQuery = None
) -> Response:
    """Return a license with its terms."""
    found = bytes.fromhex(license_id[2:])
    return answer(request, await service.one_license(connection, found), block=block)


@router.get("/payments", operation_id="listPayments", response_model=PaymentPage, responses=_PAGE)
async def list_payments(
    request: Request, connection: Reading, asked: Annotated[queries.PaymentQuery, Query()], block: BlockQuery = None
) -> Response:
    """Return payments, newest first."""
    page = await service.payments(connection, asked.conditions(), asked.cursor, asked.limit)
    return answer(request, page, block=block)


@router.get("/catalog/{work_id}/payments", operation_id="listWorkPayments", response_model=PaymentPage, responses=_PAGE)
async def list_work_payments(
    work_id: WorkIdPath,
    request: Request,
    connection: Reading,
    asked: Annotated[PageQuery, Query()],
    block: BlockQuery = None,
) -> Response:
    """Return the payments to a work, newest first; of a recording, those to its stems as well."""
    wanted = queries.PaymentQuery(work=work_id).conditions()
    return answer(request, await service.payments(connection, wanted, asked.cursor, asked.limit), block=block)


@router.get("/transfers", operation_id="listTransfers", response_model=TransferPage, responses=_PAGE)
async def list_transfers(
    request: Request, connection: Reading, asked: Annotated[queries.TransferQuery, Query()], block: BlockQuery = None
) -> Response:
    """Return transfers of titles, mints among them, newest first."""
    page = await service.transfers(connection, asked.conditions(), asked.cursor, asked.limit)
    return answer(request, page, block=block)


@router.get(
    "/catalog/{work_id}/transfers", operation_id="listWorkTransfers", response_model=TransferPage, responses=_PAGE
)
async def list_work_transfers(
    work_id: WorkIdPath,
    request: Request,
    connection: Reading,
    asked: Annotated[PageQuery, Query()],
    block: BlockQuery = None,
) -> Response:
    """Return the transfers of a work's title, newest first; of a recording, those of its stems' as well."""
    wanted = queries.TransferQuery(work=work_id).conditions()
    return answer(request, await service.transfers(connection, wanted, asked.cursor, asked.limit), block=block)


@router.get("/terms", operation_id="listTerms", response_model=TermsPage, responses=_PAGE)
async def list_terms(
    request: Request, connection: Reading, asked: Annotated[queries.TermsQuery, Query()], block: BlockQuery = None
) -> Response:
    """Return published terms, newest first."""
    page = await service.terms(connection, asked.conditions(), asked.cursor, asked.limit)
    return answer(request, page, block=block)


@router.get(
    "/terms/{terms_id}",
    operation_id="getTerms",
    response_model=TermsDetails,
    responses=reads(TermsNotFound),
)
async def get_terms(terms_id: Hash32Path, request: Request, connection: Reading, block: BlockQuery = None) -> Response:
    """Return terms by the hash of their content."""
    return answer(request, await service.one_terms(connection, bytes.fromhex(terms_id[2:])), block=block)


@router.get("/attachments", operation_id="listAttachments", response_model=AttachmentPage, responses=_PAGE)
async def list_attachments(
    request: Request, connection: Reading, asked: Annotated[queries.AttachmentQuery, Query()], block: BlockQuery = None
) -> Response:
    """Return what is on sale, and at which price; newest first."""
    page = await service.attachments(connection, asked.conditions(), asked.cursor, asked.limit)
    return answer(request, page, block=block)


@router.get("/vault/sessions", operation_id="listVaultSessions", response_model=SessionPage, responses=_PAGE)
async def list_sessions(
    request: Request, connection: Reading, asked: Annotated[queries.SessionQuery, Query()], block: BlockQuery = None
) -> Response:
    """Return sessions with their budgets, newest first."""
    page = await service.sessions(connection, asked.conditions(), asked.cursor, asked.limit)
    return answer(request, page, block=block)


@router.get(
    "/vault/sessions/{session_id}",
    operation_id="getVaultSession",
    response_model=SessionDetails,
    responses=reads(SessionNotFound),
)
async def get_session(
    session_id: Hash32Path, request: Request, connection: Snapshot, block: BlockQuery = None
) -> Response:
    """Return a session's budget, what is left of it, and what it bought."""
    return answer(request, await service.one_session(connection, bytes.fromhex(session_id[2:])), block=block)


@router.get("/disputes", operation_id="listDisputes", response_model=FlagPage, responses=_PAGE)
async def list_disputes(
    request: Request, connection: Reading, asked: Annotated[queries.FlagQuery, Query()], block: BlockQuery = None
) -> Response:
    """Return flags on disputed recordings, newest first."""
    page = await service.flags(connection, asked.conditions(), asked.cursor, asked.limit)
    return answer(request, page, block=block)


@router.get(
    "/artists/{address}",
    operation_id="getArtist",
    response_model=Artist,
    responses=reads(),
)
async def get_artist(
    address: Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")],
    request: Request,
    connection: Snapshot,
    block: BlockQuery = None,
) -> Response:
    """Return what an account has made, holds and sells, and what it may draw."""
    found = raw(address)
    assert found is not None
    return answer(request, await service.artist(connection, found), block=block)


@router.get(
    "/protocol",
    operation_id="getProtocol",
    response_model=Protocol,
    responses=reads(),
)
async def get_protocol(request: Request, connection: Snapshot, block: BlockQuery = None) -> Response:
    """Return the protocol's fee and the tokens that payments may come in."""
    return answer(request, await service.protocol(connection), block=block)
