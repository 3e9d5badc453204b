"""The house's topology on an emulator, in a project of each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest

from stemma.messaging.endpoint import PubsubEndpoint
from stemma.messaging.envelope import Envelope
from stemma.messaging.events import SeparationProgress
from stemma.messaging.publisher import Publisher
from stemma.messaging.topology import ensure_topology


@pytest.fixture
async def endpoint(pubsub: str, pubsub_project: str) -> PubsubEndpoint:
    made = PubsubEndpoint(pubsub_project, pubsub)
    await ensure_topology(made)
    return made


@pytest.fixture
async def publisher(endpoint: PubsubEndpoint) -> AsyncIterator[Publisher]:
    async with Publisher(endpoint) as made:
        yield made


@pytest.fixture
def progress() -> Callable[..., Envelope[Any]]:
    """Make an event."""

    def make(percent: int = 50, stage: str = "separating") -> Envelope[Any]:
        return Envelope.of(SeparationProgress(job_id=uuid4(), stage=stage, percent=percent), producer="tests")

    return make
