"""An upload's history as server-sent events, live and resumable.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html. The id of an event is its number in the history,
so a client that reconnects with ``Last-Event-ID`` gets exactly what it missed, but for percents that are forgotten.
"""

import json
from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine
from sse_starlette import ServerSentEvent

from api.ingestion import repository
from api.ingestion.states import Stage
from api.notifications import UPLOADS_CHANNEL, Notifications

RETRY_MILLISECONDS = 2000


async def stream(
    engine: AsyncEngine, notifications: Notifications, upload_id: UUID, *, after: int
) -> AsyncIterator[ServerSentEvent]:
    """Yield the history behind an entry, then what is added, until the upload is indexed or has failed."""
    with notifications.subscribe(UPLOADS_CHANNEL, payload=str(upload_id)) as subscription:
        while True:
            async with engine.connect() as connection:
                news = await repository.events_after(connection, upload_id, after)
            for event in news:
                after = event.seq
                yield ServerSentEvent(
                    id=str(event.seq), event=event.event, data=json.dumps(event.data), retry=RETRY_MILLISECONDS
                )
            if news and Stage(news[-1].data["stage"]).is_last:
                return
            await subscription.wait()
