"""What the emulator works with between the wire and the database. Times are integer microseconds since 1970, UTC."""

from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], int]
"""Gives the present time in microseconds since 1970."""

SECOND = 1_000_000
"""One second in microseconds."""


@dataclass(frozen=True, slots=True)
class DeadLetterRule:
    """Where a message goes after `max_attempts` failed deliveries."""

    topic: str
    max_attempts: int


@dataclass(frozen=True, slots=True)
class RetryRule:
    """Bounds of the exponential pause after a failed delivery, in microseconds."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """A subscription's rules. `ack_deadline` and `retention` in microseconds; `topic` is None once it was deleted."""

    id: int
    name: str
    topic: str | None
    ack_deadline: int
    retention: int
    ordered: bool
    detached: bool
    retry: RetryRule | None
    dead_letter: DeadLetterRule | None


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A validated message on its way in. `body` is a serialized PubsubMessage without id and time; `size` in bytes."""

    body: bytes
    ordering_key: str
    size: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A message that may be delivered now. `failures` counts earlier nacks and missed deadlines."""

    message_id: int
    lease: int
    failures: int
    size: int
    published_at: int
    body: bytes


@dataclass(frozen=True, slots=True)
class LeaseKey:
    """Names one delivery of one message to one subscriber; an ack id is this, encoded."""

    subscription_id: int
    message_id: int
    lease: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A running delivery as stored: who holds it, how large it is, how often it failed before."""

    key: LeaseKey
    holder: str
    size: int
    failures: int


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as stored."""

    body: bytes
    ordering_key: str
    published_at: int
