"""Publish, pull, acknowledge, deadlines, retries, dead letters and order, through the stock client."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1.types import DeadLetterPolicy, PubsubMessage, RetryPolicy


def texts(received: list[Any]) -> list[str]:
    return [one.message.data.decode() for one in received]


def test_every_subscription_gets_every_message_as_published(clients: Any) -> None:
    topic = clients.topic()
    subscriptions = [clients.subscription(topic, f"sub-{number}") for number in range(2)]
    message_id = clients.publisher.publish(topic, b"\x00song\xff", kind="vocals", empty="").result(5)
    for name in subscriptions:
        [received] = clients.pull(name, wait=5)
        assert received.message.data == b"\x00song\xff"
        assert dict(received.message.attributes) == {"kind": "vocals", "empty": ""}
        assert received.message.message_id == message_id
        assert abs(received.message.publish_time - datetime.now(UTC)) < timedelta(seconds=20)
        assert received.delivery_attempt == 0


def test_a_subscription_gets_nothing_from_before_it_was_made(clients: Any) -> None:
    topic = clients.topic()
    clients.publish(topic, "too early")
    assert clients.pull(clients.subscription(topic)) == []


@pytest.mark.parametrize(
    "message",
    [
        PubsubMessage(),
        PubsubMessage(data=b"x" * 10_000_001),
        PubsubMessage(attributes={f"key{number}": "" for number in range(101)}),
        PubsubMessage(attributes={"k" * 257: ""}),
        PubsubMessage(attributes={"k": "v" * 1025}),
        PubsubMessage(attributes={"": "v"}),
        PubsubMessage(attributes={"googfoo": "v"}),
        PubsubMessage(data=b"x", ordering_key="k" * 1025),
    ],
    ids=["empty", "large", "many attributes", "long key", "long value", "empty key", "reserved key", "ordering key"],
)
def test_messages_beyond_the_limits_are_refused(clients: Any, message: PubsubMessage) -> None:
    topic = clients.topic()
    with pytest.raises(exceptions.InvalidArgument):
        clients.publish_raw(topic=topic, messages=[message])


def test_messages_at_the_limits_are_taken(clients: Any) -> None:
    topic = clients.topic()
    name = clients.subscription(topic)
    largest = PubsubMessage(data=b"x" * 10_000_000)
    attributes = PubsubMessage(attributes={f"{number:0256}": "v" * 1024 for number in range(100)})
    for message in (largest, attributes):
        clients.publish_raw(topic=topic, messages=[message])
    first, second = sorted(clients.pull_until(name, 2), key=lambda one: int(one.message.message_id))
    assert first.message.data == largest.data
    assert second.message.attributes == attributes.attributes


def test_a_request_takes_1000_messages_of_one_ordering_key(clients: Any) -> None:
    topic = clients.topic()
    publish = clients.publish_raw
    assert len(publish(topic=topic, messages=[PubsubMessage(data=b"x")] * 1000).message_ids) == 1000
    for refused in (
        [],
        [PubsubMessage(data=b"x")] * 1001,
        [PubsubMessage(data=b"x", ordering_key="a"), PubsubMessage(data=b"x", ordering_key="b")],
    ):
        with pytest.raises(exceptions.InvalidArgument):
            publish(topic=topic, messages=refused)


def test_an_acknowledged_message_never_comes_again_and_acking_twice_is_fine(clients: Any) -> None:
    topic = clients.topic()
    name = clients.subscription(topic)
    clients.publish(topic, "once")
    [received] = clients.pull(name)
    assert clients.pull(name) == []
    clients.ack(name, received)
    clients.ack(name, received)
    clients.nack(name, received)
    assert clients.pull(name, wait=1) == []


def test_a_nacked_message_comes_again_at_once_with_another_ack_id(clients: Any) -> None:
    topic = clients.topic()
    name = clients.subscription(topic)
    clients.publish(topic, "again")
    [first] = clients.pull(name)
    clients.nack(name, first)
    [second] = clients.pull(name)
    assert second.message == first.message
    assert second.ack_id != first.ack_id
    clients.ack(name, first)
    clients.nack(name, second)
    assert len(clients.pull(name)) == 1, "the ack id of an earlier delivery counts for nothing"


def test_a_missed_deadline_brings_the_message_back_and_an_extension_holds_it(clients: Any) -> None:
    topic = clients.topic()
    name = clients.subscription(topic)
    clients.publish(topic, "held", "missed")
    held, missed = clients.pull(name)
    clients.deadline(name, 1, held, missed)
    clients.deadline(name, 30, held)
    began = time.monotonic()
    [back] = clients.pull(name, wait=5)
    assert texts([back]) == ["missed"]
    assert 0.7 < time.monotonic() - began < 2.5
    assert clients.pull(name, wait=1) == []


def test_ack_ids_are_checked(clients: Any) -> None:
    topic = clients.topic()
    name, other = clients.subscription(topic), clients.subscription(topic, "other")
    clients.publish(topic, "x")
    [received] = clients.pull(name)
    for subscription, ids in ((name, ["nonsense"]), (name, []), (other, [received.ack_id]), (name, ["x" * 600_000])):
        with pytest.raises(exceptions.InvalidArgument):
            clients.subscriber.acknowledge(subscription=subscription, ack_ids=ids)
    for seconds in (-1, 601):
        with pytest.raises(exceptions.InvalidArgument):
            clients.deadline(name, seconds, received)
    with pytest.raises(exceptions.InvalidArgument):
        clients.pull(name, messages=0)


def test_a_waiting_pull_is_answered_when_a_message_comes(clients: Any) -> None:
    topic = clients.topic()
    name = clients.subscription(topic)
    clients.pull(name)
    began = time.monotonic()
    threading.Timer(0.5, clients.publish, (topic, "now")).start()
    assert texts(clients.pull(name, wait=5)) == ["now"]
    assert 0.4 < time.monotonic() - began < 2


def test_the_retry_policy_doubles_its_pause_up_to_its_maximum(clients: Any) -> None:
    topic = clients.topic()
    policy = RetryPolicy(minimum_backoff=Duration(nanos=300_000_000), maximum_backoff=Duration(seconds=1, nanos=0))
    name = clients.subscription(topic, retry_policy=policy)
    clients.publish(topic, "x")
    [received] = clients.pull(name)
    for pause in (0.3, 0.6, 1.0, 1.0):
        clients.nack(name, received)
        began = time.monotonic()
        assert clients.pull(name) == []
        [received] = clients.pull(name, wait=5)
        assert pause - 0.05 < time.monotonic() - began < pause + 0.6


def test_after_five_failures_a_message_is_forwarded_with_where_it_came_from(clients: Any) -> None:
    topic, dead = clients.topic(), clients.topic("dead")
    grave = clients.subscription(dead, "grave")
    policy = DeadLetterPolicy(dead_letter_topic=dead, max_delivery_attempts=5)
    name = clients.subscription(topic, dead_letter_policy=policy)
    clients.publisher.publish(topic, b"poison", kind="bass").result(5)
    for attempt in range(1, 6):
        [received] = clients.pull(name, wait=5)
        assert received.delivery_attempt == attempt
        assert clients.pull(grave) == []
        if attempt == 3:
            clients.deadline(name, 1, received)  # a missed deadline counts as a nack does
        else:
            clients.nack(name, received)
    [buried] = clients.pull(grave, wait=5)
    assert clients.pull(name) == []
    assert buried.message.data == b"poison"
    assert buried.message.message_id != received.message.message_id
    published = datetime.fromisoformat(buried.message.attributes["CloudPubSubDeadLetterSourceTopicPublishTime"])
    assert abs(published - received.message.publish_time) < timedelta(milliseconds=2)
    assert {key: value for key, value in buried.message.attributes.items() if not key.endswith("PublishTime")} == {
        "kind": "bass",
        "CloudPubSubDeadLetterSourceSubscription": "subscription",
        "CloudPubSubDeadLetterSourceSubscriptionProject": clients.endpoint.project,
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
    }


def test_without_its_dead_letter_topic_a_message_is_kept_rather_than_lost(clients: Any) -> None:
    topic, dead = clients.topic(), clients.topic("dead")
    name = clients.subscription(topic, dead_letter_policy=DeadLetterPolicy(dead_letter_topic=dead))
    clients.publisher.delete_topic(topic=dead)
    clients.publish(topic, "kept")
    for attempt in range(1, 9):
        [received] = clients.pull(name)
        assert received.delivery_attempt == attempt
        clients.nack(name, received)


def test_messages_of_one_ordering_key_come_one_after_the_other(clients: Any) -> None:
    topic = clients.topic()
    name = clients.subscription(topic, enable_message_ordering=True)
    for key in ("a", "b"):
        clients.publish(topic, *(f"{key}{number}" for number in range(3)), ordering_key=key)
    clients.publish(topic, "free")
    seen: list[str] = []
    failed = False
    while len(seen) < 7:
        received = clients.pull(name, wait=5)
        keys = [one.message.ordering_key for one in received if one.message.ordering_key]
        assert len(keys) == len(set(keys)), "two messages of one key at the same time"
        for one in received:
            if texts([one]) == ["a1"] and not failed:
                clients.nack(name, one)
                failed = True
                continue
            seen += texts([one])
            clients.ack(name, one)
    for key in ("a", "b"):
        assert [text for text in seen if text.startswith(key)] == [f"{key}0", f"{key}1", f"{key}2"]
    assert failed
    assert "free" in seen
