"""Forwarding a message that failed too often.

Source: "Forward messages to dead-letter topics", Pub/Sub documentation: the attributes of forwarded messages.
"""

from datetime import UTC, datetime

from stack.pubsub import wire
from stack.pubsub.records import SECOND, NewMessage, StoredMessage
from stack.pubsub.resource_names import project_and_id


def forwarded(message: StoredMessage, subscription: str, attempts: int) -> NewMessage:
    """Return the copy for the dead-letter topic, with the attributes that say where it comes from."""
    body = wire.PubsubMessage.FromString(message.body)
    project, short_name = project_and_id(subscription)
    body.attributes["CloudPubSubDeadLetterSourceSubscription"] = short_name
    body.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = project
    body.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = str(attempts)
    body.attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = datetime.fromtimestamp(
        message.published_at / SECOND, UTC
    ).isoformat(timespec="milliseconds")
    serialized = body.SerializeToString()
    return NewMessage(serialized, message.ordering_key, len(serialized))
