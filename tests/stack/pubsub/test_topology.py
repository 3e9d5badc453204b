"""Topics and subscriptions through the stock client: what is made, refused, changed and deleted."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1.types import DeadLetterPolicy, ExpirationPolicy, PushConfig, RetryPolicy, Subscription, Topic


def test_a_topic_is_created_once_and_read_back(clients: Any) -> None:
    name = clients.endpoint.topic("songs")
    made = clients.publisher.create_topic(request=Topic(name=name, labels={"room": "stack"}))
    assert made == clients.publisher.get_topic(topic=name)
    assert dict(made.labels) == {"room": "stack"}
    with pytest.raises(exceptions.AlreadyExists):
        clients.publisher.create_topic(name=name)


@pytest.mark.parametrize("short", ["1abc", "ab", "googfoo", "a b c", "a" * 256, "über"])
def test_bad_topic_names_are_refused(clients: Any, short: str) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        clients.publisher.create_topic(name=clients.endpoint.topic(short))


def test_what_is_not_there_is_not_found(clients: Any) -> None:
    topic, subscription = clients.endpoint.topic("nowhere"), clients.endpoint.subscription("nowhere")
    for call in (
        lambda: clients.publisher.get_topic(topic=topic),
        lambda: clients.publisher.delete_topic(topic=topic),
        lambda: clients.publisher.publish(topic, b"x").result(5),
        lambda: list(clients.publisher.list_topic_subscriptions(topic=topic)),
        lambda: clients.subscriber.get_subscription(subscription=subscription),
        lambda: clients.subscriber.delete_subscription(subscription=subscription),
        lambda: clients.pull(subscription),
        lambda: clients.subscriber.acknowledge(subscription=subscription, ack_ids=["x"]),
        lambda: clients.subscription(topic),
    ):
        with pytest.raises(exceptions.NotFound):
            call()


def test_lists_are_sorted_paged_and_of_one_project(clients: Any) -> None:
    names = [clients.topic(f"topic-{number}") for number in range(5)]
    subscriptions = [clients.subscription(names[0], f"sub-{number}") for number in range(5)]
    project = f"projects/{clients.endpoint.project}"
    pages = clients.publisher.list_topics(request={"project": project, "page_size": 2}).pages
    assert [[topic.name for topic in page.topics] for page in pages] == [names[:2], names[2:4], names[4:]]
    found = clients.subscriber.list_subscriptions(request={"project": project, "page_size": 3})
    assert [one.name for one in found] == subscriptions
    assert list(clients.publisher.list_topic_subscriptions(topic=names[0])) == subscriptions
    assert list(clients.publisher.list_topic_subscriptions(topic=names[1])) == []


def test_a_subscription_shows_the_services_defaults(clients: Any) -> None:
    name = clients.subscription(clients.topic())
    found = clients.subscriber.get_subscription(subscription=name)
    assert found.ack_deadline_seconds == 10
    assert found.message_retention_duration.days == 7
    assert found.expiration_policy.ttl.days == 31
    assert found.state == Subscription.State.ACTIVE
    assert "retry_policy" not in found
    assert "dead_letter_policy" not in found


def test_zero_attempts_mean_five_and_an_empty_retry_policy_has_defaults(clients: Any) -> None:
    topic = clients.topic()
    name = clients.subscription(
        topic, dead_letter_policy=DeadLetterPolicy(dead_letter_topic=topic), retry_policy=RetryPolicy()
    )
    found = clients.subscriber.get_subscription(subscription=name)
    assert found.dead_letter_policy.max_delivery_attempts == 5
    assert (found.retry_policy.minimum_backoff.seconds, found.retry_policy.maximum_backoff.seconds) == (10, 600)


@pytest.mark.parametrize("attempts", [-1, 1, 3, 4, 101])
def test_delivery_attempts_outside_5_to_100_are_refused(clients: Any, attempts: int) -> None:
    topic = clients.topic()
    policy = DeadLetterPolicy(dead_letter_topic=topic, max_delivery_attempts=attempts)
    with pytest.raises(exceptions.InvalidArgument, match="between 5 and 100"):
        clients.subscription(topic, dead_letter_policy=policy)


@pytest.mark.parametrize(
    "rules",
    [
        {"ack_deadline_seconds": 9},
        {"ack_deadline_seconds": 601},
        {"message_retention_duration": Duration(seconds=599)},
        {"message_retention_duration": Duration(seconds=31 * 86400 + 1)},
        {"expiration_policy": ExpirationPolicy(ttl=Duration(seconds=3600))},
        {"retry_policy": RetryPolicy(minimum_backoff=Duration(seconds=601))},
        {"retry_policy": RetryPolicy(minimum_backoff=Duration(seconds=9), maximum_backoff=Duration(seconds=8))},
        {"dead_letter_policy": DeadLetterPolicy(dead_letter_topic="dead")},
    ],
)
def test_rules_out_of_range_are_refused(clients: Any, rules: dict[str, Any]) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        clients.subscription(clients.topic(), **rules)


def test_a_dead_letter_topic_must_exist(clients: Any) -> None:
    policy = DeadLetterPolicy(dead_letter_topic=clients.endpoint.topic("nowhere"), max_delivery_attempts=5)
    with pytest.raises(exceptions.NotFound):
        clients.subscription(clients.topic(), dead_letter_policy=policy)


@pytest.mark.parametrize(
    "rules",
    [
        {"filter": 'attributes.kind = "vocals"'},
        {"enable_exactly_once_delivery": True},
        {"push_config": PushConfig(push_endpoint="https://example.com")},
    ],
)
def test_what_is_not_spoken_is_refused_not_ignored(clients: Any, rules: dict[str, Any]) -> None:
    with pytest.raises(exceptions.MethodNotImplemented):
        clients.subscription(clients.topic(), **rules)


def test_a_subscription_is_updated_by_mask_only(clients: Any) -> None:
    topic = clients.topic()
    name = clients.subscription(topic, retry_policy=RetryPolicy())
    wanted = Subscription(name=name, ack_deadline_seconds=42, labels={"a": "b"})
    mask = FieldMask(paths=["ack_deadline_seconds", "retry_policy"])
    clients.subscriber.update_subscription(subscription=wanted, update_mask=mask)
    found = clients.subscriber.get_subscription(subscription=name)
    assert (found.ack_deadline_seconds, dict(found.labels), "retry_policy" in found) == (42, {}, False)
    assert found.topic == topic
    for paths in ([], ["topic"], ["enable_message_ordering"], ["nonsense"]):
        with pytest.raises(exceptions.InvalidArgument):
            clients.subscriber.update_subscription(subscription=wanted, update_mask=FieldMask(paths=paths))


def test_a_topics_labels_are_updated(clients: Any) -> None:
    name = clients.topic()
    wanted = Topic(name=name, labels={"a": "b"})
    clients.publisher.update_topic(topic=wanted, update_mask=FieldMask(paths=["labels"]))
    assert dict(clients.publisher.get_topic(topic=name).labels) == {"a": "b"}


def test_a_subscription_outlives_its_topic_with_its_backlog(clients: Any) -> None:
    topic = clients.topic()
    name = clients.subscription(topic)
    clients.publish(topic, "left behind")
    clients.publisher.delete_topic(topic=topic)
    assert clients.subscriber.get_subscription(subscription=name).topic == "_deleted-topic_"
    assert [one.message.data for one in clients.pull(name)] == [b"left behind"]
    assert clients.topic() == topic
    clients.publish(topic, "of another topic of that name")
    assert clients.pull(name) == []


def test_a_detached_subscription_loses_its_backlog_and_cannot_be_pulled(clients: Any) -> None:
    topic = clients.topic()
    name = clients.subscription(topic)
    clients.publish(topic, "gone")
    clients.publisher.detach_subscription(request={"subscription": name})
    assert clients.subscriber.get_subscription(subscription=name).detached
    assert list(clients.publisher.list_topic_subscriptions(topic=topic)) == []
    with pytest.raises(exceptions.FailedPrecondition):
        clients.pull(name)


def test_a_deleted_subscription_starts_empty_when_made_again(clients: Any) -> None:
    topic = clients.topic()
    name = clients.subscription(topic)
    clients.publish(topic, "old")
    clients.subscriber.delete_subscription(subscription=name)
    clients.subscription(topic)
    assert clients.pull(name) == []
    clients.publish(topic, "new")
    assert [one.message.data for one in clients.pull(name)] == [b"new"]
