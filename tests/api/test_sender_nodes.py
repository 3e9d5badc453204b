"""The sender over nodes that are away, greedy, or keep and search less than others do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.transactions import chain
from api.transactions.schemas import Mined
from api.transactions.sender import Sender
from stemma.chain.errors import RpcRefused, RpcUnreachable
from stemma.chain.rpc import JsonRpc
from tests.api.orders import Song, another_job, order_of, submit
from tests.api.sending import RELAYER, Ear, commits, rows_of, settle, spend_nonce
from tests.conftest import Deployed

pytestmark = pytest.mark.anyio


async def test_without_a_node_nothing_happens_and_nothing_is_lost(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    order = await submit(engine, order_of(Song("a"), deployed))
    urls = list(rpc._urls)
    rpc._urls[:] = ["http://127.0.0.1:9"]
    with pytest.raises(RpcUnreachable):
        await sender.turn()
    rpc._urls[:] = urls
    await settle(engine, sender)
    assert ear.of(order) == [Mined]


class GreedyRpc(JsonRpc):
    """A node in league with the miners."""

    async def call(self, method: str, *params: Any) -> Any:
        return hex(10**30) if method == "eth_maxPriorityFeePerGas" else await super().call(method, *params)


async def test_a_node_cannot_name_any_price(rpc: JsonRpc) -> None:
    async with GreedyRpc(rpc._urls) as greedy:
        fees = await chain.suggested_fees(greedy, base_fee=10**9)
    assert fees.max_fee == fees.priority == chain.MAX_FEE_WEI


async def test_an_empty_purse_waits(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    balance = await rpc.call("eth_getBalance", RELAYER.address, "latest")
    await rpc.call("anvil_setBalance", RELAYER.address, "0x0")
    order = await submit(engine, order_of(Song("a"), deployed))
    await sender.turn()
    assert ear.of(order) == []
    await rpc.call("anvil_setBalance", RELAYER.address, balance)
    await settle(engine, sender)
    assert ear.of(order) == [Mined]


class FrugalRpc(JsonRpc):
    """A node that searches few blocks at once and has forgotten old states."""

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_getLogs" and int(await super().call("eth_blockNumber"), 16) > 10:
            asked = params[0]
            if asked["toBlock"] == "latest" or int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) > 3:
                raise RpcRefused(method, -32005, "query exceeds max block range")
        if method == "eth_getTransactionCount" and params[1].startswith("0x"):
            raise RpcRefused(method, -32000, "missing trie node")
        return await super().call(method, *params)


async def test_an_earlier_commit_is_found_by_a_node_that_searches_few_blocks(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, make_sender: Callable[..., Sender], ear: Ear
) -> None:
    async with FrugalRpc(rpc._urls) as frugal:
        sender = make_sender(node=frugal)
        first = await submit(engine, order_of(Song("a"), deployed))
        await settle(engine, sender)
        deployed.node.mine(20)
        again = await submit(engine, another_job(first))
        await settle(engine, sender)
    assert ear.of(again) == [Mined]
    assert await commits(rpc, first) == 1


async def test_a_transaction_about_which_the_node_says_nothing_holds_up_no_other(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, make_sender: Callable[..., Sender], ear: Ear
) -> None:
    async with FrugalRpc(rpc._urls) as frugal:
        sender = make_sender(node=frugal)
        await rpc.call("evm_setAutomine", False)
        displaced = await submit(engine, order_of(Song("a"), deployed))
        await sender.turn()
        await spend_nonce(rpc, 0)
        await rpc.call("evm_setAutomine", True)
        deployed.node.mine()
        other = await submit(engine, order_of(Song("b"), deployed))
        for _ in range(3):
            await sender.turn()
    assert ear.of(other) == [Mined]
    assert ear.of(displaced) == []
    assert {row["stage"] for row in await rows_of(engine)} == {"signed", "mined"}
