"""How long a reorg of 64 blocks of 1,000 events takes to undo: one transaction, journal, logs and tables.

Usage: `python benchmarks/indexer_rollback.py`; the last line is one JSON object.
"""

import asyncio
import time

import psycopg
from indexer_bench import benching, report
from replay_node import replaying

from indexer.apply import Step, Writer
from indexer.blocks import Marks
from indexer.connections import connect
from indexer.foreign import Foreign, run_foreign
from indexer.projection import Router

BLOCKS, EVENTS_PER_BLOCK = 64, 1_000
EARLIER_BLOCKS = 36


async def undo(foreign: Foreign) -> float:
    """Undo the newest blocks with events and return the seconds that it took."""
    config = foreign.config
    async with connect(config.database_url, config.database_schema, "writer") as db:
        writer = Writer(db, Router(foreign.contracts, foreign.projections))
        await writer.open()
        _, headers, _, history = await writer.state()
        last_with_events = 1 + EARLIER_BLOCKS + BLOCKS
        base = next(header for header in headers if header.number == last_with_events - BLOCKS)
        started = time.monotonic()
        await writer.apply(Step(None, headers[-1], base, Marks(0, 0), history))
        return time.monotonic() - started


def main() -> None:
    """Index, undo, compare with an index that never saw these blocks, print."""
    events = (EARLIER_BLOCKS + BLOCKS) * EVENTS_PER_BLOCK
    with benching() as bench, replaying(events, EVENTS_PER_BLOCK, final=False) as (node_url, head):
        grown = bench.foreign(node_url, "grown")
        asyncio.run(run_foreign(grown, until=head))
        seconds = asyncio.run(undo(grown))
        asyncio.run(run_foreign(bench.foreign(node_url, "fresh"), until=1 + EARLIER_BLOCKS))
        with psycopg.connect(bench.database_url) as db:
            for table in ("owners", "balances", "logs"):
                difference = f"select * from grown.{table} except all select * from fresh.{table}"
                assert db.execute(f"select count(*) from ({difference}) d").fetchone() == (0,), table
            assert db.execute("select count(*) from grown.logs").fetchone() == (EARLIER_BLOCKS * EVENTS_PER_BLOCK,)
    report(rollback64S=round(seconds, 3))


if __name__ == "__main__":
    main()
