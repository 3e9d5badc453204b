"""Deliveries as the wire shows them."""

from typing import Any

from stack.pubsub import wire
from stack.pubsub.broker import Delivery
from stack.pubsub.records import SECOND


def received(delivery: Delivery) -> Any:
    """Return the `ReceivedMessage` of a delivery."""
    message = wire.ReceivedMessage(ack_id=delivery.ack_id, delivery_attempt=delivery.attempt)
    message.message.ParseFromString(delivery.message.body)
    message.message.message_id = str(delivery.message.message_id)
    seconds, micros = divmod(delivery.message.published_at, SECOND)
    message.message.publish_time.seconds = seconds
    message.message.publish_time.nanos = micros * 1000
    return message
