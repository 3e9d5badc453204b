"""How fast one API process reads a large catalog: pages of 50 recordings with their stems, and GraphQL.

`catalogRps` is what 16 connections get in a closed loop that walks over the newest pages and comes back to them, as
visitors of a site do; `catalogP99Ms` is taken at half that rate in an open loop, from when a request is due.
`catalogFreshRps` asks for a page that was never asked for before, every time. `graphqlRps` are 50 recordings with
stems, titles and licenses, a different page every time, in `graphqlStatements` statements. `…CpuMs` are CPU
milliseconds per request, of the API process and of Postgres: on a busy machine they say more than rates. Postgres has
`buffersMb` of shared buffers, as a server with a database of 5 GB would: with its default of 128 MB a page that is
asked for the first time is mostly copied from the operating system's cache. Usage:
`python benchmarks/catalog_read.py [--recordings 1000000] [--seconds 10]`; the last line is one JSON object.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import psycopg
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import event

from api.graphql import repository
from api.graphql.routes import executor
from api.graphql.schemas import GraphQLRequest
from indexer.migrate import migrate
from stack.catalog_rows import fill
from stack.databases import LOGINS, Database, ensure_database, ensure_logins
from stack.ports import free_ports
from stack.postgres import prepare_postgres
from stack.program import RunningProgram
from stemma.database.engine import create_engine

_CONNECTIONS = 16
_VISITED_PAGES = 40
_BUFFERS_MB = 2048
_QUERY = """query ($after: ID!) { recordings(first: 50, where: {id_gt: $after}) {
  id title artist creator rightsHolder registeredAt
  stems {id kind sha256 rightsHolder} titles {workId holder} licenses {licenseId kind price licensee} } }"""

Request = Callable[[], bytes]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--database", help="administrator's URL of a database that an earlier run filled")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stemma-bench-") as name:
        home = Path(name)
        home.chmod(0o711)
        with _database(home, options.database, options.recordings) as database, _api(home, database) as served:
            figures = asyncio.run(_measure(served, database, options.seconds))
    figures["recordings"] = options.recordings
    print(json.dumps(figures))


async def _measure(served: "_Served", database: Database, seconds: float) -> dict[str, Any]:
    port = served.port
    cursors = await _walk(port)
    rng = random.Random(1)
    visited = [_get(f"/catalog?limit=50{cursor}") for cursor in cursors]
    places = _places(database, 200_000)
    fresh = iter([_get(f"/catalog?limit=50&cursor={cursor}") for cursor in places])
    ids = iter(range(10**9))
    for request in visited:  # what is asked for again and again is there by then
        await _answer(port, request)
    rps, cost = await _closed_loop(served, lambda: rng.choice(visited), seconds, _CONNECTIONS)
    latencies = await _open_loop(port, lambda: rng.choice(visited), seconds, rps / 2)
    await _closed_loop(served, lambda: next(fresh), 2.0, _CONNECTIONS)  # each connection plans the statement once
    fresh_rps, fresh_cost = await _closed_loop(served, lambda: next(fresh), seconds, _CONNECTIONS)
    await _closed_loop(served, lambda: _graphql(next(ids)), 2.0, 4)
    graphql_rps, graphql_cost = await _closed_loop(served, lambda: _graphql(next(ids)), seconds, 4)
    return {
        "catalogRps": round(rps),
        "catalogP99Ms": round(_percentile(latencies, 0.99) * 1000, 1),
        "catalogP50Ms": round(_percentile(latencies, 0.5) * 1000, 1),
        "catalogCpuMs": cost,
        "catalogFreshRps": round(fresh_rps, 1),
        "catalogFreshCpuMs": fresh_cost,
        "graphqlStatements": await _statements(database),
        "graphqlRps": round(graphql_rps, 1),
        "graphqlCpuMs": graphql_cost,
        "buffersMb": _buffers_mb(database),
    }


async def _walk(port: int) -> list[str]:
    """The newest pages, by their cursors."""
    cursors = [""]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
        while len(cursors) < _VISITED_PAGES:
            page = (await http.get(f"/catalog?limit=50{cursors[-1]}")).json()
            cursors.append(f"&cursor={page['next']}")
    return cursors


def _places(database: Database, count: int) -> list[str]:
    from api.catalog.cursors import Place, encode

    with psycopg.connect(database.admin_url) as connection:
        (newest,) = connection.execute("select max(block_number) from catalog.recordings").fetchone() or (0,)
    rng = random.Random(2)
    return [encode(Place(rng.randrange(2_000, newest), rng.randrange(200))) for _ in range(count)]


def _buffers_mb(database: Database) -> int:
    with psycopg.connect(database.admin_url) as connection:
        (size,) = connection.execute("select pg_size_bytes(current_setting('shared_buffers'))").fetchone() or (0,)
    return int(size) >> 20


async def _statements(database: Database) -> int:
    """How many statements the GraphQL query takes, counted at the driver."""
    engine = create_engine(database.api_url, application_name="bench")
    counted: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *arguments: counted.append(arguments[2]))
    variables = {"after": "0x" + "00" * 28}
    prepared = executor.prepare(GraphQLRequest(query=_QUERY, variables=variables))
    async with engine.connect() as connection:
        for group in prepared.groups.values():
            await repository.read(connection, group.statement, group.values)
    await engine.dispose()
    return len(counted)


# ---- load ----------------------------------------------------------------------------------------------------------


def _get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n".encode()


def _graphql(number: int) -> bytes:
    after = f"0x{(number * 7919) % 65_000:04x}" + "00" * 26
    body = json.dumps({"query": _QUERY, "variables": {"after": after}}).encode()
    head = "POST /graphql HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _answer(port: int, request: bytes) -> None:
    async with _connection(port) as (reader, writer):
        await _exchange(reader, writer, request)


async def _closed_loop(
    served: "_Served", request: Request, seconds: float, connections: int
) -> tuple[float, dict[str, float]]:
    """Requests per second, and CPU milliseconds per request."""
    began, spent = time.perf_counter(), served.cpu_seconds()
    until = began + seconds
    done = 0

    async def ask() -> None:
        nonlocal done
        async with _connection(served.port) as (reader, writer):
            while time.perf_counter() < until:
                await _exchange(reader, writer, request())
                done += 1

    await asyncio.gather(*(ask() for _ in range(connections)))
    rate = done / (time.perf_counter() - began)
    now = served.cpu_seconds()
    return rate, {part: round((now[part] - spent[part]) / done * 1000, 2) for part in now}


async def _open_loop(port: int, request: Request, seconds: float, rate: float) -> list[float]:
    """Latencies of requests that are due at a rate, whether or not earlier ones are answered."""
    due: asyncio.Queue[float | None] = asyncio.Queue()
    latencies: list[float] = []

    async def ask() -> None:
        async with _connection(port) as (reader, writer):
            while (moment := await due.get()) is not None:
                await _exchange(reader, writer, request())
                latencies.append(time.perf_counter() - moment)

    workers = [asyncio.create_task(ask()) for _ in range(4 * _CONNECTIONS)]
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        moment = began + number / rate
        await asyncio.sleep(max(moment - time.perf_counter(), 0))
        due.put_nowait(moment)
    for _ in workers:
        due.put_nowait(None)
    await asyncio.gather(*workers)
    return latencies


@contextlib.asynccontextmanager
async def _connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode())
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return await reader.readexactly(int(lengths[0].split(b":")[1]))


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


# ---- what is measured ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _database(home: Path, filled: str | None, recordings: int) -> Iterator[Database]:
    passwords = dict.fromkeys(LOGINS, "bench")
    if filled is not None:
        ensure_logins(filled, passwords)
        yield Database.of(filled, passwords)
        return
    [port] = free_ports(1)
    server = prepare_postgres(home, port, durable=False)
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((home / "postgres.log").open("wb"))
        with (
            RunningProgram.start(server.program(), log=log),
            psycopg.connect(server.url("postgres"), autocommit=True) as connection,
        ):
            connection.execute(f"alter system set shared_buffers = '{_BUFFERS_MB}MB'")  # from the next start on
        stack.enter_context(RunningProgram.start(server.program(), log=log))
        ensure_database(server.url("postgres"), "bench")
        url = server.url("bench")
        ensure_logins(url, passwords)
        migrate(url)
        subprocess.run(
            [Path(sys.executable).with_name("stemma"), "api", "migrate"],
            env={**os.environ, "DATABASE_URL": url},
            cwd=home,
            check=True,
        )
        began = time.perf_counter()
        fill(url, recordings)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("checkpoint")  # which would otherwise write beside the first figures
        print(f"filled with {recordings} recordings in {time.perf_counter() - began:.0f} s", flush=True)
        yield Database.of(url, passwords)


@dataclass(frozen=True, slots=True)
class _Served:
    """One API process over a database."""

    port: int
    pid: int
    admin_url: str

    def cpu_seconds(self) -> dict[str, float]:
        """What the process and the database's readers have spent so far."""
        with psycopg.connect(self.admin_url) as connection:
            readers = connection.execute(
                "select pid from pg_stat_activity where application_name = 'stemma-api-reader'"
            ).fetchall()
        return {"api": _cpu_seconds(self.pid), "postgres": sum(_cpu_seconds(pid) for (pid,) in readers)}


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def _api(home: Path, database: Database) -> Iterator[_Served]:
    [port] = free_ports(1)
    key = home / "key.pem"
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key.write_bytes(pem)
    environment = {
        **os.environ,
        "DATABASE_URL": database.api_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "RPC_URLS": "http://127.0.0.1:1",
        "STORAGE_URL": f"file://{quote(str(home))}/storage",
        "JWT_PRIVATE_KEY_FILE": str(key),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "API_PORT": str(port),
        "LOG_FORMAT": "json",
    }
    with (home / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("stemma"), "api"], env=environment, cwd=home, stdout=log, stderr=log
        )
        try:
            for _ in range(600):
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(f"http://127.0.0.1:{port}/healthz")
                    break
                time.sleep(0.1)
            yield _Served(port, process.pid, database.admin_url)
        finally:
            process.terminate()
            process.wait(10)


if __name__ == "__main__":
    main()
