"""Sending an event from within a database transaction."""

from sqlalchemy.ext.asyncio import AsyncConnection

from api.outbox import repository
from stemma.messaging.envelope import Envelope
from stemma.messaging.events import Payload, SeparationRequest
from stemma.messaging.names import STEM_SEPARATE
from stemma.messaging.tracing import ATTRIBUTE, outgoing_trace

PRODUCER = "api"

_TOPIC_OF: dict[type[Payload], str] = {SeparationRequest: STEM_SEPARATE}


async def send(connection: AsyncConnection, payload: Payload) -> None:
    """Have an event published once the caller's transaction has committed; it is then published at least once.

    Raises:
        KeyError: the event has no topic.
    """
    envelope = Envelope.of(payload, producer=PRODUCER)
    await repository.add(
        connection,
        event_id=envelope.event_id,
        topic=_TOPIC_OF[type(payload)],
        data=envelope.encode(),
        attributes={**envelope.attributes(), ATTRIBUTE: str(outgoing_trace())},
    )
