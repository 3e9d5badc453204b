"""StreamingPull by the stock client: competing streams, flow control, lease extension, ends."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1.types import FlowControl
from google.pubsub_v1.types import StreamingPullRequest


class RawStream:
    """A streaming pull without the client library's own flow control and leases: what the server does shows."""

    def __init__(self, clients: Any, subscription: str, **first: Any) -> None:
        self._requests: queue.Queue[StreamingPullRequest | None] = queue.Queue()
        self._requests.put(
            StreamingPullRequest(**{"subscription": subscription, "stream_ack_deadline_seconds": 10} | first)
        )
        self.received: queue.Queue[Any] = queue.Queue()
        self.error: queue.Queue[Exception] = queue.Queue()
        self._responses = clients.subscriber.streaming_pull(iter(self._requests.get, None))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for response in self._responses:
                for one in response.received_messages:
                    self.received.put(one)
        except exceptions.GoogleAPICallError as error:
            self.error.put(error)

    def send(self, **request: Any) -> None:
        self._requests.put(StreamingPullRequest(**request))

    def take(self, count: int) -> list[Any]:
        return [self.received.get(timeout=5) for _ in range(count)]

    def assert_quiet(self, seconds: float = 0.5) -> None:
        with pytest.raises(queue.Empty):
            self.received.get(timeout=seconds)

    def close(self) -> None:
        self._requests.put(None)
        self._responses.cancel()


@pytest.fixture
def stream(clients: Any) -> Iterator[Callable[..., RawStream]]:
    opened: list[RawStream] = []

    def open_stream(subscription: str, **first: Any) -> RawStream:
        opened.append(RawStream(clients, subscription, **first))
        return opened[-1]

    yield open_stream
    for one in opened:
        one.close()


@pytest.fixture
def subscription(clients: Any) -> str:
    return str(clients.subscription(clients.topic()))


@pytest.fixture
def publish(clients: Any) -> Callable[..., list[str]]:
    return lambda *texts: clients.publish(clients.endpoint.topic("topic"), *texts)


def test_competing_streams_get_disjoint_messages_and_each_its_share(
    clients: Any, subscription: str, publish: Any, eventually: Any
) -> None:
    seen: list[list[str]] = [[], [], []]
    subscribers = [clients.endpoint.subscriber() for _ in seen]

    def keep(number: int) -> Callable[[Any], None]:
        def callback(message: Any) -> None:
            seen[number].append(message.data.decode())
            time.sleep(0.002)
            message.ack()

        return callback

    futures = [
        subscriber.subscribe(subscription, keep(number), flow_control=FlowControl(max_messages=10))
        for number, subscriber in enumerate(subscribers)
    ]
    time.sleep(0.5)
    published = [f"{number}" for number in range(300)]
    publish(*published)
    eventually(lambda: sum(map(len, seen)) >= 300, what="not all messages came")
    time.sleep(0.3)
    for future, subscriber in zip(futures, subscribers, strict=True):
        future.cancel()
        future.result(5)
        subscriber.close()
    assert sorted(itertools.chain.from_iterable(seen)) == sorted(published), "a message was lost or came twice"
    assert min(map(len, seen)) >= 30, [len(part) for part in seen]
    assert clients.pull(subscription) == []


def test_no_more_messages_than_max_outstanding_until_one_is_dealt_with(
    clients: Any, subscription: str, publish: Any, stream: Any
) -> None:
    publish(*"abcdef")
    one = stream(subscription, max_outstanding_messages=2, client_id="client")
    first, second = one.take(2)
    one.assert_quiet()
    one.send(ack_ids=[first.ack_id])
    [third] = one.take(1)
    one.assert_quiet()
    clients.ack(subscription, second)  # a unary ack frees room as well
    [fourth] = one.take(1)
    one.send(modify_deadline_ack_ids=[third.ack_id, fourth.ack_id], modify_deadline_seconds=[0, 0])
    assert len(one.take(2)) == 2
    one.assert_quiet()


def test_a_reconnecting_client_keeps_what_it_holds_against_its_limit(
    subscription: str, publish: Any, stream: Any, clients: Any
) -> None:
    publish(*"abc")
    one = stream(subscription, max_outstanding_messages=1, client_id="same")
    [held] = one.take(1)
    one.close()
    again = stream(subscription, max_outstanding_messages=1, client_id="same")
    again.assert_quiet()
    other = stream(subscription, max_outstanding_messages=1, client_id="other")
    assert len(other.take(1)) == 1
    again.send(ack_ids=[held.ack_id])
    assert len(again.take(1)) == 1


def test_no_more_bytes_than_max_outstanding(subscription: str, publish: Any, stream: Any) -> None:
    publish(*("x" * 1000 for _ in range(6)))
    one = stream(subscription, max_outstanding_bytes=2500)
    received = one.take(3)  # sending stops once the limit is reached, so the last one may cross it
    one.assert_quiet()
    one.send(ack_ids=[received[0].ack_id])
    assert len(one.take(1)) == 1
    one.assert_quiet()


def test_a_dead_clients_messages_go_to_another_after_the_streams_deadline(
    clients: Any, subscription: str, publish: Any, stream: Any
) -> None:
    publish("x")
    one = stream(subscription, stream_ack_deadline_seconds=10)
    [received] = one.take(1)
    one.send(modify_deadline_ack_ids=[received.ack_id], modify_deadline_seconds=[1])
    time.sleep(0.2)
    one.close()
    other = stream(subscription)
    [again] = other.take(1)
    assert again.message == received.message


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ({"stream_ack_deadline_seconds": 9}, None),
        ({"stream_ack_deadline_seconds": 601}, None),
        ({}, {"client_id": "changed"}),
        ({}, {"max_outstanding_messages": 5}),
        ({}, {"ack_ids": ["nonsense"]}),
        ({}, {"modify_deadline_ack_ids": ["a"], "modify_deadline_seconds": [1, 2]}),
        ({}, {"stream_ack_deadline_seconds": 5}),
    ],
)
def test_a_stream_that_breaks_the_protocol_is_aborted(subscription: str, stream: Any, first: Any, later: Any) -> None:
    one = stream(subscription, **first)
    if later:
        one.send(**later)
    assert isinstance(one.error.get(timeout=5), exceptions.InvalidArgument)


def test_streams_end_when_their_subscription_goes(clients: Any, subscription: str, stream: Any) -> None:
    one = stream(subscription)
    one.assert_quiet(0.3)
    clients.subscriber.delete_subscription(subscription=subscription)
    assert isinstance(one.error.get(timeout=5), exceptions.NotFound)
    missing = stream(clients.endpoint.subscription("nowhere"))
    assert isinstance(missing.error.get(timeout=5), exceptions.NotFound)
