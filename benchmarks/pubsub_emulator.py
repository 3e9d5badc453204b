"""Claim: the Pub/Sub emulator is no bottleneck of the stack, and is back quickly after kill -9 with its backlog.

The stock client publishes and consumes small messages against the real process; then the process is killed with a
backlog of the same size and started again. Prints one JSON object as its last line: messages per second, seconds.

    python benchmarks/pubsub_emulator.py [messages]
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from google.cloud.pubsub_v1.types import FlowControl

from stack.ports import free_ports
from stack.program import RunningProgram
from stack.pubsub_program import pubsub_program
from stemma.messaging.endpoint import PubsubEndpoint

DEFAULT_MESSAGES = 10_000
MESSAGE_BYTES = 500
MAX_SECONDS = 120


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_MESSAGES
    with tempfile.TemporaryDirectory(prefix="pubsub-benchmark-") as folder:
        [port] = free_ports(1)
        program = pubsub_program(Path(folder) / "pubsub.sqlite", port)
        start_seconds, running = timed(lambda: RunningProgram.start(program))
        endpoint = PubsubEndpoint("benchmark", f"127.0.0.1:{port}")
        publisher, subscriber = endpoint.publisher(), endpoint.subscriber()
        topic, subscription = endpoint.topic("songs"), endpoint.subscription("worker")
        publisher.create_topic(name=topic)
        subscriber.create_subscription(name=subscription, topic=topic)
        try:
            publish_seconds, _ = timed(lambda: publish(publisher, topic, count))
            consume_seconds, seen = timed(lambda: consume(subscriber, subscription, count))
            assert len(seen) == count, f"{count - len(seen)} messages were lost"
            publish(publisher, topic, count)
            running.kill()
            restart_seconds, running = timed(lambda: RunningProgram.start(program))
            first_seconds, first = timed(lambda: subscriber.pull(subscription=subscription, max_messages=1))
            assert len(first.received_messages) == 1
            left = consume(subscriber, subscription, count - 1)
            assert len(left) == count - 1, f"{count - 1 - len(left)} messages were lost by the restart"
        finally:
            publisher.stop()
            subscriber.close()
            running.stop()
    print(
        json.dumps(
            {
                "messages": count,
                "messageBytes": MESSAGE_BYTES,
                "publishedPerSecond": round(count / publish_seconds),
                "consumedPerSecond": round(count / consume_seconds),
                "startSeconds": round(start_seconds, 2),
                "restartSeconds": round(restart_seconds, 2),
                "restartToFirstMessageSeconds": round(restart_seconds + first_seconds, 2),
                "lost": 0,
            }
        )
    )


def publish(publisher: Any, topic: str, count: int) -> None:
    """Publish and wait until every message is durable."""
    futures = [publisher.publish(topic, b"x" * MESSAGE_BYTES) for _ in range(count)]
    for future in futures:
        future.result(MAX_SECONDS)


def consume(subscriber: Any, subscription: str, count: int) -> set[str]:
    """Consume until `count` different messages came; return their ids. Returns fewer after two minutes."""
    seen: set[str] = set()
    lock, complete = threading.Lock(), threading.Event()

    def callback(message: Any) -> None:
        with lock:
            seen.add(message.message_id)
            if len(seen) >= count:
                complete.set()
        message.ack()

    future = subscriber.subscribe(subscription, callback, flow_control=FlowControl(max_messages=1000))
    complete.wait(MAX_SECONDS)
    future.cancel()
    future.result(MAX_SECONDS)
    return seen


def timed(work: Any) -> tuple[float, Any]:
    """Return (seconds, result)."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


if __name__ == "__main__":
    main()
