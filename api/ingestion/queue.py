"""The BullMQ queue `uploads`: its jobs are uploads' ids, so adding one twice adds it once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from bullmq import Job, Queue, Worker

QUEUE = "uploads"
PROBE = "probe"

_ATTEMPTS = 5
_BACKOFF_MILLISECONDS = 1000
_CONCURRENCY = 2
_LOCK_MILLISECONDS = 30_000
_RECONNECT_MILLISECONDS = 1_000
_PAUSE_SECONDS = 1.0
_CLOSE_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class UploadQueue:
    """The producing end of the queue; it connects with the first job."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._queue: Queue | None = None

    async def add(self, upload_id: UUID) -> None:
        """Ask for a probe. Raises redis.exceptions.RedisError when Redis cannot be reached."""
        if self._queue is None:
            from bullmq import Queue

            self._queue = Queue(QUEUE, {"connection": self._redis_url})
        await self._queue.add(
            PROBE,
            {"uploadId": str(upload_id)},
            {
                "jobId": str(upload_id),
                "attempts": _ATTEMPTS,
                "backoff": {"type": "exponential", "delay": _BACKOFF_MILLISECONDS},
                "removeOnComplete": True,
                "removeOnFail": True,
            },
        )

    async def aclose(self) -> None:
        """Close the connection."""
        if self._queue is not None:
            await self._queue.close()


async def take_jobs_forever(redis_url: str, handle: Callable[[UUID], Awaitable[None]]) -> None:
    """Call ``handle`` with the upload of each job, until cancelled; what it raises brings the job back later."""
    while True:
        worker = _worker(redis_url, handle)
        running = asyncio.ensure_future(worker.run())
        try:
            # `run` swallows a cancellation of its own, so it is only watched here and ended by `close`.
            await asyncio.wait([running])
            running.result()
        except (RedisError, OSError) as error:
            _log.warning("the queue cannot be reached, trying again", reason=str(error))
        finally:
            await _close(worker)
            running.cancel()
        await asyncio.sleep(_PAUSE_SECONDS)


def _worker(redis_url: str, handle: Callable[[UUID], Awaitable[None]]) -> "Worker":
    from bullmq import Worker

    async def process(job: "Job", _token: str) -> None:
        await handle(UUID(job.data["uploadId"]))

    worker = Worker(
        QUEUE,
        process,
        {
            "connection": redis_url,
            "autorun": False,
            "concurrency": _CONCURRENCY,
            "lockDuration": _LOCK_MILLISECONDS,
            "stalledInterval": _LOCK_MILLISECONDS,
            "runRetryDelay": _RECONNECT_MILLISECONDS,
        },
    )
    worker.on("failed", lambda job, error: _log.warning("a probe failed", upload=job.id, reason=repr(error)))
    worker.on("error", lambda error, *_: _log.warning("the queue has trouble", reason=repr(error)))
    return worker


async def _close(worker: "Worker") -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await worker.close(force=True)
    except TimeoutError:
        _log.warning("the queue's worker did not close in time")
