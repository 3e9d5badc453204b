"""The rules of delivery: publish, deliver, acknowledge, retry, dead-letter. Knows no network and no waiting."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection

from stack.pubsub import ack_ids, delivery_store, limits
from stack.pubsub.database import Database
from stack.pubsub.dead_letters import forwarded
from stack.pubsub.records import SECOND, Clock, Lease, LeaseKey, NewMessage, Ready, RetryRule, SubscriptionRecord
from stack.pubsub.topology import Topology

GRACE_AFTER_START = 5 * SECOND
"""Subscribers that outlived the server get this long to extend what they hold."""

_OVERDUE_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to a subscriber. `attempt` is 0 where the subscription has no dead-letter policy."""

    ack_id: str
    attempt: int
    message: Ready


@dataclass(slots=True)
class Effects:
    """What a committed change means for waiting subscribers: who may find messages, which deliveries ended."""

    ready: set[int] = field(default_factory=set)
    ended: list[Lease] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.ready or self.ended)


class Broker:
    """All state changes of messages. Each public method is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._ticked_at = clock()
        self.topology = Topology(database)
        with database.transaction() as connection:
            delivery_store.give_grace(connection, clock() + GRACE_AFTER_START)

    def publish(self, topic: str, messages: Sequence[NewMessage]) -> tuple[list[int], Effects]:
        """Store messages for every subscription of a topic; return their ids. Raises NotFound."""
        self.topology.topic(topic)
        effects = Effects()
        with self._database.transaction() as connection:
            ids = self._add(connection, topic, messages, effects)
        return ids, effects

    def deliver(self, name: str, holder: str, messages: int, size: int | None, deadline: int | None) -> list[Delivery]:
        """Give waiting messages of a subscription to a holder.

        Args:
            name: the subscription.
            holder: names the subscriber, for flow control.
            messages: at most this many.
            size: stop once this many bytes are given; None is without limit.
            deadline: microseconds the holder has to acknowledge; None is the subscription's own deadline.

        Raises:
            NotFound, FailedPrecondition: the subscription is gone or detached.
        """
        subscription = self.topology.pullable(name)
        now = self._clock()
        found = delivery_store.ready(self._database.connection, subscription.id, now, messages, size)
        if not found:
            return []
        with self._database.transaction() as connection:
            until = now + (deadline or subscription.ack_deadline)
            keys = delivery_store.lease(connection, subscription.id, found, holder, until)
        counted = subscription.dead_letter is not None
        return [
            Delivery(ack_ids.encode(key), message.failures + 1 if counted else 0, message)
            for key, message in zip(keys, found, strict=True)
        ]

    def count_ready(self, subscription_id: int, at_most: int) -> int:
        """Count the messages of a subscription that may be delivered now, but no further than `at_most`."""
        return delivery_store.count_ready(self._database.connection, subscription_id, self._clock(), at_most)

    def acknowledge(self, name: str, ids: Iterable[str]) -> Effects:
        """Forget messages for a subscription. Ack ids of deliveries that ended are ignored, as the service does.

        Raises:
            InvalidArgument: an ack id is malformed; then nothing is acknowledged.
        """
        keys = self._keys(name, ids)
        effects = Effects()
        with self._database.transaction() as connection:
            for key in keys:
                lease = delivery_store.running(connection, key)
                if lease is not None:
                    delivery_store.remove(connection, key.subscription_id, key.message_id)
                    effects.ended.append(lease)
        effects.ready |= {lease.key.subscription_id for lease in effects.ended}
        return effects

    def modify_deadlines(self, name: str, changes: Iterable[tuple[str, int]]) -> Effects:
        """Set the deadlines of running deliveries to so many seconds from now; 0 is a nack.

        Raises:
            InvalidArgument: an ack id is malformed or a deadline is not within 0..600 seconds; then nothing changes.
        """
        pairs = list(changes)
        keys = self._keys(name, (ack_id for ack_id, _ in pairs))
        for _, seconds in pairs:
            limits.check_range("ack_deadline_seconds", seconds, (0, limits.ACK_DEADLINE_SECONDS[1]))
        now = self._clock()
        effects = Effects()
        with self._database.transaction() as connection:
            for key, (_, seconds) in zip(keys, pairs, strict=True):
                if seconds:
                    delivery_store.extend(connection, key, now + seconds * SECOND)
                    continue
                lease = delivery_store.running(connection, key)
                if lease is not None:
                    self._fail(connection, lease, now, effects)
        return effects

    def tick(self) -> Effects:
        """End the deliveries whose deadline has passed, and name the subscriptions whose pauses ended."""
        now = self._clock()
        effects = Effects()
        overdue = delivery_store.overdue(self._database.connection, now, _OVERDUE_BATCH)
        if overdue:
            with self._database.transaction() as connection:
                for lease in overdue:
                    self._fail(connection, lease, now, effects)
        effects.ready |= delivery_store.became_visible(self._database.connection, self._ticked_at, now)
        self._ticked_at = now
        return effects

    def clean(self) -> Effects:
        """Drop what is older than its subscription keeps, and messages that nobody waits for."""
        now = self._clock()
        effects = Effects()
        with self._database.transaction() as connection:
            for subscription in self.topology.all_subscriptions():
                for lease in delivery_store.outdated(connection, subscription.id, now - subscription.retention):
                    delivery_store.remove(connection, lease.key.subscription_id, lease.key.message_id)
                    effects.ready.add(subscription.id)
                    if lease.holder:
                        effects.ended.append(lease)
            delivery_store.remove_messages_nobody_waits_for(connection)
        return effects

    def held(self) -> list[tuple[int, str, int, int]]:
        """Return (subscription id, holder, messages, bytes) of everything that is with subscribers now."""
        return delivery_store.running_by_holder(self._database.connection)

    def _keys(self, name: str, ids: Iterable[str]) -> list[LeaseKey]:
        subscription = self.topology.subscription(name)
        return [ack_ids.decode(ack_id, subscription.id) for ack_id in ids]

    def _add(self, connection: Connection, topic: str, messages: Sequence[NewMessage], effects: Effects) -> list[int]:
        receivers = list(self.topology.subscriptions_of(topic))
        effects.ready |= {subscription.id for subscription in receivers}
        return delivery_store.add_messages(connection, messages, receivers, self._clock())

    def _fail(self, connection: Connection, lease: Lease, now: int, effects: Effects) -> None:
        """A delivery ended by a nack or a missed deadline: try again later, or give up and forward."""
        subscription = self.topology.subscription_by_id(lease.key.subscription_id)
        failures = lease.failures + 1
        effects.ended.append(lease)
        effects.ready.add(subscription.id)
        if self._is_exhausted(subscription, failures):
            self._forward(connection, subscription, lease, failures, effects)
        else:
            delivery_store.put_back(connection, lease.key, failures, now + pause(subscription.retry, failures))

    def _is_exhausted(self, subscription: SubscriptionRecord, failures: int) -> bool:
        rule = subscription.dead_letter
        # Without its topic nothing can be forwarded; the message keeps being tried rather than being lost.
        return rule is not None and failures >= rule.max_attempts and self.topology.has_topic(rule.topic)

    def _forward(
        self, connection: Connection, subscription: SubscriptionRecord, lease: Lease, failures: int, effects: Effects
    ) -> None:
        assert subscription.dead_letter is not None
        message = delivery_store.message(connection, lease.key.message_id)
        copy = forwarded(message, subscription.name, failures)
        self._add(connection, subscription.dead_letter.topic, [copy], effects)
        delivery_store.remove(connection, subscription.id, lease.key.message_id)


def pause(rule: RetryRule | None, failures: int) -> int:
    """Return the microseconds before the next try: 0 without a rule, else doubling from minimum to maximum."""
    if rule is None:
        return 0
    # 2^40 times any minimum is beyond every maximum; larger powers only cost time.
    return min(rule.maximum, rule.minimum << min(failures - 1, 40))
