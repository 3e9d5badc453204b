"""Which subscriptions and topics may exist: checks, defaults, updates, and the rules that a body states."""

from typing import Any

from stack.pubsub.errors import InvalidArgument, Unimplemented
from stack.pubsub.limits import (
    ACK_DEADLINE_SECONDS,
    BACKOFF_SECONDS,
    DELIVERY_ATTEMPTS,
    RETENTION_SECONDS,
    check_range,
    microseconds,
)
from stack.pubsub.records import SECOND, DeadLetterRule, RetryRule, SubscriptionRecord
from stack.pubsub.resource_names import check_topic

_DAY = 24 * 3600
_DEFAULT_ACK_DEADLINE = 10
_DEFAULT_RETENTION = 7 * _DAY
_DEFAULT_EXPIRATION = 31 * _DAY
_DEFAULT_BACKOFF = (10, 600)
_LABELS_MAX = 64

_UNSPOKEN_SUBSCRIPTION_FIELDS = (
    "bigquery_config",
    "cloud_storage_config",
    "bigtable_config",
    "filter",
    "enable_exactly_once_delivery",
    "message_transforms",
)
_UNSPOKEN_TOPIC_FIELDS = ("kms_key_name", "schema_settings", "ingestion_data_source_settings", "message_transforms")

_MUTABLE_SUBSCRIPTION_FIELDS = frozenset(
    {
        "ack_deadline_seconds",
        "dead_letter_policy",
        "expiration_policy",
        "labels",
        "message_retention_duration",
        "retain_acked_messages",
        "retry_policy",
    }
)
_MUTABLE_TOPIC_FIELDS = frozenset({"labels", "message_retention_duration", "message_storage_policy"})


def complete_subscription(body: Any) -> None:
    """Check a `Subscription` in place and fill in the service's defaults.

    Raises:
        InvalidArgument: a value is out of its range.
        Unimplemented: it asks for something that the emulator does not do.
    """
    for field in _UNSPOKEN_SUBSCRIPTION_FIELDS:
        _refuse_unspoken(body, field)
    if body.push_config.push_endpoint:
        raise Unimplemented("This emulator does not push; leave push_config empty and pull.")
    body.ack_deadline_seconds = check_range(
        "ack_deadline_seconds", body.ack_deadline_seconds or _DEFAULT_ACK_DEADLINE, ACK_DEADLINE_SECONDS
    )
    if not body.HasField("message_retention_duration"):
        body.message_retention_duration.seconds = _DEFAULT_RETENTION
    check_range("message_retention_duration", body.message_retention_duration.seconds, RETENTION_SECONDS)
    if not body.HasField("expiration_policy"):
        body.expiration_policy.ttl.seconds = _DEFAULT_EXPIRATION
    elif body.expiration_policy.HasField("ttl") and body.expiration_policy.ttl.seconds < _DAY:
        raise InvalidArgument("Invalid expiration_policy given: the ttl must be at least 1 day.")
    if body.HasField("retry_policy"):
        _complete_retry_policy(body.retry_policy)
    if body.HasField("dead_letter_policy"):
        _complete_dead_letter_policy(body.dead_letter_policy)
    _check_labels(body)
    body.state = 1


def complete_topic(body: Any) -> None:
    """Check a `Topic` in place.

    Raises:
        InvalidArgument: a value is out of its range.
        Unimplemented: it asks for something that the emulator does not do.
    """
    for field in _UNSPOKEN_TOPIC_FIELDS:
        _refuse_unspoken(body, field)
    if body.HasField("message_retention_duration"):
        check_range("message_retention_duration", body.message_retention_duration.seconds, RETENTION_SECONDS)
    _check_labels(body)
    body.state = 1


def updated_subscription(current: Any, wanted: Any, paths: list[str]) -> Any:
    """Return a copy of `current` in which the fields named by `paths` are those of `wanted`, checked."""
    changed = _updated(current, wanted, paths, _MUTABLE_SUBSCRIPTION_FIELDS)
    complete_subscription(changed)
    return changed


def updated_topic(current: Any, wanted: Any, paths: list[str]) -> Any:
    """Return a copy of `current` in which the fields named by `paths` are those of `wanted`, checked."""
    changed = _updated(current, wanted, paths, _MUTABLE_TOPIC_FIELDS)
    complete_topic(changed)
    return changed


def record(subscription_id: int, topic: str | None, body: Any) -> SubscriptionRecord:
    """Read a checked `Subscription` into the rules that delivery follows."""
    retry = dead_letter = None
    if body.HasField("retry_policy"):
        retry = RetryRule(
            microseconds(body.retry_policy.minimum_backoff), microseconds(body.retry_policy.maximum_backoff)
        )
    if body.HasField("dead_letter_policy"):
        policy = body.dead_letter_policy
        dead_letter = DeadLetterRule(policy.dead_letter_topic, policy.max_delivery_attempts)
    return SubscriptionRecord(
        id=subscription_id,
        name=body.name,
        topic=topic,
        ack_deadline=body.ack_deadline_seconds * SECOND,
        retention=microseconds(body.message_retention_duration),
        ordered=body.enable_message_ordering,
        detached=body.detached,
        retry=retry,
        dead_letter=dead_letter,
    )


def _complete_retry_policy(policy: Any) -> None:
    if not policy.HasField("minimum_backoff"):
        policy.minimum_backoff.seconds = _DEFAULT_BACKOFF[0]
    if not policy.HasField("maximum_backoff"):
        policy.maximum_backoff.seconds = _DEFAULT_BACKOFF[1]
    for field in ("minimum_backoff", "maximum_backoff"):
        bounds = (BACKOFF_SECONDS[0] * SECOND, BACKOFF_SECONDS[1] * SECOND)
        check_range(f"retry_policy.{field} (microseconds)", microseconds(getattr(policy, field)), bounds)
    if microseconds(policy.minimum_backoff) > microseconds(policy.maximum_backoff):
        raise InvalidArgument("Invalid retry_policy given: minimum_backoff is greater than maximum_backoff.")


def _complete_dead_letter_policy(policy: Any) -> None:
    check_topic(policy.dead_letter_topic)
    policy.max_delivery_attempts = check_range(
        "dead_letter_policy.max_delivery_attempts",
        policy.max_delivery_attempts or DELIVERY_ATTEMPTS[0],
        DELIVERY_ATTEMPTS,
    )


def _check_labels(body: Any) -> None:
    if len(body.labels) > _LABELS_MAX:
        raise InvalidArgument(f"A resource has at most {_LABELS_MAX} labels.")


def _refuse_unspoken(body: Any, field: str) -> None:
    # ListFields names only what is set, for scalars, lists and messages alike.
    if any(descriptor.name == field for descriptor, _ in body.ListFields()):
        raise Unimplemented(f"This emulator does not implement the field {field}.")


def _updated(current: Any, wanted: Any, paths: list[str], mutable: frozenset[str]) -> Any:
    if not paths:
        raise InvalidArgument("The update_mask must be specified and non-empty.")
    changed = type(current)()
    changed.CopyFrom(current)
    named = {descriptor.name for descriptor, _ in wanted.ListFields()}
    for path in paths:
        if path not in mutable:
            raise InvalidArgument(f"Invalid update_mask provided in the request: {path} cannot be updated.")
        changed.ClearField(path)
        if path in named:
            value = type(current)()
            value.CopyFrom(wanted)
            for other in named - {path}:
                value.ClearField(other)
            changed.MergeFrom(value)
    return changed
