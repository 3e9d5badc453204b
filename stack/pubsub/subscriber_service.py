"""The `google.pubsub.v1.Subscriber` service, but for StreamingPull."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import grpc

from stack.pubsub import wire
from stack.pubsub.dispatch import Consumer, Dispatch
from stack.pubsub.errors import InvalidArgument, Unimplemented
from stack.pubsub.limits import check_ack_request
from stack.pubsub.paging import page
from stack.pubsub.received import received
from stack.pubsub.rpc import bidirectional, unary
from stack.pubsub.streaming import StreamingPull

NAME = "google.pubsub.v1.Subscriber"

_PULL_MAX_MESSAGES = 1000
_PULL_WAIT_SECONDS = 30.0


class SubscriberService:
    """Subscriptions, pulling and acknowledging."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._topology = dispatch.broker.topology
        self._pulls = count()

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        """Return the gRPC handler of each method."""
        return {
            "CreateSubscription": unary(self.create_subscription, wire.Subscription),
            "GetSubscription": unary(self.get_subscription, wire.GetSubscriptionRequest),
            "UpdateSubscription": unary(self.update_subscription, wire.UpdateSubscriptionRequest),
            "ListSubscriptions": unary(self.list_subscriptions, wire.ListSubscriptionsRequest),
            "DeleteSubscription": unary(self.delete_subscription, wire.DeleteSubscriptionRequest),
            "ModifyAckDeadline": unary(self.modify_ack_deadline, wire.ModifyAckDeadlineRequest),
            "Acknowledge": unary(self.acknowledge, wire.AcknowledgeRequest),
            "Pull": unary(self.pull, wire.PullRequest),
            "StreamingPull": bidirectional(StreamingPull(self._dispatch).serve, wire.StreamingPullRequest),
        } | {name: unary(_unimplemented, wire.Empty) for name in _UNSPOKEN}

    async def create_subscription(self, request: Any, _context: Any) -> Any:
        """Create a subscription; it receives what is published from now on."""
        return self._topology.create_subscription(request)

    async def get_subscription(self, request: Any, _context: Any) -> Any:
        """Return a subscription."""
        return self._topology.subscription_body(request.subscription)

    async def update_subscription(self, request: Any, _context: Any) -> Any:
        """Change a subscription's mutable fields."""
        return self._topology.update_subscription(request.subscription, list(request.update_mask.paths))

    async def list_subscriptions(self, request: Any, _context: Any) -> Any:
        """List the subscriptions of a project by name."""
        bodies = self._topology.subscriptions_of_project(request.project)
        found, token = page(bodies, request.page_size, request.page_token)
        return wire.ListSubscriptionsResponse(subscriptions=found, next_page_token=token)

    async def delete_subscription(self, request: Any, _context: Any) -> Any:
        """Delete a subscription and its backlog."""
        self._dispatch.forget(self._topology.delete_subscription(request.subscription).id)
        return wire.Empty()

    async def modify_ack_deadline(self, request: Any, _context: Any) -> Any:
        """Extend deliveries, or with 0 seconds give the messages back."""
        check_ack_request(request)
        changes = ((ack_id, request.ack_deadline_seconds) for ack_id in request.ack_ids)
        self._dispatch.apply(self._dispatch.broker.modify_deadlines(request.subscription, changes))
        return wire.Empty()

    async def acknowledge(self, request: Any, _context: Any) -> Any:
        """Forget messages for a subscription; durable once this answers."""
        check_ack_request(request)
        self._dispatch.apply(self._dispatch.broker.acknowledge(request.subscription, request.ack_ids))
        return wire.Empty()

    async def pull(self, request: Any, context: Any) -> Any:
        """Return waiting messages; wait a bounded time for the first one unless told not to."""
        if request.max_messages <= 0:
            raise InvalidArgument("max_messages must be a positive integer.")
        subscription = self._topology.pullable(request.subscription)
        consumer = Consumer(subscription.name, subscription.id, holder=f"pull-{next(self._pulls)}")
        self._dispatch.join(consumer)
        try:
            found = self._dispatch.take(consumer, min(request.max_messages, _PULL_MAX_MESSAGES))
            if not found and not request.return_immediately:
                found = await self._wait(consumer, request.max_messages, context.time_remaining())
        finally:
            self._dispatch.leave(consumer)
        return wire.PullResponse(received_messages=[received(delivery) for delivery in found])

    async def _wait(self, consumer: Consumer, messages: int, seconds_left: float | None) -> Any:
        # An answer a little before the client's own deadline spares it an error where there is none.
        patience = _PULL_WAIT_SECONDS if seconds_left is None else min(_PULL_WAIT_SECONDS, seconds_left * 0.9)
        try:
            async with asyncio.timeout(patience):
                while True:
                    await consumer.wake.wait()
                    found = self._dispatch.take(consumer, min(messages, _PULL_MAX_MESSAGES))
                    if found:
                        return found
        except TimeoutError:
            return []


_UNSPOKEN = (
    "ModifyPushConfig",
    "GetSnapshot",
    "ListSnapshots",
    "CreateSnapshot",
    "UpdateSnapshot",
    "DeleteSnapshot",
    "Seek",
)


async def _unimplemented(_request: Any, _context: Any) -> Any:
    raise Unimplemented("This emulator implements neither push nor snapshots nor seek.")
