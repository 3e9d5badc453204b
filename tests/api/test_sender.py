"""The sender: exactly one transaction per job, whatever dies, races or reorganizes."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.transactions import chain
from api.transactions.errors import ChainWentBack
from api.transactions.schemas import Mined, Unmined
from api.transactions.sender import STUCK_AFTER_BLOCKS, Sender
from stack.databases import Database
from stemma.chain.rpc import JsonRpc
from tests.api.orders import Song, another_job, order_of, submit
from tests.api.people import ATTESTOR_KEY, RELAYER_KEY, STRANGER_KEY
from tests.api.sending import RELAYER, Ear, commits, rows_of, sent_by_relayer, settle, spend_nonce
from tests.conftest import ROOT, Deployed

pytestmark = pytest.mark.anyio


async def test_orders_are_mined_in_one_nonce_sequence(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    orders = [await submit(engine, order_of(Song(f"song {i}"), deployed)) for i in range(4)]
    await settle(engine, sender)
    rows = await rows_of(engine)
    assert [row["nonce"] for row in rows] == [0, 1, 2, 3]
    assert {row["stage"] for row in rows} == {"mined"}
    for order in orders:
        assert ear.of(order) == [Mined]
        assert await commits(rpc, order) == 1


async def test_a_job_has_one_transaction_however_often_it_is_ordered(
    engine: AsyncEngine, deployed: Deployed, sender: Sender
) -> None:
    from api.transactions import service

    order = await submit(engine, order_of(Song("a"), deployed))
    async with engine.begin() as connection:
        assert await service.submit(connection, order) is False
    await settle(engine, sender)
    assert len(await rows_of(engine)) == 1


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
        *(database.api_url, deployed.node.url, RELAYER_KEY, moment),
        cwd=ROOT,
    )
    assert await process.wait() == -signal.SIGKILL
    [row] = await rows_of(engine)
    assert (row["stage"], row["nonce"]) == ("signed", 0)
    assert await commits(rpc, order) == (0 if moment == "before-send" else 1)
    await settle(engine, sender)
    assert await commits(rpc, order) == 1
    assert await sent_by_relayer(rpc) == 1
    assert ear.of(order) == [Mined]


async def test_two_leaders_at_once_give_each_job_one_nonce(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, make_sender: Callable[..., Sender], ear: Ear
) -> None:
    orders = [await submit(engine, order_of(Song(f"song {i}"), deployed)) for i in range(6)]
    senders = [make_sender() for _ in range(3)]
    for _ in range(6):
        await asyncio.gather(*(sender.turn() for sender in senders))
    rows = await rows_of(engine)
    assert sorted(row["nonce"] for row in rows) == list(range(6))
    assert await sent_by_relayer(rpc) == 6
    for order in orders:
        assert await commits(rpc, order) == 1
        assert ear.of(order) == [Mined], "told once, whoever saw it first"


async def test_a_reorg_that_takes_the_transaction_brings_the_same_one_back(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    orders = [await submit(engine, order_of(Song(f"song {i}"), deployed)) for i in range(2)]
    await settle(engine, sender)
    before = [row["tx_hash"] for row in await rows_of(engine)]
    deployed.node.reorg(3)
    assert await sent_by_relayer(rpc) < 2, "the nonces are free again"
    await sender.turn()
    await settle(engine, sender)
    assert [row["tx_hash"] for row in await rows_of(engine)] == before
    for order in orders:
        assert await commits(rpc, order) == 1
        assert ear.of(order) == [Mined, Unmined, Mined]


async def test_a_reorg_while_nobody_leads_is_noticed_by_the_next_leader(
    engine: AsyncEngine,
    rpc: JsonRpc,
    deployed: Deployed,
    make_sender: Callable[..., Sender],
    ear: Ear,
) -> None:
    order = await submit(engine, order_of(Song("a"), deployed))
    await settle(engine, make_sender())
    deployed.node.reorg(3)
    deployed.node.mine(2)
    next_leader = make_sender()
    await next_leader.turn()
    await settle(engine, next_leader)
    assert await commits(rpc, order) == 1
    assert ear.of(order) == [Mined, Unmined, Mined]


async def test_what_is_deep_enough_is_final_and_watched_no_more(
    engine: AsyncEngine, deployed: Deployed, sender: Sender
) -> None:
    await submit(engine, order_of(Song("a"), deployed))
    await settle(engine, sender)
    deployed.node.mine(chain.CONFIRMATIONS + 1)
    ledger = await sender.turn()
    [row] = await rows_of(engine)
    assert (row["stage"], ledger.watched) == ("final", 0)


async def test_a_dropped_transaction_is_sent_again_and_the_queue_behind_it_moves(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender
) -> None:
    """A nonce gap in the node's pool: the first of three is lost, the others wait for it."""
    await rpc.call("evm_setAutomine", False)
    for i in range(3):
        await submit(engine, order_of(Song(f"song {i}"), deployed))
    await sender.turn()
    rows = await rows_of(engine)
    async with engine.connect() as connection:
        first = (
            await connection.execute(
                text("select tx_hash from app.transaction_attempts where transaction_id = :id"), {"id": rows[0]["id"]}
            )
        ).scalar_one()
    await rpc.call("anvil_dropTransaction", "0x" + bytes(first).hex())
    deployed.node.mine()
    assert await sent_by_relayer(rpc) == 0
    await sender.turn()
    deployed.node.mine()
    await settle(engine, sender)
    assert await sent_by_relayer(rpc) == 3


async def test_a_stuck_transaction_is_replaced_with_higher_fees(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    await rpc.call("evm_setAutomine", False)
    order = await submit(engine, order_of(Song("a"), deployed))
    await sender.turn()
    for _ in range(STUCK_AFTER_BLOCKS + 1):
        await rpc.call("anvil_setNextBlockBaseFeePerGas", hex(200 * 10**9))
        deployed.node.mine()
    assert await sent_by_relayer(rpc) == 0, "its fee is below the base fee"
    await sender.turn()
    async with engine.connect() as connection:
        attempts = await connection.execute(text("select max_fee_per_gas from app.transaction_attempts order by 1"))
        low, high = attempts.scalars()
    assert high > 200 * 10**9 > low
    await rpc.call("evm_setAutomine", True)
    deployed.node.mine()
    await settle(engine, sender)
    assert (await commits(rpc, order), await sent_by_relayer(rpc)) == (1, 1)
    assert ear.of(order) == [Mined]


async def test_a_commit_that_is_on_chain_already_counts_as_done(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, make_sender: Callable[..., Sender], ear: Ear
) -> None:
    """As after a database was restored from before the first sending."""
    first = await submit(engine, order_of(Song("a"), deployed))
    await settle(engine, sender)
    again = await submit(engine, another_job(first))
    await settle(engine, sender)
    assert ear.of(again) == [Mined]
    assert (await commits(rpc, first), await sent_by_relayer(rpc)) == (1, 1)
    deployed.node.reorg(3)
    fresh = make_sender()
    await fresh.turn()
    await settle(engine, fresh)
    assert ear.of(again) == [Mined, Unmined, Mined]
    assert await commits(rpc, first) == 1


async def test_a_recording_of_someone_else_is_refused_by_name(
    engine: AsyncEngine, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    await submit(engine, order_of(Song("a"), deployed))
    await settle(engine, sender)
    stolen = await submit(engine, order_of(Song("a", creator_key=STRANGER_KEY), deployed))
    other_stems = await submit(engine, order_of(Song("a", separation_seed="again"), deployed))
    await settle(engine, sender)
    for order in (stolen, other_stems):
        refused = ear.refusal(order)
        assert refused.code == "committed_by_others"
        assert refused.detail.startswith("RecordingExists(recordingId=")


async def test_a_revert_is_named(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    order = await submit(engine, order_of(Song("a", attestor_key=STRANGER_KEY), deployed))
    await settle(engine, sender)
    refused = ear.refusal(order)
    assert refused.code == "commit_reverted"
    assert refused.detail.startswith(("InvalidAttestation(", "NotAttestor("))
    assert await sent_by_relayer(rpc) == 0, "what cannot succeed is not paid for"


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
    await settle(engine, sender)
    assert ear.of(winner) == [Mined]
    assert ear.refusal(loser).code == "committed_by_others"
    assert [row["stage"] for row in await rows_of(engine)] == ["mined", "reverted"]
    await rpc.call("evm_setAutomine", True)
    deployed.node.reorg(2)
    await sender.turn()
    await settle(engine, sender)
    assert await sent_by_relayer(rpc) == 2, "the reverted one went out again, too, and left no gap"
    deployed.node.mine(chain.CONFIRMATIONS + 1)
    await sender.turn()
    assert [row["stage"] for row in await rows_of(engine)] == ["final", "failed"]


async def test_a_nonce_used_by_someone_else_is_given_up_only_when_that_is_final(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender, ear: Ear
) -> None:
    await rpc.call("evm_setAutomine", False)
    order = await submit(engine, order_of(Song("a"), deployed))
    await sender.turn()
    await spend_nonce(rpc, 0)
    deployed.node.mine()
    await sender.turn()
    [row] = await rows_of(engine)
    assert (row["stage"], row["nonce"]) == ("signed", 0), "a reorg could still let it through"
    deployed.node.mine(chain.CONFIRMATIONS + 1)
    await rpc.call("evm_setAutomine", True)
    await settle(engine, sender)
    [row] = await rows_of(engine)
    assert row["nonce"] == 1
    assert (await commits(rpc, order), ear.of(order)) == (1, [Mined])


async def test_a_key_that_was_used_elsewhere_goes_on_where_the_chain_is(
    engine: AsyncEngine, rpc: JsonRpc, deployed: Deployed, sender: Sender
) -> None:
    await rpc.call("anvil_setNonce", RELAYER.address, hex(7))
    await submit(engine, order_of(Song("a"), deployed))
    await settle(engine, sender)
    [row] = await rows_of(engine)
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
    await settle(engine, successor)
    assert (ear.of(old), ear.of(new)) == ([Mined], [Mined])


async def test_a_chain_that_lost_final_transactions_stops_the_sender(
    engine: AsyncEngine, deployed: Deployed, sender: Sender
) -> None:
    beginning = deployed.node.snapshot()
    await submit(engine, order_of(Song("a"), deployed))
    await settle(engine, sender)
    deployed.node.mine(chain.CONFIRMATIONS + 1)
    await sender.turn()
    deployed.node.revert(beginning)
    await submit(engine, order_of(Song("b"), deployed))
    with pytest.raises(ChainWentBack):
        await sender.turn()
    assert [row["stage"] for row in await rows_of(engine)] == ["final", "pending"]
