"""The table of events that wait to be published."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.notifications import OUTBOX_CHANNEL
from api.tables import outbox


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An encoded event and where it goes."""

    id: int
    topic: str
    data: bytes
    attributes: dict[str, str]


async def add(
    connection: AsyncConnection, *, event_id: UUID, topic: str, data: bytes, attributes: dict[str, str]
) -> None:
    """Insert an event and wake the relay once the transaction commits."""
    await connection.execute(insert(outbox).values(event_id=event_id, topic=topic, data=data, attributes=attributes))
    await connection.execute(select(func.pg_notify(OUTBOX_CHANNEL, "")))


async def take(connection: AsyncConnection, limit: int) -> Sequence[WaitingEvent]:
    """Return the oldest waiting events; they are this transaction's until it ends."""
    rows = await connection.execute(
        select(outbox.c.id, outbox.c.topic, outbox.c.data, outbox.c.attributes)
        .where(outbox.c.published_at.is_(None))
        .order_by(outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [WaitingEvent(id=row.id, topic=row.topic, data=row.data, attributes=row.attributes) for row in rows]


async def mark_published(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Note that events are with Pub/Sub."""
    await connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(published_at=func.now()))


async def delete_published(connection: AsyncConnection, before: datetime) -> int:
    """Remove what was published long ago; return how many."""
    removed = await connection.execute(delete(outbox).where(outbox.c.published_at < before))
    return removed.rowcount
