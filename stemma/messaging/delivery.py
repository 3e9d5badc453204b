"""What a handler receives."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stemma.messaging.envelope import Envelope, decode
from stemma.messaging.events import Payload
from stemma.messaging.tracing import ATTRIBUTE, TraceContext

REASON_ATTRIBUTE = "deadLetterReason"
SUBSCRIPTION_ATTRIBUTE = "deadLetterSubscription"
ATTEMPTS_ATTRIBUTE = "deadLetterAttempts"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why a message is on a dead-letter topic. `subscription` is the short name of the one that gave it up."""

    subscription: str
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of one event.

    `attempt` counts deliveries of this message from 1, approximately, and stays 1 on a subscription without a
    dead-letter policy. `dead_letter` is set when the event comes from a dead-letter topic.
    """

    envelope: Envelope[Payload]
    attempt: int
    message_id: str
    published_at: datetime
    attributes: Mapping[str, str]
    trace: TraceContext
    dead_letter: DeadLetter | None


def read_delivery(message: Any, accepts: tuple[type[Payload], ...]) -> Delivery:
    """Read a message of the stock client. Raises Undecodable."""
    attributes = dict(message.attributes)
    parent = TraceContext.parse(attributes.get(ATTRIBUTE, ""))
    return Delivery(
        envelope=decode(message.data, accepts),
        attempt=message.delivery_attempt or 1,
        message_id=message.message_id,
        published_at=message.publish_time,
        attributes=attributes,
        trace=TraceContext.start() if parent is None else parent.child(),
        dead_letter=_dead_letter(attributes),
    )


def _dead_letter(attributes: Mapping[str, str]) -> DeadLetter | None:
    """Read the house's own marks, or those that the service sets when it forwards a message."""
    if REASON_ATTRIBUTE in attributes:
        subscription = attributes.get(SUBSCRIPTION_ATTRIBUTE, "")
        return DeadLetter(subscription, _count(attributes.get(ATTEMPTS_ATTRIBUTE)), attributes[REASON_ATTRIBUTE])
    source = attributes.get("CloudPubSubDeadLetterSourceSubscription")
    if source is None:
        return None
    attempts = _count(attributes.get("CloudPubSubDeadLetterSourceDeliveryCount"))
    return DeadLetter(source, attempts, f"not handled in {attempts} deliveries")


def _count(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0
