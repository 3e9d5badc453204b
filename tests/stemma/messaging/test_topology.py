"""The topics and subscriptions of the house."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1.types import Subscription, UpdateSubscriptionRequest

from stack.ports import free_ports
from stack.program import RunningProgram
from stack.pubsub_program import pubsub_program
from stemma.messaging import names
from stemma.messaging.endpoint import PubsubEndpoint
from stemma.messaging.topology import ensure_topology

pytestmark = pytest.mark.anyio


async def test_it_makes_what_is_missing_and_may_run_again_and_at_once(endpoint: PubsubEndpoint) -> None:
    await asyncio.gather(*(ensure_topology(endpoint) for _ in range(3)))
    with endpoint.subscriber() as subscriber, endpoint.publisher() as publisher:
        project = f"projects/{endpoint.project}"
        topics = [topic.name for topic in publisher.list_topics(project=project)]
        assert topics == [endpoint.topic(name) for name in ("stem-dlq", "stem-results", "stem-separate")]
        found = {one.name.split("/")[-1]: one for one in subscriber.list_subscriptions(project=project)}
    assert set(found) == {"stem-separate.worker", "stem-results.api-jobs", "stem-dlq.api-jobs"}
    for name, one in found.items():
        assert one.topic == endpoint.topic(names.TOPIC_OF[name])
        assert one.ack_deadline_seconds == 60
        assert not one.expiration_policy.ttl
        assert one.retry_policy.minimum_backoff.total_seconds() >= 2
        assert ("dead_letter_policy" in one) == (name != names.STEM_DLQ_API_JOBS)
        if name != names.STEM_DLQ_API_JOBS:
            assert one.dead_letter_policy.max_delivery_attempts == 5
            assert one.dead_letter_policy.dead_letter_topic == endpoint.topic("stem-dlq")


async def test_it_corrects_what_somebody_changed(endpoint: PubsubEndpoint) -> None:
    name = endpoint.subscription(names.STEM_SEPARATE_WORKER)
    with endpoint.subscriber() as subscriber:
        before = subscriber.get_subscription(subscription=name)
        changed = Subscription(name=name, ack_deadline_seconds=33)
        mask = FieldMask(paths=["ack_deadline_seconds", "dead_letter_policy"])
        subscriber.update_subscription(UpdateSubscriptionRequest(subscription=changed, update_mask=mask))
        assert subscriber.get_subscription(subscription=name) != before
        await ensure_topology(endpoint)
        assert subscriber.get_subscription(subscription=name) == before


async def test_it_waits_for_a_service_that_is_not_there_yet(tmp_path: Path) -> None:
    [port] = free_ports(1)
    endpoint = PubsubEndpoint("late", f"127.0.0.1:{port}")
    waiting = asyncio.create_task(ensure_topology(endpoint))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    started = await asyncio.to_thread(RunningProgram.start, pubsub_program(tmp_path / "pubsub.sqlite", port))
    with started:
        await asyncio.wait_for(waiting, 15)


def test_the_endpoint_comes_from_settings_whatever_the_environment_says(
    pubsub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    settings = SimpleNamespace(pubsub_project="of-settings", pubsub_emulator_host=pubsub)
    endpoint = PubsubEndpoint.from_settings(settings)
    with endpoint.publisher() as publisher:
        name = endpoint.topic("topic")
        assert publisher.create_topic(name=name, timeout=5).name == name
