"""What becomes of a delivery: a result, another try, or the dead-letter topic."""

from collections.abc import Callable

import structlog

from stem_worker.job import Job, Workshop
from stem_worker.metrics import JOBS, STAGE_SECONDS
from stem_worker.progress import PRODUCER, progress_of
from stemma.audio.errors import AudioError
from stemma.errors import AppError
from stemma.messaging.delivery import Delivery
from stemma.messaging.envelope import Envelope
from stemma.messaging.events import SeparationFailure, SeparationRequest, SeparationResult
from stemma.messaging.failures import RequestInvalid, SeparationImplausible, SourceMismatch, WorkerLost
from stemma.messaging.names import STEM_DLQ, STEM_RESULTS
from stemma.messaging.publisher import Publisher

MAX_ATTEMPTS = 3
# Errors of the input: the same input would fail the same way again.
PERMANENT = (AudioError, RequestInvalid, SourceMismatch, SeparationImplausible)

log = structlog.get_logger("worker")


class SeparationHandler:
    """Handles deliveries of `stem-separate.worker`, one at a time.

    A job that fails by its input, or for the third time, is reported on `stem-dlq` and acknowledged, and so is one that
    three deliveries did not bring to an end, as it may be what kills the workers. Any other failure is raised, so that
    the message is delivered again. A result is published before the message is acknowledged:
    a crash between the two separates again, and readers recognize the second result by its job.
    """

    def __init__(self, workshop: Callable[[], Workshop], publisher: Publisher) -> None:
        self._workshop = workshop
        self._publisher = publisher

    async def __call__(self, delivery: Delivery) -> None:
        request = delivery.envelope.payload
        assert isinstance(request, SeparationRequest)
        with structlog.contextvars.bound_contextvars(job_id=str(request.job_id)):
            await self._handle(request, delivery)

    async def _handle(self, request: SeparationRequest, delivery: Delivery) -> None:
        if delivery.attempt > MAX_ATTEMPTS:
            await self._failed(request, delivery, WorkerLost(f"{MAX_ATTEMPTS} workers ended in the middle of it"))
            return
        log.info("separating", title=request.title, artist=request.artist, attempt=delivery.attempt)
        try:
            async with progress_of(request.job_id, self._publisher) as report:
                result = await Job(request, self._workshop(), report).run()
        except Exception as error:  # noqa: BLE001 - whatever fails, the upload must hear of it
            await self._failed(request, delivery, error)
            return
        caused_by = [str(delivery.envelope.event_id)]
        await self._publisher.publish(STEM_RESULTS, Envelope.of(result, producer=PRODUCER, source_refs=caused_by))
        _count(result)
        log.info("separated", model=result.model_version, stems=len(result.stems), seconds=result.seconds)

    async def _failed(self, request: SeparationRequest, delivery: Delivery, error: Exception) -> None:
        """Report a failure that is final; raise any other again."""
        permanent = isinstance(error, PERMANENT)
        if not permanent and delivery.attempt < MAX_ATTEMPTS:
            JOBS.labels("retried").inc()
            raise error
        JOBS.labels("failed").inc()
        log.error("separation given up", attempt=delivery.attempt, permanent=permanent, exc_info=not permanent)
        failure = SeparationFailure(
            job_id=request.job_id,
            code=error.code if isinstance(error, AppError) else "separation_failed",
            detail=_said_of(error),
            attempts=delivery.attempt,
            permanent=permanent,
        )
        caused_by = [str(delivery.envelope.event_id)]
        await self._publisher.publish(STEM_DLQ, Envelope.of(failure, producer=PRODUCER, source_refs=caused_by))


def _said_of(error: Exception) -> str:
    """What the artist may read: all of what is wrong with the input; of trouble in the house no paths and no hosts."""
    if isinstance(error, PERMANENT):
        return error.detail
    return error.title if isinstance(error, AppError) else f"the worker broke: {type(error).__name__}"


def _count(result: SeparationResult) -> None:
    JOBS.labels("separated").inc()
    for stage, seconds in result.seconds.items():
        STAGE_SECONDS.labels(stage).observe(seconds)
