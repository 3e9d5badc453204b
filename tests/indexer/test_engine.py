"""The engine in particular situations, each on a scripted chain behind real HTTP."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from indexer.connections import connect
from indexer.engine import Engine, Pace, Progress
from indexer.errors import CursorMoved, FinalityBroken, ForeignChain, ProjectionFailed, Stop
from indexer.leader import lead
from indexer.migrate import migrate
from tests.indexer.engines import scripted_engine
from tests.indexer.index_dump import dump
from tests.indexer.scripted_chain import (
    ADDRESSES,
    EVENTS,
    FINALITY,
    LEFT_RAW,
    ScriptedChain,
    any_event,
    encode_event,
    layout,
)
from tests.indexer.scripted_node import ScriptedNode, Temper

pytestmark = pytest.mark.anyio


@pytest.fixture
async def node() -> AsyncIterator[ScriptedNode]:
    rng = random.Random(7)
    async with ScriptedNode(ScriptedChain(rng), rng).serving() as serving:
        yield serving


def query(url: str, statement: str, *parameters: Any) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement, parameters).fetchall()


async def caught_up(engine: Engine, node: ScriptedNode) -> None:
    async with asyncio.timeout(30):
        await engine.run(until=node.chain.head.number)
    assert engine.chain.tip.hash == node.chain.head.hash


async def test_blocks_become_rows_with_the_log_that_made_them(database, node) -> None:
    node.chain.mine(40)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)
    (head,) = query(database.api_url, "select chain_id, block_number, block_hash, finalized_block from catalog.head")
    chain = node.chain
    assert head == (31337, chain.head.number, chain.head.hash, chain.finalized)
    logs = [log for block in chain.blocks for log in block.logs]
    assert query(database.admin_url, "select count(*) from chain_1.logs") == [(len(logs),)]
    recordings = query(
        database.api_url,
        "select recording_id, block_number, block_hash, tx_hash, log_index, registered_at, metadata_state, version"
        " from catalog.recordings",
    )
    assert recordings
    for recording_id, number, block_hash, tx_hash, log_index, registered_at, state, version in recordings:
        block = chain.blocks[number]
        (log,) = [each for each in block.logs if int(each["logIndex"], 16) == log_index]
        assert block.hash == block_hash
        assert log["transactionHash"] == "0x" + tx_hash.hex()
        assert log["topics"][1] == "0x" + recording_id.rjust(32, b"\0").hex()
        assert registered_at == datetime.fromtimestamp(block.time, UTC)
        assert state == "pending"
        stems = "select kind, version from catalog.stems where recording_id = %s order by kind"
        assert query(database.api_url, stems, recording_id) == [(kind, version) for kind in range(1, 7)]


async def test_a_reorg_is_one_step_for_readers_and_the_feed_takes_back_newest_first(database, node) -> None:
    chain = node.chain
    chain.mine(FINALITY)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)
        before = {row[0] for row in query(database.api_url, "select seq from catalog.feed")}
        chain.reorg(5, 6)
        await caught_up(engine, node)
    feed = query(
        database.api_url,
        "select seq, reverted, block_number, block_hash, event_name, log_index from catalog.feed order by seq",
    )
    new = [row for row in feed if row[0] not in before]
    reverted = [row for row in new if row[1]]
    assert reverted, "the reorg took no event away: another seed is needed"
    assert new[: len(reverted)] == reverted, "what is taken back comes before what replaces it"
    taken = [row for row in feed if row[0] in before and row[3] in chain.given_up]
    assert [row[2:] for row in reverted] == [row[2:] for row in reversed(taken)]
    with psycopg.connect(database.admin_url) as connection:
        canonical = {block.hash for block in chain.blocks}
        assert {row[0] for row in connection.execute("select block_hash from chain_1.logs")} <= canonical


async def test_a_block_that_comes_back_is_announced_again_and_taken_back_once_each_time(database, node) -> None:
    chain = node.chain
    chain.mine(FINALITY)
    branch_a = list(chain.blocks)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)
        chain.reorg(4, 5)
        branch_b = list(chain.blocks)
        await caught_up(engine, node)
        for blocks in (branch_a, branch_b, branch_a, branch_b):
            chain.blocks = list(blocks)
            await wait_for_tip(engine, chain)
    migrate(database.admin_url, generation=2)
    async with scripted_engine(database.indexer_url, node.url, generation=2) as (engine, _):
        await caught_up(engine, node)
    grown, fresh = dump(database.admin_url, 1), dump(database.admin_url, 2)
    assert grown == fresh
    (count,) = query(database.admin_url, "select count(*) from chain_1.feed where reverted")
    assert count > (0,)


async def wait_for_tip(engine: Engine, chain: ScriptedChain) -> None:
    async with asyncio.timeout(30):
        while engine._chain is None or engine.chain.tip.hash != chain.head.hash:
            await engine.converge()
            await asyncio.sleep(0.005)


async def test_a_shorter_branch_is_followed_after_some_patience(database, node) -> None:
    node.chain.mine(FINALITY)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)
        node.chain.reorg(6, 2)
        assert await engine.converge() is Progress.WAITING
        assert engine.chain.tip.number > node.chain.head.number
        await wait_for_tip(engine, node.chain)


async def test_a_node_that_is_behind_on_the_same_chain_is_waited_for(database, node) -> None:
    node.chain.mine(30)
    blocks = list(node.chain.blocks)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)
        before = dump(database.admin_url, 1)
        for kept in (len(blocks) - 3, 5):  # a little behind, and restarted from an old state
            node.chain.blocks = blocks[:kept]
            for _ in range(10):
                assert await engine.converge() is Progress.WAITING
                await asyncio.sleep(0.01)
        assert dump(database.admin_url, 1) == before
        node.chain.blocks = list(blocks)
        node.chain.mine(1)
        await caught_up(engine, node)


async def test_another_chain_behind_the_same_url_is_refused(database, node) -> None:
    node.chain.mine(5)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)
    other = ScriptedChain(random.Random(8))
    other.mine(20)
    node.chain = other
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        with pytest.raises(ForeignChain, match="--fresh"):
            await caught_up(engine, node)


async def test_another_chain_id_is_refused(database, node) -> None:
    node._eth_chainId = lambda: "0x1"  # type: ignore[method-assign]
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        with pytest.raises(ForeignChain, match="serves chain 1, not 31337"):
            await caught_up(engine, node)


async def test_a_reorg_below_finality_stops_the_indexer_and_changes_nothing(database, node) -> None:
    chain = node.chain
    chain.mine(30)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)
        before = dump(database.admin_url, 1)
        chain.finalized = 0
        chain.reorg(FINALITY + 5, FINALITY + 6)
        with pytest.raises(FinalityBroken, match="Nothing was changed"):
            await caught_up(engine, node)
    assert dump(database.admin_url, 1) == before


async def test_a_projection_that_fails_names_the_event_and_writes_nothing(database, node) -> None:
    chain = node.chain
    chain.mine(3)
    bad = encode_event("IPNFT", "Transfer", {"from": bytes(20), "to": b"\1" * 20, "tokenId": 2**224})
    chain.mine(1)
    place = {"blockNumber": hex(chain.head.number), "blockHash": "0x" + chain.head.hash.hex()}
    where = {"transactionHash": "0x" + "ab" * 32, "transactionIndex": "0x9", "logIndex": "0x99", "removed": False}
    chain.head.logs.append(bad | place | where | {"blockTimestamp": hex(chain.head.time)})
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        with pytest.raises(ProjectionFailed, match=f"IPNFT.Transfer in block {chain.head.number}, log 153.*0xabab"):
            await caught_up(engine, node)
    assert query(database.admin_url, "select count(*) from chain_1.logs") == [(0,)]


@pytest.mark.parametrize("break_it", [lambda data: data + "00", lambda data: data[:-64]], ids=["longer", "shorter"])
async def test_a_log_that_breaks_its_layout_stops_the_indexer(database, node, break_it) -> None:
    topic, _, _ = layout("StemRegistry", "RecordingRegistered")
    node.chain.mine(60)
    log = next(log for block in node.chain.blocks for log in block.logs if log["topics"][0] == topic)
    log["data"] = break_it(log["data"])
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        with pytest.raises(ProjectionFailed, match="cannot be decoded"):
            await caught_up(engine, node)


async def test_a_row_that_the_database_refuses_stops_the_indexer_and_names_table_and_blocks(database, node) -> None:
    node.chain.mine(30)
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("alter table chain_1.stems add check (kind <> 3)")
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        with pytest.raises(ProjectionFailed, match=r"blocks \d+ to \d+: table stems refused"):
            await caught_up(engine, node)


async def test_a_number_too_large_for_its_column_stops_the_indexer(database, node) -> None:
    """Binary COPY would cut it off without a word."""
    node.chain.mine(3)
    node.chain.mine(1)
    values = {"recordingId": 256, "account": b"\1" * 20, "slot": 1, "ppm": 2**31 + 5}
    place = {"blockNumber": hex(node.chain.head.number), "blockHash": "0x" + node.chain.head.hash.hex()}
    where = {"transactionHash": "0x" + "cd" * 32, "transactionIndex": "0x9", "logIndex": "0x99", "removed": False}
    node.chain.head.logs.append(encode_event("RoyaltySplitter", "SlotFixed", values) | place | where)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        with pytest.raises(ProjectionFailed, match="2147483653 does not fit column ppm of table"):
            await caught_up(engine, node)


async def test_every_event_of_our_contracts_is_kept_raw(database, node) -> None:
    """Also those that no projection knows, of which there is one each in one block: all as the node told them."""
    node.chain.mine(3)
    rng = random.Random(11)
    head = node.chain.head
    for index, event in enumerate(LEFT_RAW, start=1000):
        place = {"blockNumber": hex(head.number), "blockHash": "0x" + head.hash.hex(), "logIndex": hex(index)}
        where = {"transactionHash": "0x" + "cd" * 32, "transactionIndex": "0x9", "removed": False}
        head.logs.append(any_event(rng, *event) | place | where)
    node.chain.mine(300)  # enough for each of the others
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)

    sent = [log for block in node.chain.blocks for log in block.logs]
    kept = query(
        database.admin_url,
        "select block_number, log_index, address, topic0, topic1, topic2, topic3, data from chain_1.logs"
        " order by block_number, log_index",
    )
    assert [tuple(row) for row in kept] == [_as_row(log) for log in sent]
    names = {(ADDRESSES[contract], layout(contract, event)[0]) for contract, event in EVENTS}
    assert {(address, "0x" + topic0.hex()) for _, _, address, topic0, *_ in kept} == names


def _as_row(log: dict[str, Any]) -> tuple[Any, ...]:
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    place = int(log["blockNumber"], 16), int(log["logIndex"], 16)
    data = bytes.fromhex(log["data"][2:])
    return (*place, bytes.fromhex(log["address"][2:]), *topics, *[None] * (4 - len(topics)), data)


async def test_the_second_endpoint_takes_over_and_a_foreign_one_is_never_believed(database, node) -> None:
    node.chain.mine(20)
    rng = random.Random(9)
    foreign = ScriptedChain(rng)
    foreign.mine(50)
    async with ScriptedNode(foreign, rng).serving() as stranger, ScriptedNode(node.chain, rng).serving() as second:
        async with scripted_engine(database.indexer_url, node.url) as (engine, _):
            await caught_up(engine, node)
        node.temper = Temper(faulty=1.0, hang_seconds=0.2)
        node.chain.mine(20)
        urls = ("http://127.0.0.1:1/", stranger.url, node.url, second.url)
        async with scripted_engine(database.indexer_url, *urls) as (engine, _):
            await caught_up(engine, node)
    assert set(stranger.calls) == {"eth_chainId", "eth_getBlockByNumber"}


async def test_a_node_without_a_finality_tag_gets_a_depth(database, node) -> None:
    node.temper = Temper(has_finality_tag=False)
    node.chain.mine(100)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)
    head = node.chain.head.number
    assert query(database.api_url, "select finalized_block from catalog.head") == [(head - 64,)]


async def test_small_ranges_and_answers_are_understood(database, node) -> None:
    node.temper = Temper(largest_range=7, largest_answer=60)
    node.chain.mine(150)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)
    logs = sum(len(block.logs) for block in node.chain.blocks)
    assert query(database.admin_url, "select count(*) from chain_1.logs") == [(logs,)]


async def test_a_standby_takes_over_when_the_leader_is_gone(database) -> None:
    async with (
        connect(database.indexer_url, "chain_1", "writer") as first,
        connect(database.indexer_url, "chain_1", "writer") as second,
    ):
        await lead(first, 1)
        waiting = asyncio.create_task(lead(second, 1))
        await asyncio.sleep(0.8)
        assert not waiting.done()
        first.pgconn.finish()
        async with asyncio.timeout(5):
            await waiting


async def test_a_second_writer_is_noticed_before_anything_is_written(database, node) -> None:
    node.chain.mine(5)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)
        with psycopg.connect(database.admin_url) as connection:
            connection.execute("update chain_1.cursor set block_hash = '\\x00'")
        before = dump(database.admin_url, 1)
        node.chain.mine(3)
        with pytest.raises(CursorMoved):
            await caught_up(engine, node)
    assert dump(database.admin_url, 1) == before


async def test_an_index_of_other_contracts_is_not_continued(database, node) -> None:
    node.chain.mine(5)
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        await caught_up(engine, node)
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("""update chain_1.cursor set contracts = '{"StemRegistry": "0x00"}'""")
    async with scripted_engine(database.indexer_url, node.url) as (engine, _):
        with pytest.raises(Stop, match="--fresh"):
            await caught_up(engine, node)


async def test_a_new_block_is_visible_soon_and_announced(database, node) -> None:
    node.chain.mine(5)
    async with (
        scripted_engine(database.indexer_url, node.url, pace=Pace()) as (engine, _),
        connect(database.indexer_url, "chain_1", "listener") as listener,
    ):
        await caught_up(engine, node)
        await listener.execute("listen stemma_feed")
        following = asyncio.create_task(engine.run())
        delays = []
        try:
            for _ in range(10):
                await asyncio.sleep(0.05)
                node.chain.mine(1)
                mined = time.monotonic()
                async for notice in listener.notifies(timeout=10, stop_after=1):
                    assert notice.payload == str(node.chain.head.number)
                    delays.append(time.monotonic() - mined)
        finally:
            following.cancel()
    assert sorted(delays)[len(delays) // 2] < 1.0, delays
