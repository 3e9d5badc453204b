"""The stock clients on the emulator, and an emulator that may be killed."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.types import Subscription

from stack.ports import free_ports
from stack.program import RunningProgram
from stack.pubsub_program import pubsub_program
from stemma.messaging.endpoint import PubsubEndpoint


@dataclass
class Clients:
    """The stock clients of one project, with shorthands for what tests do again and again."""

    endpoint: PubsubEndpoint
    publisher: Any = field(init=False)
    subscriber: Any = field(init=False)

    def __post_init__(self) -> None:
        self.publisher = self.endpoint.publisher()
        self.subscriber = self.endpoint.subscriber()

    def topic(self, name: str = "topic") -> str:
        """Create a topic; return its full name."""
        return str(self.publisher.create_topic(name=self.endpoint.topic(name)).name)

    def subscription(self, topic: str, name: str = "subscription", **rules: Any) -> str:
        """Create a subscription; return its full name."""
        wanted = Subscription(name=self.endpoint.subscription(name), topic=topic, **rules)
        return str(self.subscriber.create_subscription(wanted).name)

    def publish(self, topic: str, *texts: str, ordering_key: str = "") -> list[str]:
        """Publish texts in order; return their message ids."""
        futures = [self.publisher.publish(topic, text.encode(), ordering_key=ordering_key) for text in texts]
        return [future.result(timeout=10) for future in futures]

    def publish_raw(self, topic: str, messages: list[Any]) -> Any:
        """Send one Publish request, without the client's own batching and checks."""
        return PublisherClient.publish(self.publisher, topic=topic, messages=messages)

    def pull(self, subscription: str, messages: int = 100, wait: float = 0) -> list[Any]:
        """Pull once; `wait` seconds for a first message, or not at all."""
        try:
            response = self.subscriber.pull(
                subscription=subscription, max_messages=messages, return_immediately=not wait, timeout=wait or 10
            )
        except DeadlineExceeded:
            return []
        return list(response.received_messages)

    def pull_until(self, subscription: str, count: int, seconds: float = 10) -> list[Any]:
        """Pull until `count` messages came."""
        found: list[Any] = []
        end = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < end:
            found += self.pull(subscription, wait=1)
        assert len(found) == count, f"{len(found)} of {count} messages came"
        return found

    def ack(self, subscription: str, *received: Any) -> None:
        self.subscriber.acknowledge(subscription=subscription, ack_ids=[one.ack_id for one in received])

    def nack(self, subscription: str, *received: Any) -> None:
        self.deadline(subscription, 0, *received)

    def deadline(self, subscription: str, seconds: int, *received: Any) -> None:
        ids = [one.ack_id for one in received]
        self.subscriber.modify_ack_deadline(subscription=subscription, ack_ids=ids, ack_deadline_seconds=seconds)

    def close(self) -> None:
        self.publisher.stop()
        self.publisher.transport.close()
        self.subscriber.close()


@pytest.fixture
def clients(pubsub: str, pubsub_project: str) -> Iterator[Clients]:
    """Clients of a project of this test alone."""
    made = Clients(PubsubEndpoint(pubsub_project, pubsub))
    yield made
    made.close()


class KillableEmulator:
    """An emulator on its own file and port, which stay the same over `kill` and `start`."""

    def __init__(self, database: Path) -> None:
        self.database = database
        [self.port] = free_ports(1)
        self.running: RunningProgram | None = None
        self.start()

    def start(self) -> None:
        self.running = RunningProgram.start(pubsub_program(self.database, self.port))

    def kill(self) -> None:
        """kill -9."""
        assert self.running is not None
        self.running.kill()

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.running is not None
        self.running.process.send_signal(signal.SIGTERM)
        return self.running.process.wait(5)

    def clients(self) -> Clients:
        return Clients(PubsubEndpoint(f"test-{secrets.token_hex(4)}", f"127.0.0.1:{self.port}"))


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[KillableEmulator]:
    """An emulator of this test alone."""
    made = KillableEmulator(tmp_path / "pubsub.sqlite")
    yield made
    assert made.running is not None
    made.running.stop()


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until something holds."""

    def wait(holds: Callable[[], bool], seconds: float = 10, what: str = "") -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, what or "it never came true"
            time.sleep(0.02)

    return wait
