"""HTTP of uploading."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import APIRouter, BackgroundTasks, Depends, Header, Request, Response
from redis.exceptions import RedisError
from sse_starlette import EventSourceResponse

from api import errors as general
from api.dependencies import Connection, CurrentUser, ResourcesDependency, transaction
from api.identity.errors import TokenInvalid, TokenMissing
from api.ingestion import errors, events, service
from api.ingestion.multipart import MAX_OVERHEAD_BYTES, UploadReader
from api.ingestion.queue import UploadQueue
from api.ingestion.schemas import SignatureRequest, UploadAccepted, UploadMetadata, UploadView
from api.problems import documented
from stemma.chain.errors import DeploymentMissing, RpcUnreachable
from stemma.storage import TooLarge, Unavailable

router = APIRouter(tags=["ingestion"])
_log = structlog.get_logger(__name__)

UPLOAD_PATH = "/stems/upload"
"""Its body is limited while it streams, by `UploadReader` and storage."""

MAX_EVENT_ID = (1 << 31) - 1

_UPLOAD_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "allOf": [
                    {"$ref": "#/components/schemas/UploadMetadata"},
                    {
                        "type": "object",
                        "required": ["file"],
                        "properties": {
                            "file": {"type": "string", "contentMediaType": "audio/*", "description": "The recording"}
                        },
                    },
                ]
            }
        }
    },
}
_EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `stage` and `percent`; the data is an `EventData`, the id a number to resume from",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    204: {"description": "The upload has ended and the caller has seen all of it"},
}


async def receive_file(
    request: Request,
    _caller: CurrentUser,  # strangers are turned away before their bytes are read
    resources: ResourcesDependency,
) -> service.ReceivedFile:
    """Store the file before a database connection is taken: a slow upload must not hold one."""
    resources.signing_domain()
    async with transaction(resources):
        pass  # a file that cannot be noted would stay in storage, where nobody knows of it
    limit = resources.settings.upload_max_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit + MAX_OVERHEAD_BYTES:
        raise TooLarge(f"The file is longer than {limit} bytes.", maxBytes=limit)
    return await service.receive(UploadReader(request), resources.storage, max_bytes=limit)


@router.post(
    UPLOAD_PATH,
    operation_id="uploadRecording",
    summary="Upload a recording",
    status_code=202,
    openapi_extra={"requestBody": _UPLOAD_FORM},
    responses=documented(
        TokenMissing,
        TokenInvalid,
        TooLarge,
        general.ContentTooLarge,
        general.RequestMalformed,
        general.RequestInvalid,
        errors.NotMultipart,
        errors.UploadIncomplete,
        errors.FileMissing,
        errors.FileEmpty,
        errors.RecordingExists,
        DeploymentMissing,
        Unavailable,
    ),
)
async def upload_recording(
    *,
    received: Annotated[service.ReceivedFile, Depends(receive_file)],
    connection: Connection,
    caller: CurrentUser,
    resources: ResourcesDependency,
    background: BackgroundTasks,
    response: Response,
) -> UploadAccepted:
    """Take a recording and its metadata. The form fields may stand before or behind the file.

    The file streams to private storage while its SHA-256 is taken. Sign the returned `typedData` with the creator's
    wallet and post the signature; the recording is then separated into six stems and committed on chain.
    """
    accepted = await service.accept(
        connection,
        resources.storage,
        received,
        creator=caller,
        domain=resources.signing_domain(),
        signature_ttl=timedelta(seconds=resources.settings.signature_ttl_seconds),
    )
    background.add_task(_enqueue, resources.queue, accepted.upload_id)
    response.headers["Location"] = accepted.links.self_
    return accepted


@router.get(
    "/stems/uploads/{upload_id}",
    operation_id="getUpload",
    summary="Where an upload is",
    responses=documented(TokenMissing, TokenInvalid, errors.UploadNotFound),
)
async def get_upload(upload_id: UUID, connection: Connection, caller: CurrentUser) -> UploadView:
    """Return one of the caller's uploads."""
    return await service.view(connection, upload_id, caller)


async def verify_signature(
    upload_id: UUID, body: SignatureRequest, caller: CurrentUser, resources: ResourcesDependency
) -> bytes:
    """Check the signature before the handler's connection is taken: a node may take its time over a contract's."""
    async with transaction(resources) as connection:
        upload = await service.owned(connection, upload_id, caller)
    return await service.verify_signature(upload, body.signature, is_signed_by=resources.signature_check())


@router.post(
    "/stems/uploads/{upload_id}/signature",
    operation_id="signUpload",
    summary="Give the creator's signature",
    status_code=202,
    responses=documented(
        TokenMissing,
        TokenInvalid,
        errors.UploadNotFound,
        errors.SignatureMissing,
        errors.SignatureInvalid,
        errors.RecordingExists,
        errors.UploadFailed,
        RpcUnreachable,
        Unavailable,
    ),
)
async def sign_upload(
    upload_id: UUID,
    signature: Annotated[bytes, Depends(verify_signature)],
    connection: Connection,
    caller: CurrentUser,
    resources: ResourcesDependency,
) -> UploadView:
    """Take the EIP-712 signature of the upload's `typedData`. Giving it again changes nothing."""
    return await service.sign(connection, resources.storage, upload_id, signature, caller=caller)


@router.get(
    "/stems/uploads/{upload_id}/events",
    operation_id="streamUploadEvents",
    summary="Follow an upload",
    response_class=EventSourceResponse,
    responses=_EVENT_STREAM | documented(TokenMissing, TokenInvalid, errors.UploadNotFound),
)
async def stream_upload_events(
    upload_id: UUID,
    connection: Connection,
    caller: CurrentUser,
    resources: ResourcesDependency,
    last_event_id: Annotated[
        int, Header(ge=0, le=MAX_EVENT_ID, description="Number of the last event that was seen")
    ] = 0,
) -> Response:
    """Stream stage and percent as they change, from the beginning or from behind `Last-Event-ID`, to the end."""
    upload = await service.owned(connection, upload_id, caller)
    if upload.state.stage.is_last and last_event_id >= upload.last_event:
        return Response(status_code=204)
    return EventSourceResponse(events.stream(resources.engine, resources.notifications, upload_id, after=last_event_id))


async def _enqueue(queue: UploadQueue, upload_id: UUID) -> None:
    """Ask for the probe once the upload is committed; if that fails, the sweeper of `api-jobs` will."""
    try:
        await queue.add(upload_id)
    except (RedisError, OSError) as error:
        _log.warning("the probe could not be queued yet", upload=str(upload_id), reason=str(error))


DOCUMENTED_MODELS = (UploadMetadata,)
"""Schemas that no signature mentions but the OpenAPI document refers to."""
