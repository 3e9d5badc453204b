"""A JSON-RPC node that replays a chain of ERC-721-like transfers from prepared bytes, in a process of its own.

It costs the measured side nothing but the reading, so that the indexer and not the node bounds the figure.
"""

import asyncio
import json
import multiprocessing
import random
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from aiohttp import web
from eth_hash.auto import keccak

ADDRESS = keccak(b"replayed token")[:20]
TRANSFER = keccak(b"Transfer(address,address,uint256)")
CHAIN_ID = 31337


class Replay:
    """``events`` transfers in blocks of ``per_block``; final but for the last 64 blocks, which are empty."""

    def __init__(self, events: int, per_block: int, seed: int) -> None:
        rng = random.Random(seed)
        accounts = [rng.randbytes(20) for _ in range(2_000)]
        owners: dict[int, bytes] = {}
        self.finalized = (events + per_block - 1) // per_block + 1
        self.head = self.finalized + 64
        self.blocks = [self._block(number) for number in range(self.head + 1)]
        self.logs: list[list[bytes]] = [[] for _ in self.blocks]
        for event in range(events):
            number, index = 2 + event // per_block, event % per_block
            token = rng.randrange(max(1, events // 10))
            giver, owners[token] = owners.get(token, bytes(20)), rng.choice(accounts)
            topics = [TRANSFER, giver.rjust(32, b"\0"), owners[token].rjust(32, b"\0"), token.to_bytes(32, "big")]
            log = {
                "address": "0x" + ADDRESS.hex(),
                "topics": ["0x" + topic.hex() for topic in topics],
                "data": "0x",
                "blockHash": self.blocks[number]["hash"],
                "blockNumber": hex(number),
                "blockTimestamp": self.blocks[number]["timestamp"],
                "transactionHash": "0x" + keccak(b"tx %d %d" % (number, index // 10)).hex(),
                "transactionIndex": hex(index // 10),
                "logIndex": hex(index),
                "removed": False,
            }
            self.logs[number].append(json.dumps(log, separators=(",", ":")).encode())

    def _block(self, number: int) -> dict[str, str]:
        return {
            "number": hex(number),
            "hash": "0x" + keccak(b"block %d" % number).hex(),
            "parentHash": "0x" + keccak(b"block %d" % (number - 1)).hex(),
            "timestamp": hex(1_700_000_000 + 12 * number),
        }

    def answer(self, method: str, params: list[object]) -> bytes:
        """The result of one call, as JSON bytes."""
        if method == "eth_getLogs":
            (criteria,) = params
            assert isinstance(criteria, dict)
            if "blockHash" in criteria:
                found = self.logs[self._number_of(criteria["blockHash"])]
            else:
                first, last = int(criteria["fromBlock"], 16), int(criteria["toBlock"], 16)
                found = [log for logs in self.logs[first : last + 1] for log in logs]
            return b"[" + b",".join(found) + b"]"
        if method == "eth_getBlockByNumber":
            named = {"latest": self.head, "safe": self.finalized, "finalized": self.finalized}
            which = str(params[0])
            number = named[which] if which in named else int(which, 16)
            return json.dumps(self.blocks[number] if number <= self.head else None).encode()
        return json.dumps({"eth_chainId": hex(CHAIN_ID), "eth_getCode": "0x60"}[method]).encode()

    def _number_of(self, block_hash: str) -> int:
        return next(int(block["number"], 16) for block in self.blocks if block["hash"] == block_hash)


@contextmanager
def replaying(events: int, per_block: int, seed: int = 1) -> Iterator[tuple[str, int]]:
    """Serve a replay; yields its URL and the number of its last block."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, events, per_block, seed), daemon=True
    )
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def _serve(pipe: Connection, events: int, per_block: int, seed: int) -> None:
    asyncio.run(_run(pipe, Replay(events, per_block, seed)))


async def _run(pipe: Connection, replay: Replay) -> None:
    async def handle(request: web.Request) -> web.Response:
        replies = [
            b'{"jsonrpc":"2.0","id":%d,"result":%b}' % (call["id"], replay.answer(call["method"], call["params"]))
            for call in await request.json()
        ]
        return web.Response(body=b"[" + b",".join(replies) + b"]", content_type="application/json")

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    pipe.send((f"http://{host}:{port}/", replay.head))
    await asyncio.Event().wait()
