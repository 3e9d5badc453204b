"""The broker against a model: nothing is lost, nothing acknowledged returns, over restarts, under a clock that is ours.

The broker and its SQLite file are the real ones; only time is given to them, so that minutes pass at once.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from stack.pubsub import delivery_store, wire
from stack.pubsub.broker import GRACE_AFTER_START, Broker
from stack.pubsub.database import Database
from stack.pubsub.records import SECOND, NewMessage

TOPIC = "projects/p/topics/songs"
DEAD = "projects/p/topics/dead"
SUBSCRIPTION = "projects/p/subscriptions/worker"
GRAVE = "projects/p/subscriptions/grave"
ATTEMPTS = 5
PAUSES = (2, 4, 7, 7, 7)
"""Seconds before each next try, by the retry policy of 2 to 7 seconds."""

DEADLINE = 10 * SECOND


@dataclass
class Known:
    """What the model knows of one message of the worker's subscription."""

    text: str
    key: str
    failures: int = 0
    visible_at: int = 0
    lease: str | None = None
    until: int = 0
    history: list[str] = field(default_factory=list)


class BrokerMachine(RuleBasedStateMachine):
    """Publishes, pulls, acks, nacks, extends, waits, restarts and crashes in any order."""

    leases = Bundle("leases")

    @initialize(ordered=st.booleans())
    def begin(self, ordered: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pubsub-model-"))
        self.now = 1_700_000_000 * SECOND
        self.ordered = ordered
        self.waiting: dict[int, Known] = {}
        self.acked: set[int] = set()
        self.buried: list[str] = []
        self.published = 0
        self.open()
        for name in (TOPIC, DEAD):
            self.broker.topology.create_topic(wire.Topic(name=name))
        subscription = wire.Subscription(name=SUBSCRIPTION, topic=TOPIC, enable_message_ordering=ordered)
        subscription.ack_deadline_seconds = DEADLINE // SECOND
        subscription.dead_letter_policy.dead_letter_topic = DEAD
        subscription.dead_letter_policy.max_delivery_attempts = ATTEMPTS
        subscription.retry_policy.minimum_backoff.seconds = PAUSES[0]
        subscription.retry_policy.maximum_backoff.seconds = PAUSES[-1]
        self.broker.topology.create_subscription(subscription)
        self.broker.topology.create_subscription(wire.Subscription(name=GRAVE, topic=DEAD))

    def open(self) -> None:
        self.database = Database.open(self.folder / "pubsub.sqlite")
        self.broker = Broker(self.database, lambda: self.now)

    @rule(keys=st.lists(st.sampled_from(["", "a", "b"]), min_size=1, max_size=4))
    def publish(self, keys: list[str]) -> None:
        messages = []
        for key in keys:
            text = f"{self.published + len(messages)}"
            body = wire.PubsubMessage(data=text.encode(), ordering_key=key).SerializeToString()
            messages.append(NewMessage(body, key, len(body)))
        ids, effects = self.broker.publish(TOPIC, messages)
        assert effects.ready
        for message_id, key in zip(ids, keys, strict=True):
            assert message_id not in self.waiting
            assert message_id not in self.acked
            self.waiting[message_id] = Known(f"{self.published}", key if self.ordered else "", visible_at=self.now)
            self.published += 1

    @rule(target=leases, messages=st.integers(1, 4), holder=st.sampled_from(["one", "two"]))
    def pull(self, messages: int, holder: str) -> Any:
        return multiple(*self.take(messages, holder))

    def take(self, messages: int, holder: str) -> list[tuple[int, str]]:
        free = self.deliverable()
        found = self.broker.deliver(SUBSCRIPTION, holder, messages, None, None)
        assert len(found) == min(messages, len(free))
        for delivery in found:
            message_id = delivery.message.message_id
            assert message_id in free, "acknowledged, held by another, paused or out of order"
            known = self.waiting[message_id]
            assert wire.PubsubMessage.FromString(delivery.message.body).data.decode() == known.text
            assert delivery.attempt == known.failures + 1
            assert delivery.ack_id not in known.history
            known.lease, known.until = delivery.ack_id, self.now + DEADLINE
            known.history.append(delivery.ack_id)
        return [(delivery.message.message_id, delivery.ack_id) for delivery in found]

    @rule(lease=consumes(leases))
    def ack(self, lease: tuple[int, str]) -> None:
        message_id, ack_id = lease
        effects = self.broker.acknowledge(SUBSCRIPTION, [ack_id, ack_id])
        known = self.waiting.get(message_id)
        if known is not None and known.lease == ack_id:
            del self.waiting[message_id]
            self.acked.add(message_id)
            assert len(effects.ended) == 1
        else:
            assert not effects

    @rule(lease=leases)
    def nack(self, lease: tuple[int, str]) -> None:
        message_id, ack_id = lease
        self.broker.modify_deadlines(SUBSCRIPTION, [(ack_id, 0)])
        known = self.waiting.get(message_id)
        if known is not None and known.lease == ack_id:
            self.fail(message_id)

    @rule(lease=leases, seconds=st.integers(1, 600))
    def extend(self, lease: tuple[int, str], seconds: int) -> None:
        message_id, ack_id = lease
        self.broker.modify_deadlines(SUBSCRIPTION, [(ack_id, seconds)])
        known = self.waiting.get(message_id)
        if known is not None and known.lease == ack_id:
            known.until = self.now + seconds * SECOND

    @rule(target=leases, lease=consumes(leases), times=st.integers(2, ATTEMPTS))
    def fail_again_and_again(self, lease: tuple[int, str], times: int) -> Any:
        """Nack a message each time it comes, as a handler does that cannot cope with it."""
        message_id, _ = lease
        others: list[tuple[int, str]] = []
        for _ in range(times):
            self.nack(lease)
            if message_id not in self.waiting:
                break
            self.wait_until(max(self.now, self.waiting[message_id].visible_at))
            others += self.take(1000, "one")
            lease = next((one for one in others if one[0] == message_id), lease)
            others = [one for one in others if one != lease]
        return multiple(lease, *others)

    @rule(milliseconds=st.integers(1, 15_000))
    def wait(self, milliseconds: int) -> None:
        self.wait_until(self.now + milliseconds * 1000)

    @rule(which=st.integers(0, 5), offset=st.sampled_from([-1, 0, 1]))
    def wait_for_what_comes_next(self, which: int, offset: int) -> None:
        """To the microsecond around a deadline or the end of a pause."""
        times = [known.until if known.lease else known.visible_at for known in self.waiting.values()]
        coming = sorted(time for time in times if time + offset > self.now)
        if coming:
            self.wait_until(coming[min(which, len(coming) - 1)] + offset)

    def wait_until(self, time: int) -> None:
        self.now = time
        self.broker.tick()
        for message_id, known in list(self.waiting.items()):
            if known.lease is not None and known.until <= self.now:
                self.fail(message_id)

    @rule(seconds=st.integers(0, 30))
    def crash(self, seconds: int) -> None:
        """The process dies: the file as it is on disk, log and all, is opened by another."""
        crashed = Path(tempfile.mkdtemp(prefix="pubsub-model-"))
        shutil.copytree(self.folder, crashed, dirs_exist_ok=True)
        self.database.close()
        shutil.rmtree(self.folder)
        self.folder = crashed
        self.restarted(seconds)

    @rule(seconds=st.integers(0, 30))
    def restart(self, seconds: int) -> None:
        self.database.close()
        self.restarted(seconds)

    def restarted(self, seconds: int) -> None:
        self.now += seconds * SECOND
        self.open()
        for known in self.waiting.values():
            if known.lease is not None:
                known.until = max(known.until, self.now + GRACE_AFTER_START)

    @rule()
    def clean(self) -> None:
        assert not self.broker.clean()

    def fail(self, message_id: int) -> None:
        known = self.waiting[message_id]
        known.failures += 1
        known.lease = None
        known.visible_at = self.now + PAUSES[known.failures - 1] * SECOND
        if known.failures == ATTEMPTS:
            del self.waiting[message_id]
            self.buried.append(known.text)

    def deliverable(self) -> set[int]:
        free: set[int] = set()
        blocked: set[str] = set()
        for message_id, known in sorted(self.waiting.items()):
            if known.lease is None and known.visible_at <= self.now and (not known.key or known.key not in blocked):
                free.add(message_id)
            blocked.add(known.key)
        return free

    @invariant()
    def nothing_is_lost(self) -> None:
        connection = self.database.connection
        count = "SELECT count(*) FROM deliveries JOIN subscriptions ON id = subscription_id WHERE name = ?"
        assert connection.execute(count, (SUBSCRIPTION,)).fetchone()[0] == len(self.waiting)
        assert connection.execute(count, (GRAVE,)).fetchone()[0] == len(self.buried)
        assert len(self.waiting) + len(self.acked) + len(self.buried) == self.published

    @invariant()
    def what_may_be_delivered_now_is_known(self) -> None:
        subscription = self.broker.topology.subscription(SUBSCRIPTION)
        found = delivery_store.ready(self.database.connection, subscription.id, self.now, 10_000, None)
        assert {one.message_id for one in found} == self.deliverable()
        assert self.broker.count_ready(subscription.id, 10_000) == len(found)

    @invariant()
    def the_holders_loads_are_right(self) -> None:
        held = sum(messages for _, _, messages, _ in self.broker.held())
        assert held == sum(known.lease is not None for known in self.waiting.values())

    def teardown(self) -> None:
        if not hasattr(self, "broker"):
            return
        graves = self.broker.deliver(GRAVE, "reader", 1000, None, None)
        texts = [wire.PubsubMessage.FromString(delivery.message.body).data.decode() for delivery in graves]
        assert sorted(texts) == sorted(self.buried)
        self.database.close()
        shutil.rmtree(self.folder)


TestBroker = BrokerMachine.TestCase
TestBroker.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
