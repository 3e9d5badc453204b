"""How fast tables are derived anew from the raw logs that are kept: the backfill's projections, without the node.

Usage: `python benchmarks/indexer_rebuild.py [--events 200000]`; the last line is one JSON object.
"""

import argparse
import asyncio

import psycopg
from indexer_bench import Bench, benching, report
from psycopg import AsyncConnection
from replay_node import replaying

from indexer.connections import connect
from indexer.derived import Derived
from indexer.foreign import Foreign, run_foreign
from indexer.kept_logs import kept_batches
from indexer.projection import Router
from indexer.rebuild import derive


async def rebuild(bench: Bench, foreign: Foreign, head: int) -> None:
    """Derive into the schema `anew` what is in the schema `kept`, as `stemma indexer rebuild` does."""
    async with (
        connect(bench.database_url, "anew", "writer") as writing,
        await AsyncConnection.connect(bench.database_url) as reading,
    ):
        derived = Derived(
            writing, Router(foreign.contracts, foreign.projections), only=[t.name for t in foreign.projections.tables]
        )
        await derived.open()
        await derive(derived, writing, kept_batches(reading, "kept", above=-1, last=head, journaled_from=head))


def main() -> None:
    """Index once, derive again, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    given = parser.parse_args()
    with benching() as bench:
        with replaying(given.events, 50) as (node_url, head):
            asyncio.run(run_foreign(bench.foreign(node_url, "kept"), until=head))
        cost = bench.measure(rebuild(bench, bench.foreign("http://127.0.0.1:1", "anew"), head))
        with psycopg.connect(bench.database_url) as db:
            for table in ("owners", "balances"):
                statement = f"select count(*) from (select * from kept.{table} except all select * from anew.{table}) d"
                assert db.execute(statement).fetchone() == (0,), table
    report(
        rebuildEventsPerS=round(given.events / cost.seconds),
        rebuildCpuSPer100k=round((cost.client_cpu + cost.postgres_cpu) * 1e5 / given.events, 2),
    )


if __name__ == "__main__":
    main()
