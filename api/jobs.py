"""All background work of the API, under one leader; nothing periodic lives in the HTTP process."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.ext.asyncio import AsyncEngine

from api.identity import repository as identity
from api.ingestion import jobs as ingestion_jobs
from api.ingestion.jobs import Ingestion
from api.ingestion.queue import UploadQueue
from api.leader import lead_forever
from api.notifications import COMMITTED_CHANNEL, OUTBOX_CHANNEL, TRANSACTIONS_CHANNEL, Notifications
from api.outbox import jobs as outbox_jobs
from api.transactions.jobs import send_forever
from api.transactions.sender import Sender
from stemma.catalog.words import FEED_CHANNEL
from stemma.chain.rpc import JsonRpc
from stemma.database.engine import create_engine
from stemma.messaging.consumer import consume
from stemma.messaging.endpoint import PubsubEndpoint
from stemma.messaging.events import SeparationFailure, SeparationProgress, SeparationRequest, SeparationResult
from stemma.messaging.names import STEM_DLQ_API_JOBS, STEM_RESULTS_API_JOBS
from stemma.messaging.publisher import Publisher
from stemma.messaging.topology import ensure_topology
from stemma.settings import Settings, SettingsInvalid
from stemma.storage import open_storage

_MAX_RESULTS_AT_ONCE = 4

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Period:
    """A piece of work and how often it is done, in seconds."""

    name: str
    seconds: float
    work: Callable[[], Awaitable[object]]


async def run_jobs(settings: Settings) -> None:
    """Lead, or stand by, until cancelled.

    Raises:
        SettingsInvalid: DATABASE_URL or RELAYER_PRIVATE_KEY is missing.
    """
    if settings.relayer_private_key is None:
        raise SettingsInvalid("RELAYER_PRIVATE_KEY pays for the transactions; it is not set")
    await lead_forever(settings.require_database_url(), partial(_work, settings))


async def _work(settings: Settings) -> None:
    """Do everything at once until cancelled; the first part that breaks ends all, and the leader begins anew."""
    database_url = settings.require_database_url()
    async with AsyncExitStack() as stack:
        engine = create_engine(database_url, application_name="stemma-api-jobs")
        stack.push_async_callback(engine.dispose)
        storage = await stack.enter_async_context(open_storage(settings))
        rpc = await stack.enter_async_context(JsonRpc(settings.rpc_urls))
        notifications = await stack.enter_async_context(
            Notifications.listening(
                database_url, (OUTBOX_CHANNEL, TRANSACTIONS_CHANNEL, COMMITTED_CHANNEL, FEED_CHANNEL)
            )
        )
        queue = UploadQueue(settings.redis_url)
        stack.push_async_callback(queue.aclose)
        ingestion = Ingestion(engine, storage, settings.upload_max_seconds)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ingestion_jobs.probe_forever(ingestion, settings.redis_url), name="probe")
            tasks.create_task(ingestion_jobs.watch_catalog_forever(ingestion, notifications), name="catalog")
            tasks.create_task(_exchange_messages(settings, ingestion, notifications), name="messages")
            tasks.create_task(_send(settings, ingestion, rpc, notifications), name="sender")
            tasks.create_task(_repeat(_periods(ingestion, queue)), name="periodic")


async def _exchange_messages(settings: Settings, ingestion: Ingestion, notifications: Notifications) -> None:
    endpoint = PubsubEndpoint.from_settings(settings)
    await ensure_topology(endpoint)
    async with Publisher(endpoint) as publisher, asyncio.TaskGroup() as tasks:
        tasks.create_task(outbox_jobs.relay_forever(ingestion.engine, publisher, notifications))
        tasks.create_task(
            consume(
                endpoint,
                STEM_RESULTS_API_JOBS,
                partial(ingestion_jobs.take_result, ingestion),
                accepts=(SeparationProgress, SeparationResult),
                max_messages=_MAX_RESULTS_AT_ONCE,
            )
        )
        tasks.create_task(
            consume(
                endpoint,
                STEM_DLQ_API_JOBS,
                partial(ingestion_jobs.take_dead_letter, ingestion),
                accepts=(SeparationFailure, SeparationRequest, SeparationResult, SeparationProgress),
            )
        )


async def _send(settings: Settings, ingestion: Ingestion, rpc: JsonRpc, notifications: Notifications) -> None:
    assert settings.relayer_private_key is not None
    sender = Sender(
        ingestion.engine,
        rpc,
        private_key=settings.relayer_private_key.get_secret_value(),
        chain_id=settings.chain_id,
        listener=partial(ingestion_jobs.take_outcome, ingestion),
    )
    await send_forever(sender, notifications)


def _periods(ingestion: Ingestion, queue: UploadQueue) -> list[Period]:
    return [
        Period("requeue unprobed uploads", 15, partial(ingestion_jobs.requeue_unprobed, ingestion, queue)),
        Period("end unsigned uploads", 5, partial(ingestion_jobs.fail_unsigned, ingestion)),
        Period("forget old nonces", 60, partial(_forget_nonces, ingestion.engine)),
        Period("forget old percents", 86_400, partial(ingestion_jobs.forget_percents, ingestion)),
        Period("forget old events", 3600, partial(outbox_jobs.forget_old, ingestion.engine)),
    ]


async def _repeat(periods: list[Period]) -> None:
    """Run the periodic work until cancelled; one that fails is logged by the scheduler and comes again."""
    scheduler = AsyncIOScheduler(timezone=UTC)
    for period in periods:
        scheduler.add_job(
            period.work,
            IntervalTrigger(seconds=period.seconds, timezone=UTC),
            name=period.name,
            max_instances=1,
            coalesce=True,
            next_run_time=datetime.now(UTC),
        )
    scheduler.start()
    try:
        await asyncio.Event().wait()
    finally:
        scheduler.shutdown(wait=False)


async def _forget_nonces(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await identity.delete_old_nonces(connection, now=datetime.now(UTC))
