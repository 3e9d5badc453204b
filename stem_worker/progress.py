"""Telling the rest of the house how far a job is, at most twice a second."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import structlog

from stemma.messaging.envelope import Envelope
from stemma.messaging.errors import PublishFailed
from stemma.messaging.events import SeparationProgress
from stemma.messaging.names import STEM_RESULTS
from stemma.messaging.publisher import Publisher

PRODUCER = "stem-worker"
INTERVAL_SECONDS = 0.5

Report = Callable[[str, int], None]

log = structlog.get_logger("worker")


@asynccontextmanager
async def progress_of(job_id: UUID, publisher: Publisher) -> AsyncIterator[Report]:
    """Yield a function that takes step and percentage from any thread; what it was told last is published."""
    latest: tuple[str, int] | None = None

    def report(step: str, percent: int) -> None:
        nonlocal latest
        latest = (step, percent)

    async def tell() -> None:
        told: tuple[str, int] | None = None
        while True:
            if latest is not None and latest != told:
                told = latest
                payload = SeparationProgress(job_id=job_id, stage=told[0], percent=told[1])
                try:
                    await publisher.publish(STEM_RESULTS, Envelope.of(payload, producer=PRODUCER))
                except PublishFailed as error:
                    # Progress is for people who watch; the job goes on without.
                    log.warning("progress not published", job_id=str(job_id), error=error.detail)
            await asyncio.sleep(INTERVAL_SECONDS)

    telling = asyncio.create_task(tell())
    try:
        yield report
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
