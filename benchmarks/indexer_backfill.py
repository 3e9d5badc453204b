"""How fast the indexer backfills: ERC-721-like transfers, owner and balance kept, raw logs kept, embedded Postgres.

The engine is the one that `stemma indexer run --config` runs, each header fetched and held against the logs. The floor
in the same run is the bare minimum that keeps the raw logs: fetch, typed JSON, COPY, commit; no engine, no projections,
no checks. Usage: `python benchmarks/indexer_backfill.py [--events 200000]`; the last line is one JSON object.
"""

import argparse
import asyncio
from datetime import UTC, datetime

import aiohttp
import msgspec
import psycopg
from indexer_bench import benching, report, rss_mb
from replay_node import ADDRESS, replaying

from indexer.calls import RpcLog
from indexer.connections import connect
from indexer.foreign import run_foreign

FLOOR_STEP = 200


class Reply(msgspec.Struct):
    """One reply of a JSON-RPC batch."""

    result: list[RpcLog]


async def floor(database_url: str, schema: str, node_url: str, head: int) -> None:
    """Fetch, decode JSON, COPY, commit, one range after the other with the next one fetched ahead."""
    names = (
        "block_number, log_index, tx_index, block_time, block_hash, tx_hash, address, topic0, topic1, topic2, topic3"
    )
    statement = f"copy logs ({names}, data) from stdin (format binary)"
    read = msgspec.json.Decoder(list[Reply]).decode

    async def fetch(http: aiohttp.ClientSession, first: int) -> list[RpcLog]:
        criteria = {
            "fromBlock": hex(first),
            "toBlock": hex(min(first + FLOOR_STEP - 1, head)),
            "address": ["0x" + ADDRESS.hex()],
        }
        call = {"jsonrpc": "2.0", "id": 0, "method": "eth_getLogs", "params": [criteria]}
        async with http.post(node_url, json=[call]) as response:
            return read(await response.read())[0].result

    async with aiohttp.ClientSession() as http, connect(database_url, schema, "floor") as db:
        ahead = asyncio.create_task(fetch(http, 1))
        for first in range(1, head + 1, FLOOR_STEP):
            logs = await ahead
            ahead = asyncio.create_task(fetch(http, first + FLOOR_STEP))
            async with db.transaction(), db.cursor() as cursor, cursor.copy(statement) as copy:
                copy.set_types(["int8", "int4", "int4", "timestamptz", *["bytea"] * 8])
                for log in logs:
                    await copy.write_row(floor_row(log))
        ahead.cancel()


def floor_row(log: RpcLog) -> tuple[object, ...]:
    """A log's columns."""
    unhex = bytes.fromhex
    return (
        *(int(log.block_number, 16), int(log.log_index, 16), int(log.transaction_index, 16)),
        datetime.fromtimestamp(int(log.block_timestamp or "0x0", 16), UTC),
        *(unhex(log.block_hash[2:]), unhex(log.transaction_hash[2:]), unhex(log.address[2:])),
        *(unhex(topic[2:]) for topic in log.topics),
        unhex(log.data[2:]),
    )


def check(database_url: str, schema: str, events: int) -> None:
    """The result is right, or the figure is worth nothing."""
    with psycopg.connect(database_url, options=f"-c search_path={schema}") as db:
        row = db.execute(
            "select (select count(*) from logs), (select sum(moves) from owners), (select sum(balance) from balances),"
            " (select count(*) from owners)"
        ).fetchone()
    assert row is not None
    logs, moves, balance, tokens = row
    assert logs == moves == events, row
    assert balance == tokens, row


def main() -> None:
    """Run backfill and floor, check, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--per-block", type=int, default=50)
    given = parser.parse_args()
    with benching() as bench, replaying(given.events, given.per_block) as (node_url, head):
        plain = bench.measure(run_foreign(bench.foreign(node_url, "plain"), until=head))
        check(bench.database_url, "plain", given.events)
        rss = rss_mb()
        journaled = bench.measure(run_foreign(bench.foreign(node_url, "journaled", journal_blocks=50_000), until=head))
        check(bench.database_url, "journaled", given.events)
        bench.foreign(node_url, "floor")
        bare = bench.measure(floor(bench.database_url, "floor", node_url, head))
    per_100k = 1e5 / given.events
    report(
        backfillEventsPerS=round(given.events / plain.seconds),
        floorEventsPerS=round(given.events / bare.seconds),
        backfillOfFloor=round(bare.seconds / plain.seconds, 3),
        backfillJournaledEventsPerS=round(given.events / journaled.seconds),
        cpuSPer100k=round((plain.client_cpu + plain.postgres_cpu) * per_100k, 2),
        clientCpuSPer100k=round(plain.client_cpu * per_100k, 2),
        postgresCpuSPer100k=round(plain.postgres_cpu * per_100k, 2),
        floorCpuSPer100k=round((bare.client_cpu + bare.postgres_cpu) * per_100k, 2),
        rssMb=rss,
    )


if __name__ == "__main__":
    main()
