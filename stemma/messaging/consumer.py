"""Consuming a subscription: stock client threads on one side, asyncio handlers on the other."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import structlog
from google.api_core.exceptions import GoogleAPIError
from google.cloud.pubsub_v1.subscriber.scheduler import ThreadScheduler
from google.cloud.pubsub_v1.types import FlowControl

from stemma.messaging.delivery import (
    ATTEMPTS_ATTRIBUTE,
    REASON_ATTRIBUTE,
    SUBSCRIPTION_ATTRIBUTE,
    Delivery,
    read_delivery,
)
from stemma.messaging.endpoint import PubsubEndpoint
from stemma.messaging.errors import GiveUp, PublishFailed, RetryLater, Undecodable
from stemma.messaging.events import Payload
from stemma.messaging.names import DEAD_LETTER_TOPIC_OF
from stemma.messaging.publisher import Publisher
from stemma.messaging.tracing import current_trace

Handler = Callable[[Delivery], Awaitable[None]]

LEASE_SECONDS = 20
_MAX_LEASE_SECONDS = 6 * 3600
_SHUTDOWN_SECONDS = 3.0
_REASON_MAX_CHARACTERS = 250
_LOGGED_BYTES = 1024
_RECONNECT_SECONDS = (1.0, 30.0)

_log = structlog.get_logger(__name__)


async def consume(
    endpoint: PubsubEndpoint,
    subscription: str,
    handler: Handler,
    *,
    accepts: Iterable[type[Payload]],
    max_messages: int = 1,
    lease_seconds: int = LEASE_SECONDS,
) -> None:
    """Call the handler for every message of a subscription, until cancelled.

    The handler runs in the caller's event loop and must not block it. While it runs the message's lease is extended in
    a thread of its own, for up to six hours. How it ends decides what becomes of the message:

    - returns: acknowledged;
    - raises `GiveUp`: published to the subscription's dead-letter topic with the reason, then acknowledged;
    - raises `RetryLater`: delivered again after that many seconds, in which it still counts for `max_messages`, and
      the pause of the subscription's retry policy;
    - raises anything else: logged and delivered again after the pause of the subscription's retry policy.

    A message that cannot be read is given up at once. On the last resort itself, which has no dead-letter topic, it is
    logged and forgotten. A lost connection or a subscription that does not exist yet is logged and tried again.
    On cancellation the running handlers are cancelled and their messages given back, within three seconds.

    Args:
        endpoint: which Pub/Sub.
        subscription: short name, see `names`.
        handler: what to do with a delivery.
        accepts: payload classes of the events that are read here.
        max_messages: how many handlers may run at the same time.
        lease_seconds: 10..600; a process that dies without a word has its messages delivered elsewhere after this.
    """
    kinds = tuple(accepts)
    pause = _RECONNECT_SECONDS[0]
    async with Publisher(endpoint) as publisher:
        while True:
            stream = _Stream(
                endpoint=endpoint,
                subscription=subscription,
                handler=handler,
                accepts=kinds,
                publisher=publisher,
                max_messages=max_messages,
                lease_seconds=lease_seconds,
            )
            began = asyncio.get_running_loop().time()
            try:
                await stream.run()
            except GoogleAPIError as error:
                _log.warning("cannot be read, trying again", subscription=subscription, error=str(error), seconds=pause)
            if asyncio.get_running_loop().time() - began > _RECONNECT_SECONDS[1]:
                pause = _RECONNECT_SECONDS[0]
            await asyncio.sleep(pause)
            pause = min(pause * 2, _RECONNECT_SECONDS[1])


@dataclass(slots=True, kw_only=True)
class _Stream:
    """One run of the stock client's streaming pull."""

    endpoint: PubsubEndpoint
    subscription: str
    handler: Handler
    accepts: tuple[type[Payload], ...]
    publisher: Publisher
    max_messages: int
    lease_seconds: int
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _closing: bool = False

    async def run(self) -> None:
        """Handle messages until the stream fails (GoogleAPIError) or the caller is cancelled."""
        client = self.endpoint.subscriber()
        streaming = client.subscribe(
            self.endpoint.subscription(self.subscription),
            self._on_message,
            # Both bounds of a lease extension: left alone, the client adapts it to how long messages took, and after
            # a few long jobs a dead process would keep its messages for minutes.
            flow_control=FlowControl(
                max_messages=self.max_messages,
                max_lease_duration=_MAX_LEASE_SECONDS,
                min_duration_per_lease_extension=self.lease_seconds,
                max_duration_per_lease_extension=self.lease_seconds,
            ),
            scheduler=ThreadScheduler(ThreadPoolExecutor(self.max_messages, thread_name_prefix=self.subscription)),
            # The client's own shutdown then drains the acks of running handlers before it ends.
            await_callbacks_on_shutdown=True,
        )
        ended = asyncio.wrap_future(streaming)
        try:
            await asyncio.shield(ended)
        finally:
            self._closing = True
            streaming.cancel()
            for task in self._tasks:
                task.cancel()
            # Bounded: with the service gone, the client would go on trying to give messages back.
            await asyncio.wait([ended], timeout=_SHUTDOWN_SECONDS)
            client.close()
            if not ended.done():
                ended.cancel()

    def _on_message(self, message: Any) -> None:
        """Run in a thread of the client's; returns when the message is dealt with."""
        asyncio.run_coroutine_threadsafe(self._deal_with(message), self._loop).result()

    async def _deal_with(self, message: Any) -> None:
        if self._closing:
            message.nack()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._decide(message)
        except asyncio.CancelledError:
            # Only `run` cancels this task, and waits for the client to send this.
            message.nack()
        finally:
            self._tasks.discard(task)

    async def _decide(self, message: Any) -> None:
        try:
            delivery = read_delivery(message, self.accepts)
        except Undecodable as error:
            await self._give_up(message, error.detail)
            return
        current_trace.set(delivery.trace)
        with structlog.contextvars.bound_contextvars(
            subscription=self.subscription, trace_id=delivery.trace.trace_id, event_id=str(delivery.envelope.event_id)
        ):
            await self._handle(message, delivery)

    async def _handle(self, message: Any, delivery: Delivery) -> None:
        try:
            await self.handler(delivery)
        except GiveUp as verdict:
            await self._give_up(message, verdict.reason)
        except RetryLater as verdict:
            _log.info("delivery put off", seconds=verdict.seconds, reason=str(verdict), attempt=delivery.attempt)
            message.modify_ack_deadline(verdict.seconds)
            message.drop()
        except Exception:  # noqa: BLE001 - whatever a handler raises, the message must be given back
            _log.exception("handler failed", event_name=delivery.envelope.event_name, attempt=delivery.attempt)
            message.nack()
        else:
            message.ack()

    async def _give_up(self, message: Any, reason: str) -> None:
        topic = DEAD_LETTER_TOPIC_OF.get(self.subscription)
        if topic is None:
            _log.error(
                "message forgotten, there is no further dead-letter topic",
                reason=reason,
                message_id=message.message_id,
                bytes=len(message.data),
                data_base64=base64.b64encode(message.data[:_LOGGED_BYTES]).decode(),
            )
            message.ack()
            return
        marks = {
            REASON_ATTRIBUTE: reason[:_REASON_MAX_CHARACTERS],
            SUBSCRIPTION_ATTRIBUTE: self.subscription,
            ATTEMPTS_ATTRIBUTE: str(message.delivery_attempt or 1),
        }
        try:
            await self.publisher.publish_encoded(topic, message.data, {**dict(message.attributes), **marks})
        except PublishFailed as error:
            _log.warning("could not be given up, trying again", error=error.detail)
            message.nack()
            return
        _log.error("message given up", reason=reason, message_id=message.message_id, dead_letter_topic=topic)
        message.ack()
