"""The engine against a chain, a node and a process that all misbehave, by seed.

Whatever happened, the database must equal the one that a fresh index of the final chain makes.
`STEMMA_SIMULATION_SEEDS=1000` runs more; a seed that ever failed goes into KEPT.
"""

import asyncio
import os
import random
import traceback
from dataclasses import replace

import psycopg
import pytest
from prometheus_client import REGISTRY

from indexer.migrate import migrate
from tests.indexer.engines import run_until_crash, scripted_engine
from tests.indexer.index_dump import dump
from tests.indexer.scripted_chain import ScriptedChain
from tests.indexer.scripted_node import ScriptedNode, Temper

pytestmark = pytest.mark.anyio

KEPT = [2]  # a laggard's answer about finality stayed in the cursor
SEEDS = int(os.environ.get("STEMMA_SIMULATION_SEEDS", "20"))
ROUNDS = 3


@pytest.mark.timeout(300 + 20 * SEEDS)
async def test_the_index_equals_a_fresh_one_after_reorgs_faults_and_crashes(database) -> None:
    await asyncio.to_thread(migrate, database.admin_url, generation=2)
    seen = {"reorgs": 0, "crashes": 0, "recordings": 0}
    bad = {}
    for seed in dict.fromkeys([*KEPT, *range(SEEDS)]):
        try:
            await simulate(seed, database, seen)
        except Exception as failure:  # noqa: BLE001 - all seeds are tried, then the bad ones are told
            bad[seed] = failure
            traceback.print_exception(failure)
        forget(database.admin_url)
    assert not bad, f"seeds that failed: {bad}"
    assert seen["reorgs"] > SEEDS, "the simulation hardly reorganizes: it proves nothing"
    assert seen["crashes"] > SEEDS, "the simulation hardly crashes: it proves nothing"
    assert seen["recordings"] > SEEDS


async def simulate(seed: int, database, seen: dict[str, int]) -> None:
    rng = random.Random(seed)
    chain = ScriptedChain(rng)
    chain.mine(rng.randint(1, 60))
    temper = Temper(
        faulty=rng.choice([0.0, 0.02, 0.1]),
        hang_seconds=0.6,
        lagging=rng.choice([0.0, 0.1]),
        largest_range=rng.choice([3, 10, 10_000]),
        largest_answer=rng.choice([40, 100_000]),
        has_finality_tag=True,
        knows_given_up_blocks=rng.random() < 0.5,
        omitting=rng.choice([0.0, 0.1]),
        doubling=rng.choice([0.0, 0.05]),
    )
    # The second endpoint tells the truth, but may be away or behind.
    second = replace(temper, omitting=0.0, lagging=rng.choice([0.0, 0.2]))
    async with (
        ScriptedNode(chain, rng, temper).serving() as node,
        ScriptedNode(chain, rng, second).serving() as other,
    ):
        node.before_request = other.before_request = lambda: live(chain, rng)
        for _ in range(ROUNDS):
            copied_above = rng.choice([-1, 20, 1_000])
            async with (
                asyncio.timeout(120),
                scripted_engine(database.indexer_url, node.url, other.url, pipelined_logs=copied_above) as (
                    engine,
                    connection,
                ),
            ):
                seen["crashes"] += await run_until_crash(engine, connection, rng.randint(1, rng.choice([100, 3_000])))
        node.before_request, node.temper = (lambda: None), Temper()
        async with asyncio.timeout(60), scripted_engine(database.indexer_url, node.url) as (engine, _):
            await engine.run(until=chain.head.number)
            assert engine.chain.tip.hash == chain.head.hash
        async with (
            asyncio.timeout(60),
            scripted_engine(database.indexer_url, node.url, generation=2, pipelined_logs=-1) as (engine, _),
        ):
            await engine.run(until=chain.head.number)
    grown, fresh = (dump(database.admin_url, generation) for generation in (1, 2))
    for table, rows in fresh.items():
        assert grown[table] == rows, f"table {table} differs"
    seen["reorgs"] = int(REGISTRY.get_sample_value("stemma_indexer_reorgs_total") or 0)
    seen["recordings"] += len(fresh["recordings"])


def live(chain: ScriptedChain, rng: random.Random) -> None:
    """The chain moves on between two requests, or changes its mind: as deep as it may, or the last few blocks."""
    draw = rng.random()
    if draw < 0.12:
        chain.mine(rng.randint(1, 3))
    elif draw < 0.20:
        depth = rng.choice([1, 2, 3, rng.randint(1, 14)])
        chain.reorg(depth, depth + rng.choice([-1, 0, 1, 1, 2]))
    elif draw < 0.21:
        chain.mine(rng.randint(20, 40))


def forget(admin_url: str) -> None:
    with psycopg.connect(admin_url) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('chain_1', 'chain_2', 'content') and tablename <> 'alembic_version'"
        ).fetchall()
        connection.execute("truncate " + ", ".join(name for (name,) in tables))
