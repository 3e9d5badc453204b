"""Endpoints that are away for long, or answer what is no answer."""

import random
from typing import Any

import pytest

from indexer.errors import Inconsistent, NodeUnavailable, RangeTooLarge
from indexer.rpc import LONGEST_REST_SECONDS, Endpoint, Node, get_logs
from indexer.source import Source
from tests.indexer.scripted_chain import ADDRESSES, ScriptedChain
from tests.indexer.scripted_node import CHAIN_ID, RpcRefusal, ScriptedNode

pytestmark = pytest.mark.anyio


def test_an_endpoint_may_be_away_for_days() -> None:
    endpoint = Endpoint("http://127.0.0.1:1/", 0.1)
    for _ in range(100_000):
        endpoint.failed("refused")
    assert endpoint.resting_until > LONGEST_REST_SECONDS


async def final_batch(node: ScriptedNode) -> Any:
    async with Node([node.url], chain_id=CHAIN_ID, rest_seconds=0.0) as chain:
        async for batch in Source(chain, tuple(ADDRESSES.values())).final(
            1, 10, journaled_from=1, prepare=lambda found: found
        ):
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
    "nonsense", [{"blockNumber": "ten", "blockTimestamp": None}, {"blockTimestamp": "0x" + "f" * 40}]
)
async def test_a_log_of_nonsense_is_inconsistent(chain, nonsense: dict[str, Any]) -> None:
    logs = [log for block in chain.blocks[1:11] for log in block.logs]
    logs[0].update(nonsense)
    async with ScriptedNode(chain, random.Random(1)).serving() as node:
        with pytest.raises(Inconsistent, match="malformed"):
            await final_batch(node)


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
