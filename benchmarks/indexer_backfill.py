"""How fast the indexer backfills: ERC-721-like transfers, owner and balance kept, raw logs kept, embedded Postgres.

The engine is the one that `stemma indexer run --config` runs, each header fetched and held against the logs. The floor
in the same run is the bare stages that end in the same tables, written for this one event: fetch, typed JSON, slices of
hex, a fold in dicts, packed COPY, two merges, commit. It checks nothing, and neither fetches a header, keeps a cursor,
tells readers, nor could undo. `oneCpu…`: indexer and Postgres on one CPU, where they are not two hyperthreads that slow
each other. Usage: `python benchmarks/indexer_backfill.py [--events 200000]`; the last line is one JSON object.
"""

import argparse
import asyncio
import struct
from binascii import unhexlify
from collections.abc import Sequence

import aiohttp
import msgspec
import psycopg
from indexer_bench import benching, report, rss_mb
from psycopg import AsyncConnection
from replay_node import ADDRESS, replaying

from indexer.connections import connect
from indexer.foreign import run_foreign

FLOOR_STEP = 400
NOBODY = "0" * 40
EPOCH = 946_684_800
COPY_HEAD, COPY_TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
LOG_NAMES = (
    "block_number, log_index, tx_index, block_time, block_hash, tx_hash, address, topic0, topic1, topic2, topic3, data"
)
LOG = struct.Struct(">hiqiiiiiqi32si32si20si32si32si32si32si").pack
OWNER = struct.Struct(">hiqi20siqiqii").pack
BALANCE = struct.Struct(">hi20siqiqii").pack
STAGES = """
create temporary table moved (token bigint, owner bytea, moves bigint, block_number bigint, log_index integer);
create temporary table gained (account bytea, balance bigint, block_number bigint, log_index integer)
"""
MERGES = (
    "merge into owners t using moved s on t.token = s.token when matched then update set owner = s.owner,"
    " moves = t.moves + s.moves, block_number = s.block_number, log_index = s.log_index"
    " when not matched then insert values (s.token, s.owner, s.moves, s.block_number, s.log_index)",
    "merge into balances t using gained s on t.account = s.account when matched then update set"
    " balance = t.balance + s.balance, block_number = s.block_number, log_index = s.log_index"
    " when not matched then insert values (s.account, s.balance, s.block_number, s.log_index)",
)


class Log(msgspec.Struct, gc=False, rename="camel"):
    """The fields of a log that the tables need."""

    topics: list[str]
    block_number: str
    block_hash: str
    block_timestamp: str
    transaction_hash: str
    transaction_index: str
    log_index: str


class Reply(msgspec.Struct):
    """One reply of a JSON-RPC batch."""

    result: list[Log]


async def floor(database_url: str, schema: str, node_url: str, head: int) -> None:
    """One range after the other, the next one fetched ahead."""
    read = msgspec.json.Decoder(list[Reply]).decode

    async def fetch(http: aiohttp.ClientSession, first: int) -> list[Log]:
        criteria = {
            "fromBlock": hex(first),
            "toBlock": hex(min(first + FLOOR_STEP - 1, head)),
            "address": ["0x" + ADDRESS.hex()],
        }
        call = {"jsonrpc": "2.0", "id": 0, "method": "eth_getLogs", "params": [criteria]}
        async with http.post(node_url, json=[call]) as response:
            return read(await response.read())[0].result

    async with aiohttp.ClientSession() as http, connect(database_url, schema, "floor") as db:
        await db.execute(STAGES, prepare=False)  # several statements
        ahead = asyncio.create_task(fetch(http, 1))
        for first in range(1, head + 1, FLOOR_STEP):
            logs = await ahead
            ahead = asyncio.create_task(fetch(http, first + FLOOR_STEP))
            raw, moved, gained = floor_rows(logs)
            async with db.transaction():
                await db.execute("truncate moved, gained")
                await _copy(db, f"logs ({LOG_NAMES})", raw)
                await _copy(db, "moved", moved)
                await _copy(db, "gained", gained)
                for merge in MERGES:
                    await db.execute(merge)
        ahead.cancel()


def floor_rows(logs: Sequence[Log]) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """The rows of the logs, of their tokens and of their accounts, packed for COPY."""
    unhex, raw = unhexlify, []
    moved: dict[int, tuple[str, int, int, int]] = {}
    gained: dict[str, tuple[int, int, int]] = {}
    for log in logs:
        first, giver, taker, token_text = log.topics
        number, index, token = int(log.block_number, 16), int(log.log_index, 16), int(token_text, 16)
        time = 1_000_000 * (int(log.block_timestamp, 16) - EPOCH)
        block_hash, tx_hash = unhex(log.block_hash[2:]), unhex(log.transaction_hash[2:])
        topics = 32, unhex(first[2:]), 32, unhex(giver[2:]), 32, unhex(taker[2:]), 32, unhex(token_text[2:])
        places = 12, 8, number, 4, index, 4, int(log.transaction_index, 16), 8, time
        raw.append(LOG(*places, 32, block_hash, 32, tx_hash, 20, ADDRESS, *topics, 0))
        moved[token] = taker, moved[token][1] + 1 if token in moved else 1, number, index
        for account, change in ((giver[26:], -1), (taker[26:], 1)):
            gained[account] = gained[account][0] + change if account in gained else change, number, index
    gained.pop(NOBODY, None)
    owners = [
        OWNER(5, 8, token, 20, unhex(owner[26:]), 8, moves, 8, number, 4, index)
        for token, (owner, moves, number, index) in moved.items()
    ]
    balances = [
        BALANCE(4, 20, unhex(account), 8, balance, 8, number, 4, index)
        for account, (balance, number, index) in gained.items()
    ]
    return raw, owners, balances


async def _copy(db: AsyncConnection, target: str, rows: list[bytes]) -> None:
    async with db.cursor() as cursor, cursor.copy(f"copy {target} from stdin (format binary)".encode()) as copy:
        await copy.write(b"".join((COPY_HEAD, *rows, COPY_TAIL)))


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
        with bench.on_one_cpu():
            alone = bench.measure(run_foreign(bench.foreign(node_url, "alone"), until=head))
        check(bench.database_url, "alone", given.events)
        bench.foreign(node_url, "floor")
        bare = bench.measure(floor(bench.database_url, "floor", node_url, head))
        check(bench.database_url, "floor", given.events)
    per_100k = 1e5 / given.events
    report(
        backfillEventsPerS=round(given.events / plain.seconds),
        floorEventsPerS=round(given.events / bare.seconds),
        backfillOfFloor=round(bare.seconds / plain.seconds, 3),
        backfillJournaledEventsPerS=round(given.events / journaled.seconds),
        cpuSPer100k=round((plain.client_cpu + plain.postgres_cpu) * per_100k, 2),
        clientCpuSPer100k=round(plain.client_cpu * per_100k, 2),
        postgresCpuSPer100k=round(plain.postgres_cpu * per_100k, 2),
        oneCpuEventsPerS=round(given.events / alone.seconds),
        oneCpuSPer100k=round((alone.client_cpu + alone.postgres_cpu) * per_100k, 2),
        floorCpuSPer100k=round((bare.client_cpu + bare.postgres_cpu) * per_100k, 2),
        rssMb=rss,
    )


if __name__ == "__main__":
    main()
