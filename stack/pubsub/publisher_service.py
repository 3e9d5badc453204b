"""The `google.pubsub.v1.Publisher` service."""

from __future__ import annotations

from typing import Any

import grpc

from stack.pubsub import wire
from stack.pubsub.dispatch import Dispatch
from stack.pubsub.limits import check_publish
from stack.pubsub.paging import page
from stack.pubsub.resource_names import check_topic
from stack.pubsub.rpc import unary

NAME = "google.pubsub.v1.Publisher"


class PublisherService:
    """Topics and publishing."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._topology = dispatch.broker.topology

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        """Return the gRPC handler of each method."""
        return {
            "CreateTopic": unary(self.create_topic, wire.Topic),
            "UpdateTopic": unary(self.update_topic, wire.UpdateTopicRequest),
            "Publish": unary(self.publish, wire.PublishRequest),
            "GetTopic": unary(self.get_topic, wire.GetTopicRequest),
            "ListTopics": unary(self.list_topics, wire.ListTopicsRequest),
            "ListTopicSubscriptions": unary(self.list_topic_subscriptions, wire.ListTopicSubscriptionsRequest),
            "DeleteTopic": unary(self.delete_topic, wire.DeleteTopicRequest),
            "DetachSubscription": unary(self.detach_subscription, wire.DetachSubscriptionRequest),
        }

    async def create_topic(self, request: Any, _context: Any) -> Any:
        """Create a topic."""
        return self._topology.create_topic(request)

    async def update_topic(self, request: Any, _context: Any) -> Any:
        """Change a topic's mutable fields."""
        return self._topology.update_topic(request.topic, list(request.update_mask.paths))

    async def publish(self, request: Any, _context: Any) -> Any:
        """Store messages; they are durable once this answers."""
        check_topic(request.topic)
        ids, effects = self._dispatch.broker.publish(request.topic, check_publish(request))
        self._dispatch.apply(effects)
        return wire.PublishResponse(message_ids=[str(message_id) for message_id in ids])

    async def get_topic(self, request: Any, _context: Any) -> Any:
        """Return a topic."""
        return self._topology.topic(request.topic)

    async def list_topics(self, request: Any, _context: Any) -> Any:
        """List the topics of a project by name."""
        topics, token = page(self._topology.topics_of_project(request.project), request.page_size, request.page_token)
        return wire.ListTopicsResponse(topics=topics, next_page_token=token)

    async def list_topic_subscriptions(self, request: Any, _context: Any) -> Any:
        """List the names of the subscriptions attached to a topic."""
        self._topology.topic(request.topic)
        names = sorted(record.name for record in self._topology.subscriptions_of(request.topic))
        found, token = page(names, request.page_size, request.page_token)
        return wire.ListTopicSubscriptionsResponse(subscriptions=found, next_page_token=token)

    async def delete_topic(self, request: Any, _context: Any) -> Any:
        """Delete a topic; its subscriptions stay with their backlog."""
        self._topology.delete_topic(request.topic)
        return wire.Empty()

    async def detach_subscription(self, request: Any, _context: Any) -> Any:
        """Cut a subscription from its topic and drop its backlog."""
        record = self._topology.subscription(request.subscription)
        self._topology.detach_subscription(request.subscription)
        self._dispatch.forget(record.id)
        return wire.DetachSubscriptionResponse()
