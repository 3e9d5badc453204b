"""HTTP of the catalog: recordings, stems and their files."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from api.catalog import errors, service
from api.catalog.answering import answer, answer_encoded
from api.catalog.queries import CatalogQuery, WorkIdPath
from api.catalog.schemas import CatalogPage, RecordingDetails, StemDetails
from api.dependencies import OptionalUser, ResourcesDependency
from api.files import file_response
from api.identity.errors import TokenInvalid, TokenMissing
from api.problems import documented
from api.reading import READING_ERRORS, BlockQuery, Reading, reading
from stemma import storage, works

router = APIRouter(tags=["catalog"])

_PUBLIC_FILE_CACHE = "public, max-age=300"
_PRIVATE_FILE_CACHE = "private, no-cache"

_READ_ERRORS = (errors.WorkNotFound, *READING_ERRORS)
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
        **documented(errors.CursorInvalid, *READING_ERRORS),
    },
)
async def list_catalog(
    request: Request, connection: Reading, block: BlockQuery = None, *, asked: Annotated[CatalogQuery, Query()]
) -> Response:
    """Return recordings, newest first, each with its six stems. Pages stay stable while recordings are added.

    The entity tag covers the items and not `asOf`; a 304 carries the current one in the header `Stemma-As-Of`.
    """
    page = await service.page(connection, asked.filter(), cursor=asked.cursor, limit=asked.limit)
    rest = msgspec.json.encode({"items": page.items, "next": page.next})
    return answer_encoded(request, page.as_of, rest, block=block)


@router.get(
    "/catalog/{work_id}",
    operation_id="getWork",
    summary="A recording or a stem",
    response_model=RecordingDetails | StemDetails,
    responses={304: {"description": "The caller has this version"}, **documented(*_READ_ERRORS)},
)
async def get_work(work_id: WorkIdPath, request: Request, connection: Reading, block: BlockQuery = None) -> Response:
    """Return a recording with its stems, split and documents, or a stem with its recording."""
    return answer(request, await service.work(connection, works.from_hex(work_id)), block=block)


async def read_recording(
    work_id: WorkIdPath, resources: ResourcesDependency, block: BlockQuery = None
) -> RecordingDetails:
    """Give the connection back before storage is asked: that may search a whole network for a file."""
    async with reading(resources, block) as connection:
        return await service.recording_of(connection, works.from_hex(work_id))


async def read_recording_now(work_id: WorkIdPath, resources: ResourcesDependency) -> RecordingDetails:
    """As `read_recording`, and never as of a block: who held the rights in the past may not have the files today."""
    return await read_recording(work_id, resources)


RecordingOfWork = Annotated[RecordingDetails, Depends(read_recording)]
RecordingOfWorkNow = Annotated[RecordingDetails, Depends(read_recording_now)]


async def get_preview(
    work_id: WorkIdPath, request: Request, recording: RecordingOfWork, resources: ResourcesDependency
) -> Response:
    """Return a short preview of a recording or a stem; previews are public."""
    offered = await service.preview(recording, resources.storage, works.from_hex(work_id))
    return await _file(request, resources.storage, offered)


async def get_stem_audio(
    work_id: WorkIdPath,
    request: Request,
    recording: RecordingOfWorkNow,
    resources: ResourcesDependency,
    caller: OptionalUser,
) -> Response:
    """Return a stem as FLAC: to everybody under the release policy `open`, else to its rights holder."""
    offered = await service.audio(recording, resources.storage, works.from_hex(work_id), caller)
    return await _file(request, resources.storage, offered)


async def get_token_metadata(
    work_id: WorkIdPath, request: Request, recording: RecordingOfWork, resources: ResourcesDependency
) -> Response:
    """Return a work's token metadata, byte for byte the file that is committed on chain."""
    offered = await service.metadata(recording, resources.storage, works.from_hex(work_id))
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
