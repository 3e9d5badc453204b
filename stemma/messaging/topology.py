"""Topics and subscriptions as the house needs them, made and corrected at every start."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from google.api_core.exceptions import AlreadyExists, DeadlineExceeded, RetryError, ServiceUnavailable
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1.types import (
    DeadLetterPolicy,
    ExpirationPolicy,
    RetryPolicy,
    Subscription,
    UpdateSubscriptionRequest,
)

from stemma.messaging import names
from stemma.messaging.endpoint import PubsubEndpoint

ACK_DEADLINE_SECONDS = 60
MAX_DELIVERY_ATTEMPTS = 5
"""The service's net; the least it accepts. The worker itself gives up earlier."""

_CALL_SECONDS = 5.0
_RETRY_SECONDS = (0.2, 5.0)
_UNREACHABLE = (ServiceUnavailable, DeadlineExceeded, RetryError)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Pauses:
    """Seconds between tries: the first, and the longest they double up to."""

    minimum: int
    maximum: int


_PAUSES = {
    # A dead worker's song is tried by the next one soon.
    names.STEM_SEPARATE_WORKER: _Pauses(2, 60),
    # Handlers fail here when the database is away: five tries then span two and a half minutes.
    names.STEM_RESULTS_API_JOBS: _Pauses(10, 600),
    # Without limit of tries.
    names.STEM_DLQ_API_JOBS: _Pauses(5, 600),
}


async def ensure_topology(endpoint: PubsubEndpoint) -> None:
    """Create what is missing of the three topics and subscriptions and correct what differs.

    Waits, and says so, while the service cannot be reached. May run in any number of processes at once.

    Raises:
        google.api_core.exceptions.GoogleAPICallError: the service refuses, e.g. PermissionDenied.
    """
    topics, subscriptions = endpoint.publisher_admin(), endpoint.subscriber_admin()
    try:
        await _once_reachable(lambda: _ensure_all(endpoint, topics, subscriptions))
    finally:
        await topics.transport.close()
        await subscriptions.transport.close()


async def _ensure_all(endpoint: PubsubEndpoint, topics: Any, subscriptions: Any) -> None:
    for topic in sorted({*names.TOPIC_OF.values(), *names.DEAD_LETTER_TOPIC_OF.values()}):
        try:
            await topics.create_topic(name=endpoint.topic(topic), retry=None, timeout=_CALL_SECONDS)
        except AlreadyExists:
            continue
    for name in names.TOPIC_OF:
        await _ensure_subscription(subscriptions, _wanted(endpoint, name))


async def _ensure_subscription(client: Any, wanted: Any) -> None:
    try:
        await client.create_subscription(wanted, retry=None, timeout=_CALL_SECONDS)
    except AlreadyExists:
        current = await client.get_subscription(subscription=wanted.name, retry=None, timeout=_CALL_SECONDS)
        fields = ("ack_deadline_seconds", "retry_policy", "dead_letter_policy", "expiration_policy")
        different = [field for field in fields if getattr(current, field) != getattr(wanted, field)]
        if different:
            _log.info("correcting subscription", subscription=wanted.name, fields=different)
            request = UpdateSubscriptionRequest(subscription=wanted, update_mask=FieldMask(paths=different))
            await client.update_subscription(request, retry=None, timeout=_CALL_SECONDS)


def _wanted(endpoint: PubsubEndpoint, name: str) -> Any:
    pauses = _PAUSES[name]
    dead_letter_topic = names.DEAD_LETTER_TOPIC_OF.get(name)
    return Subscription(
        name=endpoint.subscription(name),
        topic=endpoint.topic(names.TOPIC_OF[name]),
        ack_deadline_seconds=ACK_DEADLINE_SECONDS,
        # Without a ttl it never expires, however long nobody uploads.
        expiration_policy=ExpirationPolicy(),
        retry_policy=RetryPolicy(
            minimum_backoff=Duration(seconds=pauses.minimum), maximum_backoff=Duration(seconds=pauses.maximum)
        ),
        dead_letter_policy=None
        if dead_letter_topic is None
        else DeadLetterPolicy(
            dead_letter_topic=endpoint.topic(dead_letter_topic), max_delivery_attempts=MAX_DELIVERY_ATTEMPTS
        ),
    )


async def _once_reachable(attempt: Callable[[], Awaitable[None]]) -> None:
    pause = _RETRY_SECONDS[0]
    while True:
        try:
            await attempt()
        except _UNREACHABLE as error:
            _log.warning("pubsub cannot be reached yet, trying again", error=str(error), seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _RETRY_SECONDS[1])
        else:
            return
