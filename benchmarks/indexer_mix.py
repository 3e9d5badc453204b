"""How fast the catalog's own mix of events is indexed: all projections, views and indexes of `stemma indexer migrate`.

`mixEventsPerS` is the older part of a backfill, further back than the journal's window; `mixJournaledEventsPerS` the
part within it, every change of a row remembered. Usage: `PYTHONPATH=. python benchmarks/indexer_mix.py
[--events 200000]`; the last line is one JSON object.
"""

import argparse

import psycopg
from indexer_bench import Bench, benching, report
from mix_node import replaying_mix

from indexer.apply import Writer
from indexer.connections import connect
from indexer.engine import Engine
from indexer.migrate import migrate
from indexer.projection import Router
from indexer.projections import STEMMA
from indexer.publish import chain_schema
from indexer.rpc import Node
from indexer.source import Source
from tests.indexer.scripted_chain import CONTRACTS_OF_CHAIN, ScriptedChain


async def index(bench: Bench, node_url: str, head: int, generation: int, journal_blocks: int) -> None:
    """Index into one generation."""
    router = Router(CONTRACTS_OF_CHAIN, STEMMA)
    async with (
        connect(bench.database_url, chain_schema(generation), "writer") as db,
        Node([node_url], chain_id=None) as node,
    ):
        engine = Engine(
            node,
            Source(node, router.topics),
            Writer(db, router),
            first_block=ScriptedChain.first_block,
            journal_blocks=journal_blocks,
        )
        await engine.run(until=head)


def main() -> None:
    """Index twice, check, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    given = parser.parse_args()
    with benching() as bench, replaying_mix(given.events) as (node_url, head, events):
        for generation in (1, 2):
            migrate(bench.database_url, generation=generation)
        plain = bench.measure(index(bench, node_url, head, 1, 0))
        journaled = bench.measure(index(bench, node_url, head, 2, head))
        with psycopg.connect(bench.database_url) as db:
            for generation in (1, 2):
                counted = db.execute(f"select count(*) from {chain_schema(generation)}.logs").fetchone()
                assert counted == (events,), counted
            for table in ("recordings", "titles", "licenses", "accounts", "stems"):
                difference = f"select * from chain_1.{table} except all select * from chain_2.{table}"
                assert db.execute(f"select count(*) from ({difference}) d").fetchone() == (0,), table
    report(
        mixEventsPerS=round(events / plain.seconds),
        mixCpuSPer100k=round((plain.client_cpu + plain.postgres_cpu) * 1e5 / events, 2),
        mixJournaledEventsPerS=round(events / journaled.seconds),
        mixJournaledCpuSPer100k=round((journaled.client_cpu + journaled.postgres_cpu) * 1e5 / events, 2),
    )


if __name__ == "__main__":
    main()
