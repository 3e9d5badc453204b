"""Publisher and consumer over the real emulator: how deliveries end, and how the consumer does."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from stack.ports import free_ports
from stack.program import RunningProgram
from stack.pubsub_program import pubsub_program
from stemma.messaging import names
from stemma.messaging.consumer import Handler, consume
from stemma.messaging.delivery import Delivery
from stemma.messaging.endpoint import PubsubEndpoint
from stemma.messaging.envelope import Envelope
from stemma.messaging.errors import GiveUp, PublishFailed, RetryLater
from stemma.messaging.events import SeparationProgress
from stemma.messaging.publisher import Publisher
from stemma.messaging.topology import ensure_topology
from stemma.messaging.tracing import TraceContext, current_trace

pytestmark = pytest.mark.anyio
Progress = Callable[..., Envelope[Any]]


@asynccontextmanager
async def consuming(
    endpoint: PubsubEndpoint, handler: Handler, subscription: str = names.STEM_RESULTS_API_JOBS, **options: Any
) -> AsyncIterator[None]:
    """Consume while the block runs."""
    running = consume(endpoint, subscription, handler, **{"accepts": [SeparationProgress]} | options)
    task = asyncio.create_task(running)
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


class Seen:
    """A handler that keeps what it gets and does as told."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self.deliveries: list[Delivery] = []
        self.times: list[float] = []
        self._outcomes = list(outcomes)
        self._came = asyncio.Condition()

    async def __call__(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        self.times.append(time.monotonic())
        async with self._came:
            self._came.notify_all()
        outcome = self._outcomes.pop(0) if self._outcomes else None
        if outcome is not None:
            raise outcome

    async def wait_for(self, count: int, seconds: float = 10) -> list[Delivery]:
        async with asyncio.timeout(seconds), self._came:
            await self._came.wait_for(lambda: len(self.deliveries) >= count)
        return self.deliveries

    def percents(self) -> list[int]:
        return [delivery.envelope.payload.percent for delivery in self.deliveries]  # type: ignore[attr-defined]


def backlog(endpoint: PubsubEndpoint, subscription: str) -> list[Any]:
    """What may be delivered now."""
    with endpoint.subscriber() as subscriber:
        name = endpoint.subscription(subscription)
        request = {"subscription": name, "max_messages": 100, "return_immediately": True}
        return list(subscriber.pull(request=request).received_messages)


async def test_an_event_arrives_as_it_was_published_and_only_once(
    endpoint: PubsubEndpoint, publisher: Publisher, progress: Progress
) -> None:
    seen, sent = Seen(), progress()
    trace = TraceContext.start()
    token = current_trace.set(trace)
    message_id = await publisher.publish(names.STEM_RESULTS, sent)
    current_trace.reset(token)
    traces: list[TraceContext | None] = []

    async def handler(delivery: Delivery) -> None:
        traces.append(current_trace.get())
        await seen(delivery)

    async with consuming(endpoint, handler):
        [delivery] = await seen.wait_for(1)
        await asyncio.sleep(0.5)
    assert delivery.envelope.model_dump() == sent.model_dump()
    assert (delivery.message_id, delivery.attempt, delivery.dead_letter) == (message_id, 1, None)
    assert delivery.attributes["eventName"] == "stems.progress"
    assert delivery.attributes["eventVersion"] == "1"
    assert traces == [delivery.trace]
    assert delivery.trace.trace_id == trace.trace_id
    assert len(seen.deliveries) == 1
    async with consuming(endpoint, seen):
        await asyncio.sleep(0.5)
    assert len(seen.deliveries) == 1


async def test_a_failed_handler_is_tried_again_after_the_policys_pause(
    endpoint: PubsubEndpoint, publisher: Publisher, progress: Progress
) -> None:
    seen = Seen(RuntimeError("the first time"), None)
    await publisher.publish(names.STEM_SEPARATE, progress())
    async with consuming(endpoint, seen, names.STEM_SEPARATE_WORKER):
        await seen.wait_for(2)
        await asyncio.sleep(0.3)
    assert [delivery.attempt for delivery in seen.deliveries] == [1, 2]
    assert 1.9 < seen.times[1] - seen.times[0] < 4


async def test_retry_later_puts_a_delivery_off_by_its_own_seconds(
    endpoint: PubsubEndpoint, publisher: Publisher, progress: Progress
) -> None:
    seen = Seen(RetryLater(1))
    await publisher.publish(names.STEM_SEPARATE, progress())
    async with consuming(endpoint, seen, names.STEM_SEPARATE_WORKER):
        await seen.wait_for(2)
    assert [delivery.attempt for delivery in seen.deliveries] == [1, 2]
    assert 2.5 < seen.times[1] - seen.times[0] < 5, "its second, and the policy's two"
    with pytest.raises(ValueError, match="1 to 600"):
        RetryLater(0)


async def test_give_up_moves_a_message_to_the_dead_letter_topic_at_once(
    endpoint: PubsubEndpoint, publisher: Publisher, progress: Progress
) -> None:
    seen, buried, sent = Seen(GiveUp("silence is no song")), Seen(), progress()
    await publisher.publish(names.STEM_SEPARATE, sent)
    async with (
        consuming(endpoint, seen, names.STEM_SEPARATE_WORKER),
        consuming(endpoint, buried, names.STEM_DLQ_API_JOBS),
    ):
        [delivery] = await buried.wait_for(1)
        await asyncio.sleep(0.3)
    assert delivery.envelope.event_id == sent.event_id
    assert delivery.dead_letter is not None
    assert delivery.dead_letter.reason == "silence is no song"
    assert (delivery.dead_letter.subscription, delivery.dead_letter.attempts) == (names.STEM_SEPARATE_WORKER, 1)
    assert delivery.trace.trace_id == seen.deliveries[0].trace.trace_id
    assert len(seen.deliveries) == 1
    assert backlog(endpoint, names.STEM_SEPARATE_WORKER) == []


async def test_after_five_failures_the_service_itself_gives_up(
    endpoint: PubsubEndpoint, publisher: Publisher, progress: Progress
) -> None:
    sent = progress()
    await publisher.publish(names.STEM_SEPARATE, sent)
    with endpoint.subscriber() as subscriber:
        name = endpoint.subscription(names.STEM_SEPARATE_WORKER)
        subscriber.update_subscription(  # without pauses, or this takes half a minute
            request={"subscription": {"name": name}, "update_mask": {"paths": ["retry_policy"]}}
        )
    seen, buried = Seen(*[RuntimeError("always")] * 9), Seen()
    async with (
        consuming(endpoint, seen, names.STEM_SEPARATE_WORKER),
        consuming(endpoint, buried, names.STEM_DLQ_API_JOBS),
    ):
        [delivery] = await buried.wait_for(1)
        await asyncio.sleep(0.3)
    assert [one.attempt for one in seen.deliveries] == [1, 2, 3, 4, 5]
    assert delivery.envelope.event_id == sent.event_id
    assert delivery.dead_letter is not None
    assert (delivery.dead_letter.subscription, delivery.dead_letter.attempts) == (names.STEM_SEPARATE_WORKER, 5)


async def test_poison_is_given_up_at_once_and_never_loops(
    endpoint: PubsubEndpoint, publisher: Publisher, progress: Progress
) -> None:
    seen, buried = Seen(), Seen()
    await publisher.publish_encoded(names.STEM_SEPARATE, b"\xffpoison", {"kind": "strange"})
    await publisher.publish(names.STEM_SEPARATE, progress(7))
    async with consuming(endpoint, seen, names.STEM_SEPARATE_WORKER):
        await seen.wait_for(1)
        await asyncio.sleep(0.5)
    assert seen.percents() == [7]
    assert backlog(endpoint, names.STEM_SEPARATE_WORKER) == []
    # On the last resort it is logged and forgotten, and what comes after it is handled.
    await publisher.publish(names.STEM_DLQ, progress(8))
    async with consuming(endpoint, buried, names.STEM_DLQ_API_JOBS):
        await buried.wait_for(1)
        await asyncio.sleep(0.5)
    assert buried.percents() == [8]
    assert backlog(endpoint, names.STEM_DLQ_API_JOBS) == []


async def test_a_given_up_message_keeps_its_bytes_and_says_why(endpoint: PubsubEndpoint, publisher: Publisher) -> None:
    await publisher.publish_encoded(names.STEM_SEPARATE, b"\xffpoison", {"kind": "strange"})
    async with consuming(endpoint, Seen(), names.STEM_SEPARATE_WORKER):
        await asyncio.sleep(1.5)
    [buried] = backlog(endpoint, names.STEM_DLQ_API_JOBS)
    assert buried.message.data == b"\xffpoison"
    assert buried.message.attributes["kind"] == "strange"
    assert buried.message.attributes["deadLetterReason"].startswith("no envelope")
    assert buried.message.attributes["deadLetterSubscription"] == names.STEM_SEPARATE_WORKER


async def test_no_more_handlers_run_than_allowed(
    endpoint: PubsubEndpoint, publisher: Publisher, progress: Progress
) -> None:
    now = most = 0
    seen = Seen()

    async def handler(delivery: Delivery) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.05)
        now -= 1
        await seen(delivery)

    for percent in range(12):
        await publisher.publish(names.STEM_RESULTS, progress(percent))
    async with consuming(endpoint, handler, max_messages=3):
        await seen.wait_for(12)
    assert most == 3
    assert sorted(seen.percents()) == list(range(12))


async def test_two_workers_share_the_songs_one_at_a_time(
    endpoint: PubsubEndpoint, publisher: Publisher, progress: Progress
) -> None:
    seen = Seen()
    workers: list[str] = []

    def worker(name: str) -> Handler:
        async def handler(delivery: Delivery) -> None:
            workers.append(name)
            await asyncio.sleep(0.1)
            await seen(delivery)

        return handler

    async with (
        consuming(endpoint, worker("one"), names.STEM_SEPARATE_WORKER),
        consuming(endpoint, worker("two"), names.STEM_SEPARATE_WORKER),
    ):
        await asyncio.sleep(0.5)
        for percent in range(10):
            await publisher.publish(names.STEM_SEPARATE, progress(percent))
        await seen.wait_for(10, seconds=15)
    assert sorted(seen.percents()) == list(range(10))
    assert set(workers) == {"one", "two"}


async def test_a_cancelled_consumer_gives_back_what_it_holds_within_seconds(
    endpoint: PubsubEndpoint, publisher: Publisher, progress: Progress
) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(_delivery: Delivery) -> None:
        started.set()
        try:
            await asyncio.sleep(600)
        finally:
            cancelled.set()

    await publisher.publish(names.STEM_SEPARATE, progress())
    async with consuming(endpoint, handler, names.STEM_SEPARATE_WORKER):
        await asyncio.wait_for(started.wait(), 10)
        began = time.monotonic()
    assert time.monotonic() - began < 4
    assert cancelled.is_set()
    seen = Seen()
    async with consuming(endpoint, seen, names.STEM_SEPARATE_WORKER):
        [delivery] = await seen.wait_for(1, seconds=6)  # its lease would have lasted 20
    assert delivery.attempt == 2


async def test_a_job_longer_than_its_lease_is_not_delivered_twice(
    endpoint: PubsubEndpoint, publisher: Publisher, progress: Progress
) -> None:
    runs = 0
    done = asyncio.Event()

    async def handler(_delivery: Delivery) -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(13)
        done.set()

    await publisher.publish(names.STEM_SEPARATE, progress())
    other = Seen()
    async with (
        consuming(endpoint, handler, names.STEM_SEPARATE_WORKER, lease_seconds=10),
        asyncio.timeout(25),
    ):
        await asyncio.sleep(1)
        async with consuming(endpoint, other, names.STEM_SEPARATE_WORKER, lease_seconds=10):
            await done.wait()
            await asyncio.sleep(0.3)
    assert runs + len(other.deliveries) == 1
    assert backlog(endpoint, names.STEM_SEPARATE_WORKER) == []


async def test_a_consumer_waits_for_its_subscription(pubsub: str, pubsub_project: str, progress: Progress) -> None:
    endpoint, seen = PubsubEndpoint(pubsub_project, pubsub), Seen()
    async with consuming(endpoint, seen):
        await asyncio.sleep(0.5)
        await ensure_topology(endpoint)
        async with Publisher(endpoint) as publisher:
            await publisher.publish(names.STEM_RESULTS, progress())
        await seen.wait_for(1, seconds=15)


async def test_consumer_and_publisher_live_through_kill_9_of_the_service(tmp_path: Path, progress: Progress) -> None:
    [port] = free_ports(1)
    program = pubsub_program(tmp_path / "pubsub.sqlite", port)
    endpoint, seen = PubsubEndpoint("stemma", f"127.0.0.1:{port}"), Seen()
    running = await asyncio.to_thread(RunningProgram.start, program)
    try:
        await ensure_topology(endpoint)
        async with Publisher(endpoint) as publisher, consuming(endpoint, seen, lease_seconds=10):
            await publisher.publish(names.STEM_RESULTS, progress(1))
            await seen.wait_for(1)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(running.kill)
            late = asyncio.create_task(publisher.publish(names.STEM_RESULTS, progress(2)))
            await asyncio.sleep(1)
            assert not late.done()
            running = await asyncio.to_thread(RunningProgram.start, program)
            await asyncio.wait_for(late, 20)
            await seen.wait_for(2, seconds=20)
        assert seen.percents() == [1, 2]
    finally:
        await asyncio.to_thread(running.stop)


async def test_what_cannot_be_published_says_so(endpoint: PubsubEndpoint, publisher: Publisher) -> None:
    for topic, data in (("nowhere", b"x"), (names.STEM_RESULTS, b"x" * 10_000_001)):
        for key in ("", "key"):
            with pytest.raises(PublishFailed):
                await publisher.publish_encoded(topic, data, {}, ordering_key=key)
    assert await publisher.publish_encoded(names.STEM_RESULTS, b"x", {}, ordering_key="key")


async def test_messages_of_one_key_that_fail_together_all_say_so_and_the_key_goes_on(
    endpoint: PubsubEndpoint, publisher: Publisher
) -> None:
    with endpoint.publisher() as admin:
        admin.delete_topic(topic=endpoint.topic(names.STEM_RESULTS))
    attempts = [publisher.publish_encoded(names.STEM_RESULTS, b"x" * 9_000_000, {}, ordering_key="k") for _ in range(3)]
    failed = await asyncio.gather(*attempts, return_exceptions=True)
    assert [type(one) for one in failed] == [PublishFailed] * 3
    await ensure_topology(endpoint)
    assert await publisher.publish_encoded(names.STEM_RESULTS, b"x", {}, ordering_key="k")


CONSUMER = """
import asyncio, signal, sys
from stemma.messaging.consumer import consume
from stemma.messaging.endpoint import PubsubEndpoint
from stemma.messaging.events import SeparationProgress

async def handler(delivery):
    print("attempt", delivery.attempt, flush=True)
    await asyncio.sleep(600)

async def main():
    task = asyncio.create_task(consume(
        PubsubEndpoint(sys.argv[2], sys.argv[1]), "stem-separate.worker", handler,
        accepts=[SeparationProgress], lease_seconds=10))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        pass

asyncio.run(main())
"""


async def test_a_process_stops_within_five_seconds_and_a_killed_ones_message_returns(
    endpoint: PubsubEndpoint, publisher: Publisher, progress: Progress
) -> None:
    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CONSUMER, endpoint.emulator_host, endpoint.project]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    async def attempt(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 25)

    await publisher.publish(names.STEM_SEPARATE, progress())
    killed = start()
    assert await attempt(killed) == "attempt 1\n"
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    stopped = start()
    assert await attempt(stopped) == "attempt 2\n"
    began = time.monotonic()
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(10) == 0
    assert time.monotonic() - began < 5
    last = start()
    assert await attempt(last) == "attempt 3\n"
    last.kill()
    last.wait()
    for process in (killed, stopped, last):
        assert process.stdout is not None
        process.stdout.close()
