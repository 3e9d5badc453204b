"""StreamingPull: messages flow while the client may hold more; acks and deadlines come back on the same stream."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from stack.pubsub import wire
from stack.pubsub.dispatch import Consumer, Dispatch
from stack.pubsub.errors import InvalidArgument
from stack.pubsub.limits import ACK_DEADLINE_SECONDS, check_range
from stack.pubsub.received import received
from stack.pubsub.records import SECOND

_FIRST_REQUEST_ONLY = (
    "subscription",
    "client_id",
    "max_outstanding_messages",
    "max_outstanding_bytes",
    "protocol_version",
)


class StreamingPull:
    """Serves streams. Each has one task that sends and one that reads."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    async def serve(self, requests: AsyncIterator[Any], write: Callable[[Any], Awaitable[None]]) -> None:
        """Serve one stream until the client closes it, the subscription goes, or the server stops.

        Raises:
            InvalidArgument: a request breaks the protocol.
            NotFound, FailedPrecondition: the subscription is gone or detached.
            Unavailable: the server is stopping.
        """
        first = await anext(requests, None)
        if first is None:
            return
        consumer = self._open(first)
        subscription = self._dispatch.broker.topology.pullable(consumer.subscription)
        properties = {"message_ordering_enabled": subscription.ordered}
        self._dispatch.join(consumer)
        reader = asyncio.create_task(self._read(requests, consumer, first))
        reader.add_done_callback(lambda _: consumer.wake.set())
        try:
            while not reader.done():
                taken = self._dispatch.take(consumer)
                if taken:
                    messages = [received(delivery) for delivery in taken]
                    await write(
                        wire.StreamingPullResponse(received_messages=messages, subscription_properties=properties)
                    )
                else:
                    await consumer.wake.wait()
            reader.result()
        finally:
            reader.cancel()
            self._dispatch.leave(consumer)

    def _open(self, first: Any) -> Consumer:
        subscription = self._dispatch.broker.topology.pullable(first.subscription)
        deadline = check_range("stream_ack_deadline_seconds", first.stream_ack_deadline_seconds, ACK_DEADLINE_SECONDS)
        return Consumer(
            subscription.name,
            subscription.id,
            holder=first.client_id or str(uuid.uuid4()),
            max_messages=first.max_outstanding_messages if first.max_outstanding_messages > 0 else None,
            max_bytes=first.max_outstanding_bytes if first.max_outstanding_bytes > 0 else None,
            deadline=deadline * SECOND,
        )

    async def _read(self, requests: AsyncIterator[Any], consumer: Consumer, first: Any) -> None:
        self._apply(first, consumer)
        async for request in requests:
            for field in _FIRST_REQUEST_ONLY:
                if getattr(request, field):
                    raise InvalidArgument(f"{field} must only be set in the first request of a stream.")
            if request.stream_ack_deadline_seconds:
                seconds = check_range(
                    "stream_ack_deadline_seconds", request.stream_ack_deadline_seconds, ACK_DEADLINE_SECONDS
                )
                consumer.deadline = seconds * SECOND
            self._apply(request, consumer)

    def _apply(self, request: Any, consumer: Consumer) -> None:
        broker = self._dispatch.broker
        if request.ack_ids:
            self._dispatch.apply(broker.acknowledge(consumer.subscription, request.ack_ids))
        ids, seconds = request.modify_deadline_ack_ids, request.modify_deadline_seconds
        if len(ids) != len(seconds):
            raise InvalidArgument("modify_deadline_ack_ids and modify_deadline_seconds differ in length.")
        if ids:
            changes = zip(ids, seconds, strict=True)
            self._dispatch.apply(broker.modify_deadlines(consumer.subscription, changes))
