"""How fast the indexer backfills: ERC-721-like transfers, owner and balance kept, raw logs kept, embedded Postgres.

The floor in the same run is the bare minimum that keeps the raw logs: fetch, typed JSON, COPY, commit; no engine, no
projections, no journal. Usage: `python benchmarks/indexer_backfill.py [--events 200000]`; the last line is one JSON
object.
"""

import argparse
import asyncio
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec
import psycopg
import structlog
from psycopg import AsyncConnection
from replay_node import ADDRESS, CHAIN_ID, replaying

from indexer.apply import Writer
from indexer.calls import RpcLog
from indexer.engine import Engine
from indexer.migrate import migrate
from indexer.projection import Contract, Events, Projections, Router
from indexer.rpc import Node
from indexer.service import connect, relax_garbage_collection
from indexer.source import Source
from indexer.tables import Row
from stack.ports import free_ports
from stack.postgres import prepare_postgres
from stack.program import RunningProgram

TABLES = """
create table chain_1.owners (
    token bigint primary key, owner bytea not null, moves bigint not null,
    block_number bigint not null, log_index integer not null
);
create table chain_1.balances (
    account bytea primary key, balance bigint not null, block_number bigint not null, log_index integer not null
);
"""
ABI = [
    {
        "type": "event",
        "name": "Transfer",
        "inputs": [
            {"name": "from", "type": "address", "indexed": True},
            {"name": "to", "type": "address", "indexed": True},
            {"name": "tokenId", "type": "uint256", "indexed": True},
        ],
    }
]

projections = Projections()
owners = projections.state("owners", sums=("moves",))
balances = projections.state("balances", sums=("balance",))


class Transfer(NamedTuple):
    """A token changes hands; a mint comes from nobody."""

    from_: bytes
    to: bytes
    token_id: int


@projections.on("Token", Transfer)
def transferred(events: Events[Transfer]) -> Iterator[Row]:
    """The token's owner, the two balances."""
    nobody = bytes(20)
    for at, (giver, taker, token) in events:
        yield owners.row(at, token=token, owner=taker, moves=1)
        yield balances.row(at, account=taker, balance=1)
        if giver != nobody:
            yield balances.row(at, account=giver, balance=-1)


async def backfill(database_url: str, node_url: str, head: int) -> None:
    """The engine as it runs in production."""
    router = Router([Contract("Token", ADDRESS, ABI)], projections)
    async with connect(database_url, 1, "writer") as db, Node([node_url], chain_id=CHAIN_ID) as node:
        await Engine(node, Source(node, router.topics), Writer(db, router), first_block=1).run(until=head)


async def floor(database_url: str, node_url: str, head: int, step: int) -> None:
    """Fetch, decode JSON, COPY, commit, one range after the other with the next one fetched ahead."""
    names = (
        "block_number, log_index, tx_index, block_time, block_hash, tx_hash, address, topic0, topic1, topic2, topic3"
    )
    statement = f"copy logs ({names}, data) from stdin (format binary)"
    read = msgspec.json.Decoder(list[Reply]).decode

    async def fetch(http: aiohttp.ClientSession, first: int) -> list[RpcLog]:
        criteria = {
            "fromBlock": hex(first),
            "toBlock": hex(min(first + step - 1, head)),
            "address": ["0x" + ADDRESS.hex()],
        }
        call = {"jsonrpc": "2.0", "id": 0, "method": "eth_getLogs", "params": [criteria]}
        async with http.post(node_url, json=[call]) as response:
            return read(await response.read())[0].result

    async with aiohttp.ClientSession() as http, connect(database_url, 2, "floor") as db:
        ahead = asyncio.create_task(fetch(http, 1))
        for first in range(1, head + 1, step):
            logs = await ahead
            ahead = asyncio.create_task(fetch(http, first + step))
            async with db.transaction(), db.cursor() as cursor, cursor.copy(statement) as copy:
                copy.set_types(["int8", "int4", "int4", "timestamptz", *["bytea"] * 8])
                for log in logs:
                    await copy.write_row(floor_row(log))
        ahead.cancel()


class Reply(msgspec.Struct):
    """One reply of a JSON-RPC batch."""

    result: list[RpcLog]


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


async def check(database_url: str, events: int) -> None:
    """The result is right, or the figure is worth nothing."""
    async with await AsyncConnection.connect(database_url) as db:
        row = await (
            await db.execute(
                "select (select count(*) from chain_1.logs), (select sum(moves) from chain_1.owners),"
                " (select sum(balance) from chain_1.balances), (select count(*) from chain_1.owners),"
                " (select count(*) from chain_2.logs)"
            )
        ).fetchone()
    assert row is not None
    logs, moves, balance, tokens, floor_logs = row
    assert logs == moves == floor_logs == events, row
    assert balance == tokens, row


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children that have ended, from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(fields[position]) for position in (11, 12, 13, 14)) / 100


def main() -> None:
    """Run floor and backfill, check, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--per-block", type=int, default=50)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    relax_garbage_collection()
    home = Path(tempfile.mkdtemp(prefix="stemma-bench-"))
    home.chmod(0o711)
    server = prepare_postgres(home, free_ports(1)[0])
    try:
        with (
            RunningProgram.start(server.program(), log=(home / "postgres.log").open("wb")) as postgres,
            replaying(arguments.events, arguments.per_block) as (node_url, head),
        ):
            url = server.url("postgres")
            for generation in (1, 2):
                migrate(url, generation=generation)
            with psycopg.connect(url) as connection:
                connection.execute(TABLES)
            seconds, cpu = {}, {}
            for name, job in {
                "floor": floor(url, node_url, head, 200),
                "backfill": backfill(url, node_url, head),
            }.items():
                before = time.process_time(), cpu_seconds(postgres.pid)
                started = time.monotonic()
                asyncio.run(job)
                seconds[name] = time.monotonic() - started
                time.sleep(0.5)  # until Postgres has reaped the backend and counts its time
                cpu[name] = time.process_time() - before[0], cpu_seconds(postgres.pid) - before[1]
            asyncio.run(check(url, arguments.events))
    finally:
        shutil.rmtree(home)
    per_second = {name: round(arguments.events / value) for name, value in seconds.items()}
    print(
        json.dumps(
            {
                "events": arguments.events,
                "backfillEventsPerS": per_second["backfill"],
                "floorEventsPerS": per_second["floor"],
                "ofFloor": round(per_second["backfill"] / per_second["floor"], 3),
                "clientCpuSPer100k": {n: round(c[0] / arguments.events * 1e5, 2) for n, c in cpu.items()},
                "postgresCpuSPer100k": {n: round(c[1] / arguments.events * 1e5, 2) for n, c in cpu.items()},
                "rssMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
