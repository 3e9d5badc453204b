"""kill -9 and restart: nothing is lost, nothing acknowledged returns, attempts are remembered."""

from __future__ import annotations

import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core.exceptions import ServiceUnavailable
from google.cloud.pubsub_v1.types import FlowControl
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1.types import DeadLetterPolicy, RetryPolicy, StreamingPullRequest

from stack.pubsub_program import stemma_command


def test_what_was_answered_survives_kill_9(emulator: Any) -> None:
    clients = emulator.clients()
    topic, dead = clients.topic(), clients.topic("dead")
    rules = {
        "dead_letter_policy": DeadLetterPolicy(dead_letter_topic=dead),
        "retry_policy": RetryPolicy(minimum_backoff=Duration(nanos=50_000_000)),
    }
    name = clients.subscription(topic, **rules)
    before = clients.subscriber.get_subscription(subscription=name)
    clients.publish(topic, "acked", "nacked", "held", "untouched")
    received = {one.message.data.decode(): one for one in clients.pull(name, 3)}
    clients.ack(name, received["acked"])
    clients.nack(name, received["nacked"])
    emulator.kill()
    emulator.start()
    assert clients.subscriber.get_subscription(subscription=name) == before
    again = {one.message.data.decode(): one for one in clients.pull_until(name, 2)}
    assert {text: one.delivery_attempt for text, one in again.items()} == {"nacked": 2, "untouched": 1}
    assert again["nacked"].message == received["nacked"].message
    clients.ack(name, received["held"])  # an ack id of the former life
    clients.deadline(name, 1, *again.values())
    third = {one.message.data.decode(): one.delivery_attempt for one in clients.pull_until(name, 2)}
    assert third == {"nacked": 3, "untouched": 2}
    clients.close()


def test_held_messages_return_after_a_restart_unless_their_holder_still_lives(emulator: Any) -> None:
    clients = emulator.clients()
    topic = clients.topic()
    name = clients.subscription(topic)
    clients.publish(topic, "alive", "dead")
    received = {one.message.data.decode(): one for one in clients.pull(name)}
    clients.deadline(name, 1, *received.values())
    emulator.kill()
    time.sleep(1.2)
    emulator.start()
    assert clients.pull(name) == [], "holders get a moment to speak up"
    clients.deadline(name, 60, received["alive"])
    [back] = clients.pull_until(name, 1)
    assert back.message.data == b"dead"
    clients.ack(name, received["alive"])
    clients.close()


def test_a_subscriber_lives_through_kill_9_and_loses_nothing(emulator: Any, eventually: Any) -> None:
    clients = emulator.clients()
    topic = clients.topic()
    name = clients.subscription(topic)
    seen: list[str] = []
    lock = threading.Lock()

    def callback(message: Any) -> None:
        with lock:
            seen.append(message.data.decode())
        message.ack()

    # Bounds the stream's deadline too: what was on the wire when the server died comes again after 10 s, not 60.
    flow = FlowControl(max_messages=20, max_duration_per_lease_extension=10)
    future = clients.subscriber.subscribe(name, callback, flow_control=flow)
    published = [f"{number}" for number in range(60)]
    clients.publish(topic, *published[:30])
    emulator.kill()
    waiting = [clients.publisher.publish(topic, text.encode()) for text in published[30:]]
    time.sleep(0.5)
    emulator.start()
    for one in waiting:
        one.result(30)
    eventually(lambda: set(seen) == set(published), seconds=40, what=f"lost: {set(published) - set(seen)}")
    future.cancel()
    future.result(10)
    clients.close()


def test_a_clean_stop_is_quick_and_tells_its_streams_to_reconnect(emulator: Any) -> None:
    clients = emulator.clients()
    name = clients.subscription(clients.topic())
    first = StreamingPullRequest(subscription=name, stream_ack_deadline_seconds=10)
    ended = threading.Event()

    def requests() -> Iterator[StreamingPullRequest]:
        yield first
        ended.wait(20)

    stream = clients.subscriber.streaming_pull(requests())
    clients.publish(clients.endpoint.topic("topic"), "first")
    assert next(stream).received_messages[0].message.data == b"first"
    began = time.monotonic()
    assert emulator.stop() == 0
    assert time.monotonic() - began < 3
    with pytest.raises(ServiceUnavailable):  # which the client library answers by opening another stream
        next(stream)
    ended.set()
    clients.close()


def test_two_emulators_never_share_a_file_or_a_port(emulator: Any, tmp_path: Any) -> None:
    foreign = tmp_path / "foreign.sqlite"
    foreign.write_text("no database at all, but longer than its header of a hundred bytes " * 20)
    attempts = (
        (emulator.database, 0, "cannot be opened alone"),
        (tmp_path / "other.sqlite", emulator.port, "cannot be listened on"),
        (foreign, 0, "is not a database of this emulator"),
    )
    processes = [
        subprocess.Popen(
            stemma_command("pubsub-emulator", "--port", str(port), "--database", str(database)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for database, port, _ in attempts
    ]
    for process, (_, _, sentence) in zip(processes, attempts, strict=True):
        _, said = process.communicate(timeout=30)
        assert process.returncode == 1
        assert sentence in said
    assert stat.S_IMODE(emulator.database.stat().st_mode) == 0o600
    assert stat.S_IMODE(emulator.database.with_name("pubsub.sqlite-wal").stat().st_mode) == 0o600


def test_deleted_things_stay_deleted(emulator: Any) -> None:
    clients = emulator.clients()
    kept, deleted = clients.topic("kept"), clients.topic("deleted")
    clients.subscription(kept, "deleted")
    clients.subscription(deleted, "orphan")
    clients.subscriber.delete_subscription(subscription=clients.endpoint.subscription("deleted"))
    clients.publisher.delete_topic(topic=deleted)
    emulator.kill()
    emulator.start()
    project = f"projects/{clients.endpoint.project}"
    assert [topic.name for topic in clients.publisher.list_topics(project=project)] == [kept]
    [orphan] = clients.subscriber.list_subscriptions(project=project)
    assert orphan.topic == "_deleted-topic_"
    clients.close()
