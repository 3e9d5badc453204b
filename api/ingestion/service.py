"""The rules of uploading, as a request meets them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import uuid_utils
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.catalog import service as catalog
from api.errors import RequestInvalid
from api.identity.accounts import Account
from api.ingestion import lifecycle, registrations, repository
from api.ingestion.errors import (
    FileEmpty,
    RecordingExists,
    SignatureInvalid,
    SignatureMissing,
    UploadFailed,
    UploadIncomplete,
    UploadNotFound,
)
from api.ingestion.multipart import UploadReader
from api.ingestion.repository import NewUpload, Upload
from api.ingestion.schemas import Links, UploadAccepted, UploadError, UploadMetadata, UploadView
from api.ingestion.states import Cause, Signal, State
from api.signatures import SignatureCheck, normalized
from api.transactions import service as transactions
from stemma import works
from stemma.chain.intents import SigningDomain
from stemma.chain.signatures import ERC6492_SUFFIX
from stemma.cid import Blob, ContentHasher
from stemma.documents import CreditsDocument
from stemma.storage import NotFound, Storage


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file in private storage with checked metadata, not yet an upload."""

    file: Blob
    media_type: str
    metadata: UploadMetadata


async def receive(reader: UploadReader, storage: Storage, *, max_bytes: int) -> ReceivedFile:
    """Stream an upload's file into private storage; keep nothing unless file and metadata are both good.

    Raises:
        UploadIncomplete, FileMissing, RequestMalformed, ContentTooLarge: as `UploadReader.file_bytes`.
        stemma.storage.TooLarge: the file has more than ``max_bytes`` bytes.
        FileEmpty: it has none.
        RequestInvalid: the metadata do not fit their schema.
    """
    collected: list[UploadMetadata] = []

    async def checked_bytes() -> Any:
        size = 0
        async for piece in reader.file_bytes():
            size += len(piece)
            yield piece
        if size == 0:
            raise FileEmpty("the file has no bytes")
        collected.append(_metadata(reader.fields))  # the last chance: storage publishes when this stream ends

    file = await storage.put(checked_bytes(), private=True, max_bytes=max_bytes)
    return ReceivedFile(file, reader.media_type, collected[0])


async def accept(
    connection: AsyncConnection,
    storage: Storage,
    received: ReceivedFile,
    *,
    creator: Account,
    domain: SigningDomain,
    signature_ttl: timedelta,
) -> UploadAccepted:
    """Make an upload of a received file, unless the recording exists or somebody has signed for it.

    Raises:
        RecordingExists: it is in the catalog or on its way there.
        UploadIncomplete: the file vanished together with a failed upload of the same content.
    """
    sign_by = datetime.now(UTC) + signature_ttl
    content_hash = received.file.sha256
    document = registrations.credits_document(received.metadata, content_hash)
    credits = _blob(document.canonical())
    new = NewUpload(
        id=_new_id(),
        chain_id=creator.chain_id,
        owner=creator.address,
        recording_id=works.to_bytes(works.recording_id(content_hash)),
        content_hash=content_hash,
        file_cid=str(received.file.cid),
        file_bytes=received.file.size,
        media_type=received.media_type,
        credits=document.canonical(),
        credits_cid=str(credits.cid),
        registration=registrations.typed_data(
            received.metadata,
            creator=creator,
            content_hash=content_hash,
            credits=credits,
            domain=domain,
            deadline=sign_by + registrations.LIFETIME,
        ),
        signature_due_at=sign_by,
    )
    await repository.lock_content(connection, content_hash)
    await _refuse_duplicate(connection, storage, new)
    await repository.add(connection, new)
    await _require_file(storage, received.file)
    await repository.add_event(connection, new.id, event=lifecycle.STAGE_EVENT, data=lifecycle.event_data(State()))
    return UploadAccepted(
        upload_id=new.id,
        content_hash=_hex(content_hash),
        recording_id=_hex(new.recording_id),
        credits_cid=new.credits_cid,
        typed_data=new.registration,
        signature_due_at=new.signature_due_at,
        links=_links(new),
    )


async def view(connection: AsyncConnection, upload_id: UUID, caller: Account) -> UploadView:
    """Return one of the caller's uploads. Raises UploadNotFound for everybody else's, too."""
    return await _view(connection, await owned(connection, upload_id, caller))


async def owned(connection: AsyncConnection, upload_id: UUID, caller: Account) -> Upload:
    """Return an upload of the caller. Raises UploadNotFound."""
    upload = await repository.get(connection, upload_id)
    if upload is None or (upload.chain_id, upload.owner) != (caller.chain_id, caller.address):
        raise UploadNotFound("you have no such upload")
    return upload


async def verify_signature(upload: Upload, signature: str | None, *, is_signed_by: SignatureCheck) -> bytes:
    """Return the creator's signature of an upload's registration in the form that the registry takes.

    Raises:
        SignatureMissing: none was given.
        SignatureInvalid: not the creator's signature of this registration.
        UploadFailed: the upload has failed already.
    """
    if upload.state.failure is not None:
        raise _failed(upload)
    given = bytes.fromhex((signature or "0x")[2:])
    if not given:
        raise SignatureMissing("send the creator's signature of `typedData`")
    if given.endswith(ERC6492_SUFFIX):
        raise SignatureInvalid("the registry asks the account itself (ERC-1271); deploy it before it signs")
    if not await is_signed_by(upload.owner, registrations.digest(upload.registration), given):
        raise SignatureInvalid("the uploading account did not sign this registration")
    return normalized(given)


async def sign(
    connection: AsyncConnection, storage: Storage, upload_id: UUID, signature: bytes, *, caller: Account
) -> UploadView:
    """Take a signature that `verify_signature` found good; giving it again changes nothing.

    Raises:
        UploadNotFound: not the caller's upload.
        RecordingExists: somebody else signed for the same file first.
        UploadFailed: the upload has failed already.
    """
    upload = await owned(connection, upload_id, caller)
    if not upload.state.signed:
        await repository.lock_content(connection, upload.content_hash)
        await _refuse_rival(connection, upload)
        change = await lifecycle.report(connection, storage, upload_id, Signal(Cause.SIGNED))
        if change.after.failure is not None:
            raise _failed(await owned(connection, upload_id, caller))
        if change.after != change.before:
            await repository.save_signature(connection, upload_id, signature)
    return await view(connection, upload_id, caller)


async def _refuse_duplicate(connection: AsyncConnection, storage: Storage, new: NewUpload) -> None:
    """Name the earlier upload or recording; the file that came with this one goes unless the earlier one uses it."""
    await _refuse_rival(connection, new)
    if await catalog.holds_recording(connection, new.recording_id):
        await lifecycle.discard_file(connection, storage, new.file_cid)
        raise RecordingExists(
            "the same file is in the catalog", recordingId=_hex(new.recording_id), links=_pointers(new)
        )


async def _refuse_rival(connection: AsyncConnection, upload: NewUpload) -> None:
    earlier = await repository.rival(connection, upload)
    if earlier is not None:
        own = earlier.owner == upload.owner
        named = {"uploadId": str(earlier.id), "stage": earlier.state.stage.value} if own else {}
        raise RecordingExists(
            "the same file was uploaded before", recordingId=_hex(upload.recording_id), links=_pointers(upload), **named
        )


async def _require_file(storage: Storage, file: Blob) -> None:
    try:
        await storage.stat(file.cid)
    except NotFound as error:
        raise UploadIncomplete("an upload of the same file failed just now; send it once more") from error


async def _view(connection: AsyncConnection, upload: Upload) -> UploadView:
    state = upload.state
    document = CreditsDocument.model_validate_json(upload.credits)
    mined = await transactions.mined(connection, upload.id)
    result = upload.result or {}
    return UploadView(
        upload_id=upload.id,
        stage=state.stage,
        step=state.step,
        percent=state.percent,
        error=UploadError(code=state.failure.code, detail=state.failure.detail) if state.failure else None,
        content_hash=_hex(upload.content_hash),
        recording_id=_hex(upload.recording_id),
        credits_cid=upload.credits_cid,
        title=document.title,
        artist=document.artist,
        release_policy=document.release_policy,
        file_bytes=upload.file_bytes,
        media_type=upload.media_type,
        signed=state.signed,
        signature_due_at=upload.signature_due_at,
        typed_data=upload.registration,
        model_version=result.get("modelVersion"),
        seconds=result.get("seconds", {}),
        tx=_hex(mined.tx_hash) if mined else None,
        block=mined.block_number if mined else None,
        created_at=upload.created_at,
        updated_at=upload.updated_at,
        links=_links(upload),
    )


def _metadata(fields: Mapping[str, str]) -> UploadMetadata:
    try:
        return UploadMetadata.model_validate(dict(fields))
    except ValidationError as error:
        places = [
            {"at": "/".join(str(part) for part in item["loc"]), "message": item["msg"], "kind": item["type"]}
            for item in error.errors()
        ]
        raise RequestInvalid("; ".join(f"{p['at']}: {p['message']}" for p in places[:5]), errors=places) from error


def _failed(upload: Upload) -> UploadFailed:
    assert upload.state.failure is not None
    failure = {"code": upload.state.failure.code, "detail": upload.state.failure.detail}
    return UploadFailed(f"the upload has failed: {upload.state.failure.detail}", failure=failure)


def _blob(content: bytes) -> Blob:
    hasher = ContentHasher()
    hasher.update(content)
    return hasher.finish()


def _new_id() -> UUID:
    """UUIDv7, so that ids sort by time."""
    return uuid.UUID(bytes=uuid_utils.uuid7().bytes)


def _links(upload: NewUpload) -> Links:
    own = f"/stems/uploads/{upload.id}"
    return Links(self_=own, events=f"{own}/events", signature=f"{own}/signature", catalog=_pointers(upload)["catalog"])


def _pointers(upload: NewUpload) -> dict[str, str]:
    return {"catalog": f"/catalog/{_hex(upload.recording_id)}"}


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
