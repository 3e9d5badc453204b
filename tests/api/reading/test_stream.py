"""The catalog's stream: everything once and in order, resumable, and a reorg is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import ServerSentEvent, aconnect_sse

from stack.databases import Database
from stemma.settings import Settings
from tests.api.conftest import RunningApi
from tests.api.house import indexing, running, until
from tests.api.reading.conftest import Told
from tests.conftest import Deployed
from tests.indexer.house_on_chain import HouseOnChain

pytestmark = pytest.mark.anyio


async def first(
    http: httpx.AsyncClient, count: int, *, headers: dict[str, str] | None = None, **query: Any
) -> list[ServerSentEvent]:
    found: list[ServerSentEvent] = []
    async with aconnect_sse(http, "GET", "/catalog/stream", params=query, headers=headers or {}) as source:
        async for each in source.aiter_sse():
            found.append(each)
            if len(found) == count:
                return found
    return found


async def test_it_resumes_where_it_was_left(told: Told, http: httpx.AsyncClient) -> None:
    whole = await first(http, 12, after=0)
    numbers = [int(each.id) for each in whole if each.event == "change"]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 12
    assert [json.loads(each.data)["seq"] for each in whole] == numbers
    rest = await first(http, 7, headers={"Last-Event-ID": str(numbers[4])})
    assert [int(each.id) for each in rest] == numbers[5:]
    only = await first(http, 3, after=0, event="license.granted")
    assert {json.loads(each.data)["eventName"] for each in only} == {"license.granted"}
    [now] = await first(http, 1)
    assert now.event == "block"
    assert json.loads(now.data)["finality"] == "latest"


async def test_a_number_of_an_earlier_feed_is_told(told: Told, http: httpx.AsyncClient) -> None:
    [reset, block] = await first(http, 2, headers={"Last-Event-ID": "999999999"})
    assert (reset.event, block.event) == ("reset", "block")


async def test_reorgs_and_changes_are_told_as_they_happen_and_answers_follow(
    *, api: RunningApi, settings: Settings, database: Database, deployed: Deployed, tmp_path: Path
) -> None:
    house = HouseOnChain(deployed.node, deployed.deployments_dir)
    events: asyncio.Queue[ServerSentEvent] = asyncio.Queue()

    async with httpx.AsyncClient(base_url=api.url, timeout=60) as http:

        async def listen() -> None:
            async with aconnect_sse(http, "GET", "/catalog/stream", params={"after": 0}) as source:
                async for each in source.aiter_sse():
                    events.put_nowait(each)

        async def until_event(name: str, **wanted: Any) -> dict[str, Any]:
            async with asyncio.timeout(30):
                while True:
                    each = await events.get()
                    data = json.loads(each.data)
                    if each.event == name and all(data.get(key) == value for key, value in wanted.items()):
                        return data

        async with running(indexing(settings, database)), _listening(listen()):
            await until_event("block")
            snapshot = house.node.rpc("evm_snapshot")
            work = await asyncio.to_thread(house.register, 1, "taken back")
            change = await until_event("change", eventName="recording.registered", reverted=False)
            assert change["payload"]["recordingId"] == f"0x{work:056x}"
            listed = (await http.get("/catalog")).json()
            assert [item["workId"] for item in listed["items"]] == [f"0x{work:056x}"]
            house.node.rpc("evm_revert", snapshot)
            house.node.mine(8)
            await until_event("reorg")
            back = await until_event("change", eventName="recording.registered", reverted=True)
            assert back["tx"] == change["tx"]

            async def is_gone() -> bool:
                return not (await http.get("/catalog")).json()["items"]

            await until(is_gone, seconds=5)
            # Who was away meanwhile is told the same, by either way.
            [reorg, taken, *_] = await first(http, 2, headers={"Last-Event-ID": str(change["seq"])})
            assert (reorg.event, json.loads(taken.data)["reverted"]) == ("reorg", True)
            query = f'subscription {{changes(after: "{change["seq"]}") {{eventName reverted txHash}}}}'
            headers = {"Accept": "text/event-stream"}
            async with aconnect_sse(http, "POST", "/graphql", json={"query": query}, headers=headers) as source:
                async for each in source.aiter_sse():
                    [told] = json.loads(each.data)["data"].values()
                    assert told == {"eventName": "recording.registered", "reverted": True, "txHash": change["tx"]}
                    break


def _listening(work: Any) -> Any:
    from contextlib import asynccontextmanager, suppress

    @asynccontextmanager
    async def beside() -> AsyncIterator[None]:
        task = asyncio.create_task(work)
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return beside()
