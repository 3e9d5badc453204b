"""Background work of ingestion: probing, results, sweeping, and noticing that a recording is in the catalog."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.catalog import service as catalog
from api.catalog.errors import CatalogNotReady
from api.ingestion import lifecycle, repository, results
from api.ingestion.errors import ProbeFailed, RecordingExists, SeparationFailed, SignatureMissing, UploadNotFound
from api.ingestion.probing import examine
from api.ingestion.queue import UploadQueue, take_jobs_forever
from api.ingestion.states import Cause, Failure, Signal, Stage
from api.notifications import COMMITTED_CHANNEL, Notifications
from api.transactions import service as transactions
from api.transactions.schemas import Mined, Outcome, Refused, Unmined
from stemma.catalog.words import FEED_CHANNEL
from stemma.messaging.delivery import Delivery
from stemma.messaging.events import SeparationFailure, SeparationProgress, SeparationRequest, SeparationResult
from stemma.storage import Storage, Unavailable

MAX_PROBE_ATTEMPTS = 5
UNPROBED_AFTER = timedelta(seconds=30)
PERCENTS_KEPT = timedelta(days=7)
_LOOK_AGAIN_SECONDS = 5.0
_PAUSE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ingestion:
    """What the background work of ingestion needs; recordings may last ``max_seconds``."""

    engine: AsyncEngine
    storage: Storage
    max_seconds: float


async def probe_forever(ingestion: Ingestion, redis_url: str) -> None:
    """Take jobs from the queue `uploads` until cancelled."""
    await take_jobs_forever(redis_url, partial(probe_upload, ingestion))


async def probe_upload(ingestion: Ingestion, upload_id: UUID) -> None:
    """Decide whether an upload's file is a new song; repeating it changes nothing.

    Raises:
        stemma.storage.Unavailable: storage cannot be reached now; try again.
    """
    async with ingestion.engine.begin() as connection:
        change = await _report(connection, ingestion, upload_id, Signal(Cause.PROBE_STARTED))
        if change is None or change.after.stage is not Stage.PROBING:
            return
        attempts = await repository.count_probe_attempt(connection, upload_id)
        known = await catalog.holds_recording(connection, change.upload.recording_id)
    if attempts > MAX_PROBE_ATTEMPTS:
        rejected = Failure(ProbeFailed.code, f"the file was tried {MAX_PROBE_ATTEMPTS} times and never finished")
    elif known:
        rejected = Failure(RecordingExists.code, "the same file is in the catalog")
    else:
        try:
            examined = await examine(ingestion.storage, change.upload.file_cid, max_seconds=ingestion.max_seconds)
        except Unavailable:
            async with ingestion.engine.begin() as connection:
                await repository.forgive_probe_attempt(connection, upload_id)
            raise
        if not isinstance(examined, Failure):
            await _pass_probe(ingestion, upload_id, examined)
            return
        rejected = examined
    async with ingestion.engine.begin() as connection:
        await _report(connection, ingestion, upload_id, Signal(Cause.INPUT_REJECTED, failure=rejected))
    _log.info("upload rejected", upload=str(upload_id), code=rejected.code)


async def take_result(ingestion: Ingestion, delivery: Delivery) -> None:
    """Handle what a worker says of a job: progress, or the result."""
    payload = delivery.envelope.payload
    async with ingestion.engine.begin() as connection:
        if isinstance(payload, SeparationProgress):
            signal = Signal(Cause.PROGRESSED, step=payload.stage, percent=payload.percent)
            await _report(connection, ingestion, payload.job_id, signal)
        elif isinstance(payload, SeparationResult):
            await results.take(connection, ingestion.storage, payload)


async def take_dead_letter(ingestion: Ingestion, delivery: Delivery) -> None:
    """Handle what was given up: the worker's own verdict, or a message that nobody could handle."""
    payload = delivery.envelope.payload
    match payload:
        case SeparationFailure():
            failure = Failure(payload.code, payload.detail)
        case SeparationRequest():
            reason = delivery.dead_letter.reason if delivery.dead_letter else "no worker could handle the job"
            failure = Failure(SeparationFailed.code, reason)
        case SeparationResult():
            await take_result(ingestion, delivery)
            return
        case _:
            return  # progress that could not be noted is no loss
    async with ingestion.engine.begin() as connection:
        await _report(connection, ingestion, payload.job_id, Signal(Cause.SEPARATION_FAILED, failure=failure))


async def take_outcome(ingestion: Ingestion, connection: AsyncConnection, job_id: UUID, outcome: Outcome) -> None:
    """Note what became of an upload's transaction, in the sender's database transaction."""
    match outcome:
        case Mined():
            signal = Signal(Cause.MINED)
            await connection.execute(select(func.pg_notify(COMMITTED_CHANNEL, "")))
        case Unmined():
            signal = Signal(Cause.UNMINED)
        case Refused():
            signal = Signal(Cause.COMMIT_FAILED, failure=Failure(outcome.code, outcome.detail))
    await _report(connection, ingestion, job_id, signal)


async def watch_catalog_forever(ingestion: Ingestion, notifications: Notifications) -> None:
    """Mark uploads as indexed once the catalog shows them, woken by index and sender; runs until cancelled."""
    with notifications.subscribe(FEED_CHANNEL, COMMITTED_CHANNEL) as subscription:
        while True:
            try:
                await mark_indexed(ingestion)
            except (OperationalError, CatalogNotReady) as error:
                _log.warning("the catalog could not be read, trying again", reason=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)
            await subscription.wait(_LOOK_AGAIN_SECONDS)


async def mark_indexed(ingestion: Ingestion) -> int:
    """Mark those committed uploads whose recording is in the catalog by the very block that we saw; return how many."""
    async with ingestion.engine.begin() as connection:
        committed = await repository.in_stage(connection, Stage.COMMITTED)
        if not committed:
            return 0
        blocks = await catalog.registering_blocks(connection, [upload.recording_id for upload in committed])
        marked = 0
        for upload in committed:
            place = await transactions.mined(connection, upload.id)
            if place is not None and blocks.get(upload.recording_id) == place.block_hash:
                await _report(connection, ingestion, upload.id, Signal(Cause.INDEXED))
                marked += 1
    return marked


async def requeue_unprobed(ingestion: Ingestion, queue: UploadQueue) -> None:
    """Queue again what should have been probed by now: the queue or its producer may have been lost."""
    async with ingestion.engine.connect() as connection:
        forgotten = await repository.unprobed_since(connection, datetime.now(UTC) - UNPROBED_AFTER)
    for upload_id in forgotten:
        await queue.add(upload_id)


async def fail_unsigned(ingestion: Ingestion) -> None:
    """End the uploads whose creators did not sign in time."""
    async with ingestion.engine.connect() as connection:
        overdue = await repository.signature_overdue(connection, datetime.now(UTC))
    failure = Failure(SignatureMissing.code, "the creator did not sign in time")
    for upload_id in overdue:
        async with ingestion.engine.begin() as connection:
            await _report(connection, ingestion, upload_id, Signal(Cause.SIGNATURE_OVERDUE, failure=failure))


async def forget_percents(ingestion: Ingestion) -> None:
    """Remove what nobody listens for any longer: the percents of uploads that ended. The stages stay."""
    async with ingestion.engine.begin() as connection:
        before = datetime.now(UTC) - PERCENTS_KEPT
        removed = await repository.delete_old_events(connection, lifecycle.PERCENT_EVENT, before)
    if removed:
        _log.info("old percents removed from the history of uploads", count=removed)


async def _pass_probe(ingestion: Ingestion, upload_id: UUID, measured: dict[str, Any]) -> None:
    async with ingestion.engine.begin() as connection:
        change = await _report(connection, ingestion, upload_id, Signal(Cause.PROBE_PASSED))
        if change is not None and change.moved:
            await repository.save_probe(connection, upload_id, measured)


async def _report(
    connection: AsyncConnection, ingestion: Ingestion, upload_id: UUID, signal: Signal
) -> lifecycle.Change | None:
    """Report, and shrug at uploads that are not ours: queues outlive databases."""
    try:
        return await lifecycle.report(connection, ingestion.storage, upload_id, signal)
    except UploadNotFound:
        _log.warning("a message about an upload that does not exist", upload=str(upload_id), cause=signal.cause.value)
        return None
