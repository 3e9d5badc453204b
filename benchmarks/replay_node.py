"""A JSON-RPC node that replays a chain of ERC-721-like transfers from prepared bytes, in a process of its own.

It costs the measured side nothing but the reading, so that the indexer and not the node bounds the figure.
"""

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from aiohttp import web
from eth_hash.auto import keccak

ADDRESS = keccak(b"replayed token")[:20]
TRANSFER = keccak(b"Transfer(address,address,uint256)")
CHAIN_ID = 31337


class Replay:
    """``events`` transfers in blocks of ``per_block``; final but for the last 64 blocks, which are empty."""

    def __init__(self, events: int, per_block: int, seed: int, final: int = 1) -> None:
        rng = random.Random(seed)
        accounts = [rng.randbytes(20) for _ in range(2_000)]
        owners: dict[int, bytes] = {}
        last = (events + per_block - 1) // per_block + 1
        self.finalized, self.head = (last, last + 64) if final else (0, last)
        self.blocks = [self._block(number) for number in range(self.head + 1)]
        self.transfers: list[list[tuple[bytes, bytes, int]]] = [[] for _ in self.blocks]
        self.logs: list[list[bytes]] = [[] for _ in self.blocks]
        for event in range(events):
            number, index = 2 + event // per_block, event % per_block
            token = rng.randrange(max(1, events // 10))
            giver, owners[token] = owners.get(token, bytes(20)), rng.choice(accounts)
            self.transfers[number].append((giver, owners[token], token))
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

        for number, transfers in enumerate(self.transfers):
            self.blocks[number]["logsBloom"] = _bloom(transfers)
        self.block_bytes = [json.dumps(block).encode() for block in self.blocks]
        self.numbers = {block["hash"]: number for number, block in enumerate(self.blocks)}

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
                found = self.logs[self.numbers[criteria["blockHash"]]]
            else:
                first, last = int(criteria["fromBlock"], 16), int(criteria["toBlock"], 16)
                found = [log for logs in self.logs[first : last + 1] for log in logs]
            return b"[" + b",".join(found) + b"]"
        if method == "eth_getBlockByNumber":
            named = {"latest": self.head, "safe": self.finalized, "finalized": self.finalized}
            which = str(params[0])
            number = named[which] if which in named else int(which, 16)
            return self.block_bytes[number] if number <= self.head else b"null"
        return json.dumps({"eth_chainId": hex(CHAIN_ID), "eth_getCode": "0x60"}[method]).encode()


def _bloom(transfers: list[tuple[bytes, bytes, int]]) -> str:
    """The bloom of a block's logs (Yellow Paper, section 4.3.1)."""
    bits = 0
    if transfers:
        bits = _bits(ADDRESS) | _bits(TRANSFER)
    for giver, taker, token in transfers:
        for topic in (giver.rjust(32, b"\0"), taker.rjust(32, b"\0"), token.to_bytes(32, "big")):
            bits |= _bits(topic)
    return f"0x{bits:0512x}"


@cache
def _bits(item: bytes) -> int:
    digest = keccak(item)
    return sum({1 << int.from_bytes(digest[start : start + 2], "big") % 2048 for start in (0, 2, 4)})


@contextmanager
def replaying(events: int, per_block: int, seed: int = 1, *, final: bool = True) -> Iterator[tuple[str, int]]:
    """Serve a replay; yields its URL and its last block. ``final``: whether all but the last 64 blocks are."""
    command = [sys.executable, __file__, str(events), str(per_block), str(seed), str(int(final))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            served = json.loads(process.stdout.readline())
            yield served["url"], served["head"]
        finally:
            process.kill()


async def serve(replay: Replay) -> None:
    """Serve on a free port of the loopback interface, and print the URL and the last block as JSON."""

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
    print(json.dumps({"url": f"http://{host}:{port}/", "head": replay.head}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Replay(*map(int, sys.argv[1:5]))))
