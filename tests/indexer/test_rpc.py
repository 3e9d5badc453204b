"""Endpoints that are away for long, or answer what is no answer."""

import asyncio
import contextlib
import random
from typing import Any

import pytest
from structlog.testing import capture_logs

from indexer.calls import get_block, get_logs
from indexer.endpoint import Endpoint
from indexer.errors import Inconsistent, NodeUnavailable, RangeTooLarge, Untrue
from indexer.projection import Router
from indexer.projections import STEMMA
from indexer.rpc import Node
from indexer.source import Source
from tests.indexer.scripted_chain import ADDRESSES, CONTRACTS_OF_CHAIN, ScriptedChain
from tests.indexer.scripted_node import CHAIN_ID, RpcRefusal, ScriptedNode

pytestmark = pytest.mark.anyio


def test_an_endpoint_may_be_away_for_days() -> None:
    endpoint = Endpoint("http://127.0.0.1:1/", 0.1)
    for _ in range(100_000):
        endpoint.failed("refused")
    assert endpoint.resting_until > endpoint.longest_rest_seconds


async def final_batch(node: ScriptedNode, *, checks_blooms: bool = True) -> Any:
    async with Node([node.url], chain_id=CHAIN_ID, rest_seconds=0.0) as chain:
        source = Source(chain, dict.fromkeys(ADDRESSES.values(), ()), checks_blooms=checks_blooms)
        async for batch in source.final(1, 30, journaled_from=1, prepare=lambda found: found):
            return batch


@pytest.fixture
def chain() -> ScriptedChain:
    chain = ScriptedChain(random.Random(3))
    chain.mine(40)
    return chain


async def test_an_endpoint_that_cannot_say_which_chain_it_serves_is_a_fault(chain) -> None:
    async with ScriptedNode(chain, random.Random(1)).serving() as node:
        node._eth_chainId = lambda: "mainnet"  # type: ignore[method-assign]
        with pytest.raises(NodeUnavailable, match="cannot say which chain"):
            await final_batch(node)


@pytest.mark.parametrize(
    "nonsense",
    [{"blockNumber": "ten", "blockTimestamp": None}, {"blockTimestamp": "0x" + "f" * 40}, {"logIndex": "0x-1"}],
    ids=["height", "time", "index"],
)
async def test_a_log_of_nonsense_is_untrue(chain, nonsense: dict[str, Any]) -> None:
    for log in (log for block in chain.blocks[1:31] for log in block.logs):
        log.update(nonsense)
    async with ScriptedNode(chain, random.Random(1)).serving() as node:
        with pytest.raises(Untrue, match="malformed"):
            await final_batch(node, checks_blooms=False)


async def test_a_block_of_no_time_is_inconsistent(chain) -> None:
    chain.blocks[10].time = 2**80
    async with ScriptedNode(chain, random.Random(1)).serving() as node:
        with pytest.raises(Inconsistent, match="malformed block"):
            await final_batch(node)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("block range extends beyond current head block", NodeUnavailable),
        ("query returned more than 10000 results", RangeTooLarge),
    ],
)
async def test_a_range_that_the_node_has_not_reached_is_not_too_large(chain, message: str, expected: type) -> None:
    async with ScriptedNode(chain, random.Random(1)).serving() as node:

        def refuse(_criteria: dict[str, Any]) -> None:
            raise RpcRefusal(-32000, message)

        node._eth_getLogs = refuse  # type: ignore[assignment]
        async with Node([node.url], chain_id=CHAIN_ID) as known:
            with pytest.raises(expected):
                await known.call([get_logs([bytes(20)], first=1, last=5)])


def lie(node: ScriptedNode, change: Any) -> None:
    """Let the node change the logs that it gives, whatever it is asked for."""
    truth = node._eth_getLogs

    def told(criteria: dict[str, Any]) -> list[dict[str, Any]]:
        return change([dict(log) for log in truth(criteria)])

    node._eth_getLogs = told  # type: ignore[method-assign]


def without_a_block(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    omitted = max((log["blockNumber"] for log in logs), default="")
    return [log for log in logs if log["blockNumber"] != omitted]


def with_an_invention(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    invented = [{**log, "topics": ["0x" + "be" * 32, *log["topics"][1:]]} for log in logs]
    return [one if log["blockNumber"][-1] not in "05af" else log for one, log in zip(invented, logs, strict=True)]


def with_two_swapped(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for one in logs:
        for other in logs:
            if one["blockHash"] == other["blockHash"] and one["transactionIndex"] < other["transactionIndex"]:
                one["logIndex"], other["logIndex"] = other["logIndex"], one["logIndex"]
                return logs
    return logs


@pytest.mark.parametrize("change", [without_a_block, with_an_invention, with_two_swapped, lambda logs: logs + logs[:1]])
@pytest.mark.parametrize("part", ["final", "live"])
async def test_a_lying_endpoint_is_named_and_another_takes_its_place(chain, change, part: str) -> None:
    del chain.blocks[21:]
    topics = Router(CONTRACTS_OF_CHAIN, STEMMA).topics
    async with (
        ScriptedNode(chain, random.Random(1)).serving() as liar,
        ScriptedNode(chain, random.Random(2)).serving() as honest,
        Node([liar.url, honest.url], chain_id=CHAIN_ID) as node,
    ):
        lie(liar, change)
        source = Source(node, topics)
        liar_name = node.endpoints[0].name
        node.endpoints[1].latency_seconds = 1.0
        with capture_logs() as said:
            with pytest.raises(Inconsistent):
                await read(source, part, chain)
            batch = None
            while batch is None:  # what may be an omission is confirmed by the other one, which rests for a while
                with contextlib.suppress(Inconsistent):
                    batch = await read(source, part, chain)
                await asyncio.sleep(0.1)
        assert [entry["endpoint"] for entry in said if "untruth" in entry["event"]][:1] == [liar_name]
    assert len(batch.logs) == sum(len(block.logs) for block in chain.blocks[1:])


async def read(source: Source, part: str, chain: ScriptedChain) -> Any:
    base = await source.header(0)
    if part == "live":
        batch, _ = await source.live(base, chain.head.number, await source.head())
        return batch
    async for batch in source.final(1, chain.head.number, journaled_from=1, prepare=lambda found: found):
        return batch


async def test_the_faster_endpoint_is_asked_and_kept_while_no_other_is_much_better(chain) -> None:
    async with (
        ScriptedNode(chain, random.Random(1)).serving() as one,
        ScriptedNode(chain, random.Random(2)).serving() as other,
        Node([one.url, other.url], chain_id=CHAIN_ID) as node,
    ):
        slow, fast = node.endpoints
        for endpoint in node.endpoints:
            endpoint.is_known = True
        cases = [((1.0, 0.1, 0.0), fast), ((0.08, 0.1, 0.0), fast), ((0.08, 0.1, 0.5), slow)]
        for (slow.latency_seconds, fast.latency_seconds, fast.error_rate), expected in cases:
            assert (await node.ask([get_block("latest")])).endpoint is expected
        slow.resting_until = float("inf")
        assert (await node.ask([get_block("latest")])).endpoint is fast


@pytest.mark.parametrize(
    "message",
    ["daily request count exceeded, request rate limited", "Your app has exceeded its compute units per second"],
)
async def test_a_refusal_for_asking_too_often_slows_the_asking_down(chain, message: str) -> None:
    async with ScriptedNode(chain, random.Random(1)).serving() as served:

        def refuse(_criteria: dict[str, Any]) -> None:
            raise RpcRefusal(-32005, message)

        served._eth_getLogs = refuse  # type: ignore[assignment]
        async with Node([served.url], chain_id=CHAIN_ID) as node:
            with pytest.raises(NodeUnavailable, match="asks for patience"):
                await node.call([get_logs([bytes(20)], first=1, last=5)])
            assert node.endpoints[0].interval_seconds > 0
            assert node.endpoints[0].is_resting
