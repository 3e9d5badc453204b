"""HTTP of the catalog."""

from datetime import UTC, datetime
from typing import Annotated

from eth_utils.address import is_address
from fastapi import APIRouter, Path, Query, Request, Response

from api import caching
from api.catalog import errors, presentation, service
from api.catalog.repository import Filter
from api.catalog.schemas import CatalogPage, RecordingDetails, StemDetails, StemKind
from api.dependencies import Connection, OptionalUser, ResourcesDependency
from api.files import file_response
from api.identity.errors import TokenInvalid, TokenMissing
from api.problems import documented
from stemma import storage, works
from stemma.chain.intents import model_hash
from stemma.works import Kind

router = APIRouter(tags=["catalog"])

_LIST_CACHE = "public, max-age=0, must-revalidate"
_PUBLIC_FILE_CACHE = "public, max-age=300"
_PRIVATE_FILE_CACHE = "private, no-cache"
_MAX_LIMIT = 100

WorkIdPath = Annotated[
    str, Path(pattern=r"^0x[0-9a-f]{56}$", description="Id of a recording or a stem: `0x` and 56 lower-case hex digits")
]
_READ_ERRORS = (errors.WorkNotFound, errors.CatalogNotReady)
_FILE_ERRORS = (
    *_READ_ERRORS,
    errors.FileUnavailable,
    storage.NotFound,
    storage.RangeOutside,
    storage.Corrupt,
    storage.Unavailable,
)


def _binary(media_type: str) -> dict[int | str, dict[str, object]]:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {
        200: {"description": "The whole file", "content": content},
        206: {"description": "One range of it", "content": content},
        304: {"description": "The caller has this version"},
    }


@router.get(
    "/catalog",
    operation_id="listCatalog",
    summary="List recordings and their stems",
    response_model=CatalogPage,
    responses={
        304: {"description": "The caller has this version"},
        **documented(errors.CursorInvalid, errors.CatalogNotReady),
    },
)
async def list_catalog(
    *,
    request: Request,
    connection: Connection,
    artist: Annotated[
        str | None,
        Query(max_length=200, pattern=r"^[^\x00]*$", description="Creator's address, or the artist's name in any case"),
    ] = None,
    kind: Annotated[list[StemKind] | None, Query(max_length=6, description="List only stems of these kinds")] = None,
    model: Annotated[str | None, Query(max_length=200, description="Model version, e.g. `demucs-htdemucs-6s`")] = None,
    since: Annotated[datetime | None, Query(alias="from", description="Registered at or after (RFC 3339)")] = None,
    until: Annotated[datetime | None, Query(alias="to", description="Registered before (RFC 3339)")] = None,
    cursor: Annotated[str | None, Query(max_length=64, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_LIMIT)] = 20,
) -> Response:
    """Return recordings, newest first, each with its six stems. Pages stay stable while recordings are added.

    The entity tag covers the items and not `asOf`; a 304 carries the current one in the header `Stemma-As-Of`.
    """
    by_address = artist is not None and is_address(artist)
    wanted = Filter(
        creator=bytes.fromhex(artist[-40:]) if artist and by_address else None,
        artist=None if by_address else artist,
        model=model_hash(model) if model is not None else None,
        kinds=tuple(Kind.from_label(label.value) for label in kind or ()),
        since=_utc(since),
        until=_utc(until),
    )
    page = await service.page(connection, wanted, cursor=cursor, limit=limit)
    return _json(request, page)


@router.get(
    "/catalog/{work_id}",
    operation_id="getWork",
    summary="A recording or a stem",
    response_model=RecordingDetails | StemDetails,
    responses={304: {"description": "The caller has this version"}, **documented(*_READ_ERRORS)},
)
async def get_work(work_id: WorkIdPath, request: Request, connection: Connection) -> Response:
    """Return a recording with its stems, split and documents, or a stem with its recording."""
    return _json(request, await service.work(connection, works.from_hex(work_id)))


async def get_preview(
    work_id: WorkIdPath, request: Request, connection: Connection, resources: ResourcesDependency
) -> Response:
    """Return a short preview of a recording or a stem; previews are public."""
    offered = await service.preview(connection, resources.storage, works.from_hex(work_id))
    return await _file(request, resources.storage, offered)


async def get_stem_audio(
    work_id: WorkIdPath,
    request: Request,
    connection: Connection,
    resources: ResourcesDependency,
    caller: OptionalUser,
) -> Response:
    """Return a stem as FLAC: to everybody under the release policy `open`, else to its rights holder."""
    offered = await service.audio(connection, resources.storage, works.from_hex(work_id), caller)
    return await _file(request, resources.storage, offered)


async def get_token_metadata(
    work_id: WorkIdPath, request: Request, connection: Connection, resources: ResourcesDependency
) -> Response:
    """Return a work's token metadata, byte for byte the file that is committed on chain."""
    offered = await service.metadata(connection, resources.storage, works.from_hex(work_id))
    return await _file(request, resources.storage, offered)


for _path, _endpoint, _operation, _summary, _media, _errors in (
    (
        "/catalog/{work_id}/preview",
        get_preview,
        "getPreview",
        "A short preview",
        "audio/*",
        (*_FILE_ERRORS, errors.MetadataPending),
    ),
    (
        "/catalog/{work_id}/audio",
        get_stem_audio,
        "getStemAudio",
        "A stem's FLAC",
        service.FLAC,
        (*_FILE_ERRORS, TokenMissing, TokenInvalid, errors.NotRightsHolder),
    ),
    (
        "/metadata/{work_id}.json",
        get_token_metadata,
        "getTokenMetadata",
        "Token metadata",
        "application/json",
        _FILE_ERRORS,
    ),
):
    router.add_api_route(
        _path,
        _endpoint,
        methods=["GET"],
        operation_id=_operation,
        summary=_summary,
        response_class=Response,
        responses={**_binary(_media), **documented(*_errors)},
    )
    router.add_api_route(_path, _endpoint, methods=["HEAD"], include_in_schema=False, response_class=Response)


async def _file(request: Request, files: storage.Storage, offered: service.OfferedFile) -> Response:
    return await file_response(
        request,
        files,
        offered.stat,
        media_type=offered.media_type,
        cache_control=_PUBLIC_FILE_CACHE if offered.is_public else _PRIVATE_FILE_CACHE,
        name=offered.name,
    )


def _json(request: Request, answer: CatalogPage | RecordingDetails | StemDetails) -> Response:
    return caching.json_response(
        request,
        answer.model_dump_json(by_alias=True).encode(),
        version=answer.model_dump_json(by_alias=True, exclude={"as_of"}).encode(),
        cache_control=_LIST_CACHE,
        extra={"Stemma-As-Of": presentation.as_of_header(answer.as_of)},
    )


def _utc(moment: datetime | None) -> datetime | None:
    """A time without a zone is UTC, as every time here."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)
