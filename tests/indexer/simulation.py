"""The engine against a chain, a node and a process that all misbehave, by seed.

Whatever happened, the database must equal the one that a fresh index of the final chain makes. The seeds are shared out
to two test files, for two processes. `STEMMA_SIMULATION_SEEDS=1000` runs more of them; one that fails says so and goes
into `kept_seeds.txt`, which is always run.
"""

import asyncio
import os
import random
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from prometheus_client import REGISTRY
from psycopg import AsyncConnection

from indexer.connections import connect
from indexer.migrate import migrate
from indexer.publish import chain_schema
from stack.databases import Database
from tests.indexer.engines import QUICK, engine_on, run_until_crash, scripted_engine
from tests.indexer.index_dump import dump_over
from tests.indexer.scripted_chain import ScriptedChain
from tests.indexer.scripted_node import ScriptedNode, Temper

SEEDS = int(os.environ.get("STEMMA_SIMULATION_SEEDS", "40"))
KEPT = Path(__file__).with_name("kept_seeds.txt")
ROUNDS = 3
STUCK_SECONDS = 300
"""Far more than a seed needs on a machine that others use, too."""
TIMEOUT_SECONDS = 300 + 20 * SEEDS


@dataclass
class Seen:
    """What happened to the engines, so that a simulation in which nothing does is noticed."""

    reorgs: int = 0
    crashes: int = 0
    recordings: int = 0


def seeds(share: int, shares: int = 2) -> list[int]:
    """The seeds of one share: of the first ones, and of those that ever failed."""
    kept = [int(line.partition("#")[0]) for line in KEPT.read_text().splitlines() if line.partition("#")[0].strip()]
    return list(dict.fromkeys([*kept, *range(SEEDS)]))[share::shares]


async def simulate_all(chosen: Sequence[int], database: Database) -> Seen:
    """Simulate all the seeds, then fail if one of them did."""
    await asyncio.to_thread(migrate, database.admin_url, generation=2)
    seen, failed = Seen(), {}
    async with connect(database.indexer_url, chain_schema(2), "writer") as fresh:
        with psycopg.connect(database.admin_url, options="-c timezone=UTC", autocommit=True) as admin:
            for seed in chosen:
                try:
                    await simulate(seed, database, admin, fresh, seen)
                except Exception as failure:  # noqa: BLE001 - all seeds are tried, then the bad ones are told
                    failed[seed] = failure
                    keep(seed, failure)
                    traceback.print_exception(failure)
                forget(admin)
    assert not failed, f"seeds that failed, now in {KEPT.name}: {failed}"
    return seen


def keep(seed: int, failure: Exception) -> None:
    """Run this seed ever after."""
    why = str(failure).partition("\n")[0][:80]
    with KEPT.open("a") as kept:
        kept.write(f"{seed}  # {type(failure).__name__}: {why}\n")


async def simulate(
    seed: int, database: Database, admin: psycopg.Connection[Any], fresh: AsyncConnection, seen: Seen
) -> None:
    """Simulate one seed in empty schemas; ``fresh`` is the connection of the fresh index, which is never cut."""
    rng, reorgs_before = random.Random(seed), reorgs()
    chain = ScriptedChain(rng)
    chain.mine(rng.randint(1, 60))
    temper = Temper(
        faulty=rng.choice([0.0, 0.02, 0.1]),
        hang_seconds=0.3,
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
                asyncio.timeout(STUCK_SECONDS),
                scripted_engine(
                    *(database.indexer_url, node.url, other.url),
                    pace=replace(QUICK, marks=seed % 2 * QUICK.marks),  # with every other seed at each block
                    pipelined_logs=copied_above,
                    request_seconds=0.25,
                ) as (engine, connection),
            ):
                seen.crashes += await run_until_crash(engine, connection, rng.randint(1, rng.choice([100, 1_200])))
        node.before_request, node.temper = (lambda: None), Temper()
        chain.mine(1)  # for a node that only shows less than before the engine waits, rightly and for ever
        async with asyncio.timeout(STUCK_SECONDS), scripted_engine(database.indexer_url, node.url) as (engine, _):
            await engine.run(until=chain.head.number)
            assert engine.chain.tip.hash == chain.head.hash
        async with asyncio.timeout(STUCK_SECONDS), engine_on(fresh, node.url, pipelined_logs=-1) as engine:
            await engine.run(until=chain.head.number)
    grown, anew = (dump_over(admin, generation) for generation in (1, 2))
    for table, rows in anew.items():
        assert grown[table] == rows, f"table {table} differs"
    seen.reorgs += reorgs() - reorgs_before
    seen.recordings += len(anew["recordings"])


def reorgs() -> int:
    """How many reorgs the engines of this process have undone."""
    return int(REGISTRY.get_sample_value("stemma_indexer_reorgs_total") or 0)


def live(chain: ScriptedChain, rng: random.Random) -> None:
    """The chain moves on between two requests, or changes its mind, or both."""
    draw = rng.random()
    if draw < 0.10:
        chain.mine(rng.randint(1, 3))
    elif draw < 0.22:
        depth = rng.choice([1, 2, 3, rng.randint(1, 14)])
        chain.reorg(depth, depth + rng.choice([-1, 0, 1, 1, 2]))
    elif draw < 0.228:
        chain.mine(rng.randint(20, 40))
    elif draw < 0.234:  # so far that what was given up would be final by now
        chain.reorg(rng.randint(1, 14), rng.randint(20, 40))


def forget(admin: psycopg.Connection[Any]) -> None:
    """Empty all tables. They have few rows: to truncate one costs more, for each of its indexes is made anew."""
    tables = admin.execute(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname in ('chain_1', 'chain_2', 'content') and tablename <> 'alembic_version'"
    ).fetchall()
    admin.execute("; ".join(f"delete from {name}" for (name,) in tables))
