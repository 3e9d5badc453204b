"""What follows when something is reported of an upload: the new state, its event, and the next step's order."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.ingestion import repository
from api.ingestion.errors import UploadNotFound
from api.ingestion.repository import Upload
from api.ingestion.schemas import EventData, UploadError
from api.ingestion.states import Cause, Signal, Stage, State, advance
from api.outbox import service as outbox
from stemma.cid import Cid
from stemma.documents import CreditsDocument
from stemma.messaging.events import SeparationRequest, Source
from stemma.storage import Storage

STAGE_EVENT = "stage"
PERCENT_EVENT = "percent"


@dataclass(frozen=True, slots=True)
class Change:
    """What a signal did; ``before`` and ``after`` are the same when it did nothing."""

    upload: Upload
    before: State
    after: State

    @property
    def moved(self) -> bool:
        """Whether the stage changed."""
        return self.before.position != self.after.position


async def report(connection: AsyncConnection, storage: Storage, upload_id: UUID, signal: Signal) -> Change:
    """Apply a signal in the caller's transaction. Reporting the same thing again changes nothing.

    Raises:
        UploadNotFound: no such upload.
        stemma.storage.Unavailable: the credits document could not be published.
    """
    if signal.failure is not None or signal.cause is Cause.UNMINED:
        await _lock_content_first(connection, upload_id)
    upload = await repository.lock(connection, upload_id)
    if upload is None:
        raise UploadNotFound(f"there is no upload {upload_id}")
    change = Change(upload, upload.state, advance(upload.state, signal))
    if change.after == change.before:
        return change
    if upload.state.failure is not None and await repository.rival(connection, upload) is not None:
        return Change(upload, upload.state, upload.state)  # the song was uploaded anew, and that upload goes on
    await repository.save_state(connection, upload, change.after)
    if change.moved or signal.cause is Cause.PROGRESSED:
        event = STAGE_EVENT if change.moved else PERCENT_EVENT
        await repository.add_event(connection, upload_id, event=event, data=event_data(change.after))
    if change.moved and change.after.stage is Stage.QUEUED:
        await _order_separation(connection, storage, upload)
    if change.after.stage is Stage.FAILED:
        await discard_file(connection, storage, upload.file_cid)
    return change


async def discard_file(connection: AsyncConnection, storage: Storage, file_cid: str) -> None:
    """Delete an original that no living upload needs; the caller holds the lock on its content."""
    if not await repository.is_file_needed(connection, file_cid):
        await storage.delete(Cid.parse(file_cid), private=True)


def event_data(state: State) -> dict[str, object]:
    """Return what a listener is told of a state."""
    error = UploadError(code=state.failure.code, detail=state.failure.detail) if state.failure else None
    data = EventData(stage=state.stage, step=state.step, percent=state.percent, reorgs=state.reorgs, error=error)
    return data.model_dump(mode="json", by_alias=True, exclude_none=True)


async def _lock_content_first(connection: AsyncConnection, upload_id: UUID) -> None:
    """Take locks in the order in which a new upload takes them, content before row, or the two could deadlock."""
    upload = await repository.get(connection, upload_id)
    if upload is not None:
        await repository.lock_content(connection, upload.content_hash)


async def _order_separation(connection: AsyncConnection, storage: Storage, upload: Upload) -> None:
    """Publish the signed credits, then send the order; both can be repeated without harm."""
    await storage.put(upload.credits, private=False)
    document = CreditsDocument.model_validate_json(upload.credits)
    await outbox.send(
        connection,
        SeparationRequest(
            job_id=upload.id,
            recording_id="0x" + upload.recording_id.hex(),
            content_hash="0x" + upload.content_hash.hex(),
            creator=upload.registration["message"]["creator"],
            source=Source(cid=upload.file_cid, bytes=upload.file_bytes, media_type=upload.media_type),
            title=document.title,
            artist=document.artist,
            credits=document,
            credits_cid=upload.credits_cid,
            release_policy=document.release_policy,
        ),
    )
