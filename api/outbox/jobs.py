"""The relay: from the outbox to Pub/Sub."""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.notifications import OUTBOX_CHANNEL, Notifications
from api.outbox import repository
from stemma.messaging.errors import PublishFailed
from stemma.messaging.publisher import Publisher

KEPT = timedelta(days=7)
_BATCH = 100
_LOOK_AGAIN_SECONDS = 10.0
_PAUSE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


async def relay_forever(engine: AsyncEngine, publisher: Publisher, notifications: Notifications) -> None:
    """Publish what waits, woken by the insert; runs until cancelled."""
    with notifications.subscribe(OUTBOX_CHANNEL) as subscription:
        while True:
            try:
                while await relay_once(engine, publisher):
                    pass
            except (OperationalError, PublishFailed) as error:
                _log.warning("events could not be published, trying again", reason=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            await subscription.wait(_LOOK_AGAIN_SECONDS)


async def relay_once(engine: AsyncEngine, publisher: Publisher) -> int:
    """Publish one batch and return its size.

    Raises:
        PublishFailed: Pub/Sub refused or could not be reached; the batch waits on.
    """
    async with engine.begin() as connection:
        events = await repository.take(connection, _BATCH)
        if events:
            await asyncio.gather(
                *(publisher.publish_encoded(event.topic, event.data, event.attributes) for event in events)
            )
            await repository.mark_published(connection, [event.id for event in events])
    return len(events)


async def forget_old(engine: AsyncEngine) -> None:
    """Remove events that were published long ago."""
    async with engine.begin() as connection:
        removed = await repository.delete_published(connection, datetime.now(UTC) - KEPT)
    if removed:
        _log.info("old events removed from the outbox", count=removed)
