"""The service's limits and the check of published messages.

Source: "Quotas and limits" of the Pub/Sub documentation and the reference of `google.pubsub.v1`.
"""

from typing import Any

from google.protobuf.duration_pb2 import Duration

from stack.pubsub.errors import InvalidArgument
from stack.pubsub.records import SECOND, NewMessage

MESSAGE_MAX_BYTES = 10_000_000
PUBLISH_MAX_BYTES = 10_000_000
PUBLISH_MAX_MESSAGES = 1000
ATTRIBUTES_MAX = 100
ATTRIBUTE_KEY_MAX_BYTES = 256
ATTRIBUTE_VALUE_MAX_BYTES = 1024
ORDERING_KEY_MAX_BYTES = 1024
ACK_REQUEST_MAX_BYTES = 512 * 1024

ACK_DEADLINE_SECONDS = (10, 600)
RETENTION_SECONDS = (600, 31 * 24 * 3600)
BACKOFF_SECONDS = (0, 600)
DELIVERY_ATTEMPTS = (5, 100)


def check_publish(request: Any) -> list[NewMessage]:
    """Check a PublishRequest and return its messages, ready to be stored.

    Raises:
        InvalidArgument: a limit is crossed, a message is empty, or ordering keys are mixed.
    """
    if not request.messages:
        raise InvalidArgument(
            "The value for message_count is too small. You passed 0 in the request, the minimum is 1."
        )
    if len(request.messages) > PUBLISH_MAX_MESSAGES:
        raise _too_large("message_count", len(request.messages), PUBLISH_MAX_MESSAGES)
    size = request.ByteSize()
    if size > PUBLISH_MAX_BYTES + 1024 * len(request.messages):
        raise _too_large("request_size", size, PUBLISH_MAX_BYTES)
    keys = {message.ordering_key for message in request.messages}
    if len(keys) > 1:
        raise InvalidArgument("In a single publish request, all messages must have the same ordering key.")
    return [_check_message(message) for message in request.messages]


def check_ack_request(request: Any) -> None:
    """Refuse an Acknowledge or ModifyAckDeadline request that names nothing or is too large."""
    if not request.ack_ids:
        raise InvalidArgument("No ack ids specified.")
    if request.ByteSize() > ACK_REQUEST_MAX_BYTES:
        raise _too_large("request_size", request.ByteSize(), ACK_REQUEST_MAX_BYTES)


def check_range(field: str, value: int, bounds: tuple[int, int]) -> int:
    """Return `value` when it lies within the bounds, both included; else raise InvalidArgument."""
    if not bounds[0] <= value <= bounds[1]:
        raise InvalidArgument(f"Invalid {field} given: {value}. The value must be between {bounds[0]} and {bounds[1]}.")
    return value


def microseconds(duration: Duration) -> int:
    """Return a protobuf duration in microseconds."""
    return duration.seconds * SECOND + duration.nanos // 1000


def _check_message(message: Any) -> NewMessage:
    if not message.data and not message.attributes:
        raise InvalidArgument(
            "One or more messages in the publish request is empty. Each message must contain either "
            "non-empty data, or at least one attribute."
        )
    if len(message.data) > MESSAGE_MAX_BYTES:
        raise _too_large("data_size", len(message.data), MESSAGE_MAX_BYTES)
    if len(message.attributes) > ATTRIBUTES_MAX:
        raise _too_large("attribute_count", len(message.attributes), ATTRIBUTES_MAX)
    for key, value in message.attributes.items():
        _check_attribute(key, value)
    if len(message.ordering_key.encode()) > ORDERING_KEY_MAX_BYTES:
        raise _too_large("ordering_key", len(message.ordering_key.encode()), ORDERING_KEY_MAX_BYTES)
    # Both belong to the service; what a publisher puts there is dropped.
    message.ClearField("message_id")
    message.ClearField("publish_time")
    body = message.SerializeToString()
    return NewMessage(body, message.ordering_key, len(body))


def _check_attribute(key: str, value: str) -> None:
    if not key:
        raise InvalidArgument("An attribute key is empty.")
    if key.startswith("goog"):
        raise InvalidArgument(f"The attribute key {key!r} is reserved: keys must not start with goog.")
    if len(key.encode()) > ATTRIBUTE_KEY_MAX_BYTES:
        raise _too_large("attribute_key", len(key.encode()), ATTRIBUTE_KEY_MAX_BYTES)
    if len(value.encode()) > ATTRIBUTE_VALUE_MAX_BYTES:
        raise _too_large("attribute_value", len(value.encode()), ATTRIBUTE_VALUE_MAX_BYTES)


def _too_large(field: str, value: int, maximum: int) -> InvalidArgument:
    return InvalidArgument(
        f"The value for {field} is too large. You passed {value} in the request, but the maximum value is {maximum}."
    )
