"""The sender: exactly one transaction per job, whatever dies, races or reorganizes."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from eth_account import Account
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.transactions import chain
from api.transactions.errors import ChainWentBack
from api.transactions.schemas import Mined, Order, Outcome, Refused, Unmined
from api.transactions.sender import STUCK_AFTER_BLOCKS, Sender
from stack.databases import Database
from stemma.chain.deployments import load_deployment
from stemma.chain.errors import RpcUnreachable
from stemma.chain.rpc import JsonRpc
from stemma.database.engine import create_engine
from tests.api.orders import Song, another_job, order_of, submit
from tests.api.people import ATTESTOR_KEY, RELAYER_KEY, STRANGER_KEY
from tests.conftest import ROOT, Deployed

pytestmark = pytest.mark.anyio
RELAYER = Account.from_key(RELAYER_KEY)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database.api_url, application_name="tests")
    yield engine
    await engine.dispose()


@pytest.fixture
async def rpc(deployed: Deployed) -> AsyncIterator[JsonRpc]:
    deployed.node.mine(5)  # so that a reorg of a few blocks does not reach the contracts
    async with JsonRpc(deployed.node.url) as rpc:
        yield rpc


class Ear:
    """Hears the outcomes."""

    def __init__(self) -> None:
        self.heard: list[tuple[UUID, Outcome]] = []

    async def __call__(self, _connection: AsyncConnection, job_id: UUID, outcome: Outcome) -> None:
        self.heard.append((job_id, outcome))

    def of(self, order: Order) -> list[type[object]]:
        return [type(outcome) for job_id, outcome in self.heard if job_id == order.job_id]

    def refusal(self, order: Order) -> Refused:
        [refused] = [o for job_id, o in self.heard if job_id == order.job_id and isinstance(o, Refused)]
        return refused


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def make_sender(engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, ear: Ear) -> Callable[..., Sender]:
    def make(key: str = RELAYER_KEY) -> Sender:
        first = load_deployment(deployed.deployments_dir, 31337).first_block
        return Sender(engine, rpc, private_key=key, chain_id=31337, first_block=first, listener=ear)

    return make


@pytest.fixture
def sender(make_sender: Callable[..., Sender]) -> Sender:
    return make_sender()


async def _rows(engine: AsyncEngine) -> list[dict[str, object]]:
    async with engine.connect() as connection:
        rows = await connection.execute(text("select * from app.transactions order by nonce nulls last"))
        return [dict(row._mapping) for row in rows]


async def _until(condition: Callable[[], Awaitable[bool]], sender: Sender, turns: int = 40) -> None:
    for _ in range(turns):
        await sender.turn()
        if await condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")


async def _settle(engine: AsyncEngine, sender: Sender) -> None:
    """Take turns until nothing is unsigned or unmined."""

    async def settled() -> bool:
        return all(row["stage"] not in ("pending", "signed") for row in await _rows(engine))

    await _until(settled, sender)


async def _commits(rpc: JsonRpc, order: Order) -> int:
    """How often the registry registered the order's recording."""
    topics = ["0x" + chain._REGISTERED.hex(), "0x" + order.recording_id.rjust(32, b"\0").hex()]
    logs = await rpc.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "topics": topics})
    return len(logs)


async def _sent_by_relayer(rpc: JsonRpc) -> int:
    return await chain.nonce_at(rpc, RELAYER.address, "latest")


async def test_orders_are_mined_in_one_nonce_sequence(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    orders = [await submit(engine, order_of(Song(f"song {i}"), deployed)) for i in range(4)]
    await _settle(engine, sender)
    rows = await _rows(engine)
    assert [row["nonce"] for row in rows] == [0, 1, 2, 3]
    assert {row["stage"] for row in rows} == {"mined"}
    for order in orders:
        assert ear.of(order) == [Mined]
        assert await _commits(rpc, order) == 1


async def test_a_job_has_one_transaction_however_often_it_is_ordered(
    engine: AsyncEngine, deployed: Deployed, sender: Sender
) -> None:
    from api.transactions import service

    order = await submit(engine, order_of(Song("a"), deployed))
    async with engine.begin() as connection:
        assert await service.submit(connection, order) is False
    await _settle(engine, sender)
    assert len(await _rows(engine)) == 1


@pytest.mark.parametrize("moment", ["before-send", "after-send", "before-note"])
async def test_a_sender_that_is_killed_leaves_one_commit(
    engine: AsyncEngine,
    rpc: JsonRpc,
    deployed: Deployed,
    database: Database,
    sender: Sender,
    ear: Ear,
    moment: str,
) -> None:
    order = await submit(engine, order_of(Song(moment), deployed))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "tests" / "api" / "sender_process.py"),
        *(database.api_url, deployed.node.url, str(deployed.deployments_dir), RELAYER_KEY, moment),
        cwd=ROOT,
    )
    assert await process.wait() == -signal.SIGKILL
    [row] = await _rows(engine)
    assert (row["stage"], row["nonce"]) == ("signed", 0)
    assert await _commits(rpc, order) == (0 if moment == "before-send" else 1)
    await _settle(engine, sender)
    assert await _commits(rpc, order) == 1
    assert await _sent_by_relayer(rpc) == 1
    assert ear.of(order) == [Mined]


async def test_two_leaders_at_once_give_each_job_one_nonce(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, make_sender: Callable[..., Sender], ear: Ear
) -> None:
    orders = [await submit(engine, order_of(Song(f"song {i}"), deployed)) for i in range(6)]
    senders = [make_sender() for _ in range(3)]
    for _ in range(6):
        await asyncio.gather(*(sender.turn() for sender in senders))
    rows = await _rows(engine)
    assert sorted(row["nonce"] for row in rows) == list(range(6))
    assert await _sent_by_relayer(rpc) == 6
    for order in orders:
        assert await _commits(rpc, order) == 1
        assert ear.of(order) == [Mined], "told once, whoever saw it first"


async def test_a_reorg_that_takes_the_transaction_brings_the_same_one_back(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    orders = [await submit(engine, order_of(Song(f"song {i}"), deployed)) for i in range(2)]
    await _settle(engine, sender)
    before = [row["tx_hash"] for row in await _rows(engine)]
    deployed.node.reorg(3)
    assert await _sent_by_relayer(rpc) < 2, "the nonces are free again"
    await sender.turn()
    await _settle(engine, sender)
    assert [row["tx_hash"] for row in await _rows(engine)] == before
    for order in orders:
        assert await _commits(rpc, order) == 1
        assert ear.of(order) == [Mined, Unmined, Mined]


async def test_a_reorg_while_nobody_leads_is_noticed_by_the_next_leader(
    engine: AsyncEngine,
    rpc: JsonRpc,
    deployed: Deployed,
    make_sender: Callable[..., Sender],
    ear: Ear,
) -> None:
    order = await submit(engine, order_of(Song("a"), deployed))
    await _settle(engine, make_sender())
    deployed.node.reorg(3)
    deployed.node.mine(2)
    next_leader = make_sender()
    await next_leader.turn()
    await _settle(engine, next_leader)
    assert await _commits(rpc, order) == 1
    assert ear.of(order) == [Mined, Unmined, Mined]


async def test_what_is_deep_enough_is_final_and_watched_no_more(
    engine: AsyncEngine, deployed: Deployed, sender: Sender
) -> None:
    await submit(engine, order_of(Song("a"), deployed))
    await _settle(engine, sender)
    deployed.node.mine(chain.CONFIRMATIONS + 1)
    ledger = await sender.turn()
    [row] = await _rows(engine)
    assert (row["stage"], ledger.watched) == ("final", 0)


async def test_a_dropped_transaction_is_sent_again_and_the_queue_behind_it_moves(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender
) -> None:
    """A nonce gap in the node's pool: the first of three is lost, the others wait for it."""
    await rpc.call("evm_setAutomine", False)
    for i in range(3):
        await submit(engine, order_of(Song(f"song {i}"), deployed))
    await sender.turn()
    rows = await _rows(engine)
    async with engine.connect() as connection:
        first = (
            await connection.execute(
                text("select tx_hash from app.transaction_attempts where transaction_id = :id"), {"id": rows[0]["id"]}
            )
        ).scalar_one()
    await rpc.call("anvil_dropTransaction", "0x" + bytes(first).hex())
    deployed.node.mine()
    assert await _sent_by_relayer(rpc) == 0
    await sender.turn()
    deployed.node.mine()
    await _settle(engine, sender)
    assert await _sent_by_relayer(rpc) == 3


async def test_a_stuck_transaction_is_replaced_with_higher_fees(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    await rpc.call("evm_setAutomine", False)
    order = await submit(engine, order_of(Song("a"), deployed))
    await sender.turn()
    for _ in range(STUCK_AFTER_BLOCKS + 1):
        await rpc.call("anvil_setNextBlockBaseFeePerGas", hex(200 * 10**9))
        deployed.node.mine()
    assert await _sent_by_relayer(rpc) == 0, "its fee is below the base fee"
    await sender.turn()
    async with engine.connect() as connection:
        attempts = await connection.execute(text("select max_fee_per_gas from app.transaction_attempts order by 1"))
        low, high = attempts.scalars()
    assert high > 200 * 10**9 > low
    await rpc.call("evm_setAutomine", True)
    deployed.node.mine()
    await _settle(engine, sender)
    assert (await _commits(rpc, order), await _sent_by_relayer(rpc)) == (1, 1)
    assert ear.of(order) == [Mined]


async def test_a_commit_that_is_on_chain_already_counts_as_done(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, make_sender: Callable[..., Sender], ear: Ear
) -> None:
    """As after a database was restored from before the first sending."""
    first = await submit(engine, order_of(Song("a"), deployed))
    await _settle(engine, sender)
    again = await submit(engine, another_job(first))
    await _settle(engine, sender)
    assert ear.of(again) == [Mined]
    assert (await _commits(rpc, first), await _sent_by_relayer(rpc)) == (1, 1)
    deployed.node.reorg(3)
    fresh = make_sender()
    await fresh.turn()
    await _settle(engine, fresh)
    assert ear.of(again) == [Mined, Unmined, Mined]
    assert await _commits(rpc, first) == 1


async def test_a_recording_of_someone_else_is_refused_by_name(
    engine: AsyncEngine, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    await submit(engine, order_of(Song("a"), deployed))
    await _settle(engine, sender)
    stolen = await submit(engine, order_of(Song("a", creator_key=STRANGER_KEY), deployed))
    other_stems = await submit(engine, order_of(Song("a", separation_seed="again"), deployed))
    await _settle(engine, sender)
    for order in (stolen, other_stems):
        refused = ear.refusal(order)
        assert refused.code == "committed_by_others"
        assert refused.detail.startswith("RecordingExists(recordingId=")


async def test_a_revert_is_named(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    order = await submit(engine, order_of(Song("a", attestor_key=STRANGER_KEY), deployed))
    await _settle(engine, sender)
    refused = ear.refusal(order)
    assert refused.code == "commit_reverted"
    assert refused.detail.startswith(("InvalidAttestation(", "NotAttestor("))
    assert await _sent_by_relayer(rpc) == 0, "what cannot succeed is not paid for"


async def test_a_revert_in_the_block_uses_the_nonce_and_is_named(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, make_sender: Callable[..., Sender], ear: Ear
) -> None:
    """Two estimate well, the second reverts because the first, of another creator, is mined before it."""
    await rpc.call("evm_setAutomine", False)
    winner = await submit(engine, order_of(Song("a"), deployed))
    loser = await submit(engine, order_of(Song("a", creator_key=STRANGER_KEY), deployed))
    sender = make_sender()
    await sender.turn()
    deployed.node.mine()
    await _settle(engine, sender)
    assert ear.of(winner) == [Mined]
    assert ear.refusal(loser).code == "committed_by_others"
    assert [row["stage"] for row in await _rows(engine)] == ["mined", "reverted"]
    await rpc.call("evm_setAutomine", True)
    deployed.node.reorg(2)
    await sender.turn()
    await _settle(engine, sender)
    assert await _sent_by_relayer(rpc) == 2, "the reverted one went out again, too, and left no gap"
    deployed.node.mine(chain.CONFIRMATIONS + 1)
    await sender.turn()
    assert [row["stage"] for row in await _rows(engine)] == ["final", "failed"]


async def test_a_nonce_used_by_someone_else_is_given_up_only_when_that_is_final(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    await rpc.call("evm_setAutomine", False)
    order = await submit(engine, order_of(Song("a"), deployed))
    await sender.turn()
    foreign = RELAYER.sign_transaction(
        {
            "type": 2,
            "chainId": 31337,
            "nonce": 0,
            "to": RELAYER.address,
            "value": 0,
            "gas": 21_000,
            "maxFeePerGas": 10**12,
            "maxPriorityFeePerGas": 10**11,
        }
    )
    await rpc.call("eth_sendRawTransaction", foreign.raw_transaction.to_0x_hex())
    deployed.node.mine()
    await sender.turn()
    [row] = await _rows(engine)
    assert (row["stage"], row["nonce"]) == ("signed", 0), "a reorg could still let it through"
    deployed.node.mine(chain.CONFIRMATIONS + 1)
    await rpc.call("evm_setAutomine", True)
    await _settle(engine, sender)
    [row] = await _rows(engine)
    assert row["nonce"] == 1
    assert (await _commits(rpc, order), ear.of(order)) == (1, [Mined])


async def test_a_key_that_was_used_elsewhere_goes_on_where_the_chain_is(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender
) -> None:
    await rpc.call("anvil_setNonce", RELAYER.address, hex(7))
    await submit(engine, order_of(Song("a"), deployed))
    await _settle(engine, sender)
    [row] = await _rows(engine)
    assert row["nonce"] == 7


async def test_a_new_relayer_key_takes_over_and_the_old_one_is_finished(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, make_sender: Callable[..., Sender], ear: Ear
) -> None:
    await rpc.call("evm_setAutomine", False)
    old = await submit(engine, order_of(Song("old"), deployed))
    await make_sender().turn()
    new = await submit(engine, order_of(Song("new"), deployed))
    successor = make_sender(ATTESTOR_KEY)
    await successor.turn()
    await rpc.call("evm_setAutomine", True)
    deployed.node.mine()
    await _settle(engine, successor)
    assert (ear.of(old), ear.of(new)) == ([Mined], [Mined])


async def test_a_chain_that_lost_final_transactions_stops_the_sender(
    engine: AsyncEngine, deployed: Deployed, sender: Sender
) -> None:
    beginning = deployed.node.snapshot()
    await submit(engine, order_of(Song("a"), deployed))
    await _settle(engine, sender)
    deployed.node.mine(chain.CONFIRMATIONS + 1)
    await sender.turn()
    deployed.node.revert(beginning)
    await submit(engine, order_of(Song("b"), deployed))
    with pytest.raises(ChainWentBack):
        await sender.turn()
    assert [row["stage"] for row in await _rows(engine)] == ["final", "pending"]


async def test_without_a_node_nothing_happens_and_nothing_is_lost(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    order = await submit(engine, order_of(Song("a"), deployed))
    urls = list(rpc._urls)
    rpc._urls[:] = ["http://127.0.0.1:9"]
    with pytest.raises(RpcUnreachable):
        await sender.turn()
    rpc._urls[:] = urls
    await _settle(engine, sender)
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
    await _settle(engine, sender)
    assert ear.of(order) == [Mined]
