"""Uploads and their events in `app`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.ingestion.states import Failure, Stage, State
from api.notifications import UPLOADS_CHANNEL
from api.tables import upload_events, uploads

_LOCK_SPACE = 0x75_70_6C
"""First key of the advisory locks on contents; the second is the start of the content's hash."""


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What is known of an upload when its file is stored."""

    id: UUID
    chain_id: int
    owner: bytes
    recording_id: bytes
    content_hash: bytes
    file_cid: str
    file_bytes: int
    media_type: str
    credits: bytes
    credits_cid: str
    registration: dict[str, Any]
    signature_due_at: datetime


@dataclass(frozen=True, slots=True)
class Upload(NewUpload):
    """An upload as it is now."""

    state: State
    signature: bytes | None
    probe_attempts: int
    result: dict[str, Any] | None
    last_event: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class UploadEvent:
    """One entry of an upload's history; ``seq`` counts from 1, and old percents leave gaps."""

    seq: int
    event: str
    data: dict[str, Any]


async def lock_content(connection: AsyncConnection, content_hash: bytes) -> None:
    """Let only one transaction at a time store, reject or discard this content."""
    key = int.from_bytes(content_hash[:4], "big", signed=True)
    await connection.execute(text("select pg_advisory_xact_lock(:space, :key)"), {"space": _LOCK_SPACE, "key": key})


async def add(connection: AsyncConnection, new: NewUpload) -> None:
    """Insert an upload; its content must be locked and free of a `rival`."""
    values = {name: getattr(new, name) for name in NewUpload.__dataclass_fields__}
    await connection.execute(insert(uploads).values(**values, stage=Stage.RECEIVED.value))


async def rival(connection: AsyncConnection, upload: NewUpload) -> Upload | None:
    """Return the other upload that keeps this one from going on: the same content, not failed, signed or the owner's.

    Somebody else's unsigned upload is none: whoever merely holds a file must not keep its creator waiting.
    """
    found = await connection.execute(
        select(uploads)
        .where(
            uploads.c.id != upload.id,
            uploads.c.chain_id == upload.chain_id,
            uploads.c.content_hash == upload.content_hash,
            uploads.c.stage != Stage.FAILED.value,
            or_(uploads.c.signature.is_not(None), uploads.c.owner == upload.owner),
        )
        .order_by((uploads.c.owner == upload.owner).desc())
        .limit(1)
    )
    row = found.first()
    return _upload(row) if row else None


async def get(connection: AsyncConnection, upload_id: UUID) -> Upload | None:
    """Return an upload."""
    row = (await connection.execute(select(uploads).where(uploads.c.id == upload_id))).first()
    return _upload(row) if row else None


async def lock(connection: AsyncConnection, upload_id: UUID) -> Upload | None:
    """Return an upload whose row is this transaction's until it ends."""
    row = (await connection.execute(select(uploads).where(uploads.c.id == upload_id).with_for_update())).first()
    return _upload(row) if row else None


async def save_state(connection: AsyncConnection, upload: Upload, state: State) -> None:
    """Write a state; the upload must be locked."""
    failure = state.failure
    await connection.execute(
        update(uploads)
        .where(uploads.c.id == upload.id)
        .values(
            stage=state.stage.value,
            step=state.step,
            percent=state.percent,
            reorgs=state.reorgs,
            error_code=failure.code if failure else None,
            error_detail=failure.detail if failure else None,
            updated_at=func.now(),
        )
    )


async def add_event(connection: AsyncConnection, upload_id: UUID, *, event: str, data: dict[str, Any]) -> None:
    """Append to the history and tell the listeners once the transaction commits; the upload must be locked or new."""
    numbered = await connection.execute(
        update(uploads)
        .where(uploads.c.id == upload_id)
        .values(last_event=uploads.c.last_event + 1)
        .returning(uploads.c.last_event)
    )
    await connection.execute(
        insert(upload_events).values(upload_id=upload_id, seq=numbered.scalar_one(), event=event, data=data)
    )
    await connection.execute(select(func.pg_notify(UPLOADS_CHANNEL, str(upload_id))))


async def events_after(connection: AsyncConnection, upload_id: UUID, seq: int) -> Sequence[UploadEvent]:
    """Return the history behind an entry, oldest first."""
    rows = await connection.execute(
        select(upload_events.c.seq, upload_events.c.event, upload_events.c.data)
        .where(upload_events.c.upload_id == upload_id, upload_events.c.seq > seq)
        .order_by(upload_events.c.seq)
    )
    return [UploadEvent(seq=row.seq, event=row.event, data=row.data) for row in rows]


async def delete_old_events(connection: AsyncConnection, event: str, before: datetime) -> int:
    """Delete the events of a name and time of uploads on which nothing goes on; return how many there were."""
    idle = select(uploads.c.id).where(uploads.c.stage.in_([stage.value for stage in Stage if stage.is_last]))
    deleted = await connection.execute(
        delete(upload_events).where(
            upload_events.c.event == event, upload_events.c.created_at < before, upload_events.c.upload_id.in_(idle)
        )
    )
    return deleted.rowcount


async def save_signature(connection: AsyncConnection, upload_id: UUID, signature: bytes) -> None:
    """Keep the creator's signature."""
    await connection.execute(
        update(uploads).where(uploads.c.id == upload_id).values(signature=signature, signed_at=func.now())
    )


async def save_probe(connection: AsyncConnection, upload_id: UUID, probe: dict[str, Any]) -> None:
    """Keep what the probe measured."""
    await connection.execute(update(uploads).where(uploads.c.id == upload_id).values(probe=probe))


async def count_probe_attempt(connection: AsyncConnection, upload_id: UUID) -> int:
    """Note that a probe begins; return how many did."""
    counted = await connection.execute(
        update(uploads)
        .where(uploads.c.id == upload_id)
        .values(probe_attempts=uploads.c.probe_attempts + 1)
        .returning(uploads.c.probe_attempts)
    )
    return int(counted.scalar_one())


async def forgive_probe_attempt(connection: AsyncConnection, upload_id: UUID) -> None:
    """Take a probe back that could not look at the file, through no fault of the file."""
    await connection.execute(
        update(uploads).where(uploads.c.id == upload_id).values(probe_attempts=uploads.c.probe_attempts - 1)
    )


async def save_result(connection: AsyncConnection, upload_id: UUID, result: dict[str, Any]) -> None:
    """Keep what the worker produced."""
    await connection.execute(update(uploads).where(uploads.c.id == upload_id).values(result=result))


async def unprobed_since(connection: AsyncConnection, before: datetime) -> Sequence[UUID]:
    """Return the uploads that should have been probed but were not touched since a moment."""
    rows = await connection.execute(
        select(uploads.c.id).where(
            uploads.c.stage.in_([Stage.RECEIVED.value, Stage.PROBING.value]), uploads.c.updated_at < before
        )
    )
    return list(rows.scalars())


async def signature_overdue(connection: AsyncConnection, now: datetime) -> Sequence[UUID]:
    """Return the uploads whose creators did not sign in time."""
    rows = await connection.execute(
        select(uploads.c.id).where(uploads.c.stage == Stage.AWAITING_SIGNATURE.value, uploads.c.signature_due_at <= now)
    )
    return list(rows.scalars())


async def in_stage(connection: AsyncConnection, stage: Stage) -> Sequence[Upload]:
    """Return the uploads in a stage."""
    rows = await connection.execute(select(uploads).where(uploads.c.stage == stage.value))
    return [_upload(row) for row in rows]


async def is_file_needed(connection: AsyncConnection, file_cid: str) -> bool:
    """Whether an upload that has not failed uses a file."""
    found = await connection.execute(
        select(uploads.c.id).where(uploads.c.file_cid == file_cid, uploads.c.stage != Stage.FAILED.value).limit(1)
    )
    return found.first() is not None


def _upload(row: Row[Any]) -> Upload:
    columns = row._mapping
    state = State(
        stage=Stage(row.stage),
        signed=row.signature is not None,
        step=row.step,
        percent=row.percent,
        reorgs=row.reorgs,
        failure=Failure(row.error_code, row.error_detail or "") if row.error_code else None,
    )
    own = {name: columns[name] for name in Upload.__dataclass_fields__ if name != "state"}
    return Upload(**own, state=state)
