"""How soon readers see what happened: from a block mined to its recording in `GET /catalog` and on `/catalog/stream`.

A real anvil with the contracts on it, the real indexer and the real API as processes of their own, over a durable
embedded Postgres; the node tells of new heads by websocket, as anvil does where `RPC_URLS` names it. Each block holds
one signed registration and is mined on demand, at no regular time; its clock starts when the node says that it has
mined it, and stops when a reader has seen the recording in both places. The first few blocks only warm up what is warm
in a long-running installation. Usage: `PYTHONPATH=. python benchmarks/indexer_visible.py [--blocks 200]`; the last line
is one JSON object.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import aiohttp
import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from indexer_bench import Bench, benching, report

from indexer.migrate import migrate
from stack.anvil import anvil_program, anvil_url
from stack.anvil_node import AnvilNode, development_key
from stack.databases import LOGINS, Database, ensure_logins
from stack.deploy import deploy_contracts
from stack.ports import free_ports
from stack.program import RunningProgram
from stemma.works import to_hex
from tests.indexer.onchain import Registrar, Song, indexer_process

WARM_UP_BLOCKS = 20
STEMMA = Path(sys.executable).with_name("stemma")


class Waiting(Registrar):
    """Leaves transactions in the pool, to be mined by a word of their own."""

    def _send(self, sender: str, to: str, data: bytes) -> str:
        transaction = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(5_000_000)}
        return str(self.node.rpc("eth_sendTransaction", transaction))


class Reader:
    """Follows the stream, and asks for the first page of the catalog again and again; says when it saw what."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._streamed: dict[str, asyncio.Future[float]] = {}
        self._task: asyncio.Task[None] | None = None

    async def follow(self) -> None:
        """Open the stream; returns once it has said where the catalog is."""
        opened = asyncio.Event()
        self._task = asyncio.create_task(self._follow(opened))
        await asyncio.wait_for(opened.wait(), 30)

    async def _follow(self, opened: asyncio.Event) -> None:
        async with self._http.get("/catalog/stream", timeout=aiohttp.ClientTimeout(total=None)) as response:
            async for line in response.content:
                if line.startswith(b"data:"):
                    opened.set()
                    payload = json.loads(line[5:]).get("payload") or {}
                    if seen := self._streamed.get(payload.get("recordingId", "")):
                        seen.done() or seen.set_result(time.perf_counter())

    def streamed(self, recording: str) -> asyncio.Future[float]:
        """When the stream tells of a recording."""
        return self._streamed.setdefault(recording, asyncio.get_running_loop().create_future())

    async def listed(self, recording: str) -> float:
        """When the newest page of the catalog has a recording."""
        wanted = recording.encode()
        while True:
            async with self._http.get("/catalog?limit=5") as response:
                if wanted in await response.read():
                    return time.perf_counter()
            await asyncio.sleep(0.003)

    def close(self) -> None:
        """Leave the stream."""
        if self._task:
            self._task.cancel()


async def measure(registrar: Waiting, api: str, blocks: int) -> list[tuple[float, float]]:
    """Seconds until each block is listed, and until it is on the stream."""
    rng, found = random.Random(1), []
    async with aiohttp.ClientSession(api) as http:
        reader = Reader(http)
        await reader.follow()
        for number in range(WARM_UP_BLOCKS + blocks):
            song = Song(number)
            recording = to_hex(song.recording)
            await asyncio.to_thread(registrar.register, song)
            streamed = reader.streamed(recording)
            listed = asyncio.create_task(reader.listed(recording))
            await asyncio.sleep(rng.uniform(0.1, 0.25))
            await asyncio.to_thread(registrar.node.rpc, "evm_mine")
            mined = time.perf_counter()
            seen = await asyncio.wait_for(asyncio.gather(listed, streamed), 30)
            found.append((max(0.0, seen[0] - mined), max(0.0, seen[1] - mined)))
        reader.close()
    return found[WARM_UP_BLOCKS:]


@contextmanager
def serving(bench: Bench, database: Database, rpc_url: str) -> Iterator[str]:
    """The API as `stemma api` runs it; yields its URL."""
    [port] = free_ports(1)
    key = bench.folder / "key.pem"
    made = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "DATABASE_URL": database.api_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "RPC_URLS": rpc_url,
        "STORAGE_URL": f"file://{quote(str(bench.folder))}/storage",
        "JWT_PRIVATE_KEY_FILE": str(key),
        "PUBLIC_URL": url,
        "API_PORT": str(port),
    }
    with (bench.folder / "api.log").open("wb") as log:
        process = subprocess.Popen([STEMMA, "api"], env=environment, cwd=bench.folder, stdout=log, stderr=log)
        try:
            for _ in range(600):
                if process.poll() is not None:
                    raise RuntimeError((bench.folder / "api.log").read_text())
                try:
                    httpx.get(f"{url}/healthz")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def share(values: list[float], part: float) -> float:
    """A percentile, in milliseconds."""
    return round(1000 * sorted(values)[min(int(len(values) * part), len(values) - 1)], 1)


def main() -> None:
    """Deploy, index, serve, mine, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=200)
    given = parser.parse_args()
    with benching() as bench:
        passwords = dict.fromkeys(LOGINS, "bench")
        ensure_logins(bench.database_url, passwords)
        migrate(bench.database_url)
        environment = {**os.environ, "DATABASE_URL": bench.database_url}
        subprocess.run([STEMMA, "api", "migrate"], env=environment, cwd=bench.folder, check=True)
        database = Database.of(bench.database_url, passwords)
        [port] = free_ports(1)
        rpc_url, deployments = anvil_url(port), bench.folder / "deployments"
        with RunningProgram.start(anvil_program(None, port)):
            deploy_contracts(rpc_url, deployments, {**os.environ, "ATTESTOR_PRIVATE_KEY": development_key(2)})
            registrar = Waiting(AnvilNode(rpc_url), deployments)
            registrar.node.rpc("evm_setAutomine", False)
            with (
                indexer_process(
                    *(database.indexer_url, registrar, bench.folder),
                    rpc_urls=f"{rpc_url},{rpc_url.replace('http', 'ws', 1)}",
                ),
                serving(bench, database, rpc_url) as api,
            ):
                found = asyncio.run(measure(registrar, api, given.blocks))
    both = [max(pair) for pair in found]
    listed, streamed = (list(each) for each in zip(*found, strict=True))
    report(
        visibleP50Ms=share(both, 0.5),
        visibleP99Ms=share(both, 0.99),
        listedP50Ms=share(listed, 0.5),
        streamedP50Ms=share(streamed, 0.5),
    )


if __name__ == "__main__":
    main()
