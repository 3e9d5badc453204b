"""A house in which every contract has told every event that it has, indexed, with a server over it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from stack.anvil_node import AnvilNode
from stemma import works
from stemma.works import WorkId
from tests.api.conftest import House, OpenHouse, RunningApi
from tests.indexer.house_on_chain import HouseOnChain
from tests.indexer.onchain import index_until_head
from tests.indexer.story import tell


@dataclass(frozen=True)
class Told:
    """The house, its contracts, and the story's recordings by title."""

    house: House
    chain: HouseOnChain
    recordings: dict[str, WorkId]

    @property
    def api(self) -> RunningApi:
        return self.house.api

    def hex(self, title: str) -> str:
        return works.to_hex(self.recordings[title])


@pytest.fixture(scope="session")
async def told(open_house: OpenHouse, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    """Shared by all tests that only read."""
    async with open_house("stemma_test_story") as house:
        settings = house.api.settings
        chain = HouseOnChain(AnvilNode(settings.rpc_urls[0]), Path(settings.deployments_dir))
        recordings = await asyncio.to_thread(tell, chain)
        folder = tmp_path_factory.mktemp("story")
        await index_until_head(house.database.indexer_url, chain, folder)
        yield Told(house, chain, recordings)


@pytest.fixture
async def http(told: Told) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=told.api.url, timeout=60) as client:
        yield client
