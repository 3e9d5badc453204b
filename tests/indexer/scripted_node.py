"""A JSON-RPC node over HTTP in front of a scripted chain, which fails and lags as a seed says."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from tests.indexer.scripted_chain import Block, ScriptedChain

CHAIN_ID = 31337


class RpcRefusal(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Temper:
    """How the node behaves; probabilities per request or call."""

    faulty: float = 0.0
    hang_seconds: float = 0.5
    lagging: float = 0.0
    omitting: float = 0.0
    doubling: float = 0.0
    largest_range: int = 10_000
    largest_answer: int = 100_000
    has_finality_tag: bool = True
    knows_given_up_blocks: bool = False


class ScriptedNode:
    """Answers for ``chain``; ``before_request`` may change the chain between any two requests."""

    def __init__(self, chain: ScriptedChain, rng: random.Random, temper: Temper | None = None) -> None:
        self.chain = chain
        self.rng = rng
        self.temper = temper or Temper()
        self.before_request: Callable[[], None] = lambda: None
        self.calls: list[str] = []
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ScriptedNode"]:
        app = web.Application()
        app.router.add_post("/", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handle_signals=False)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        calls = msgspec.json.decode(await request.read())
        self.before_request()
        if self.rng.random() < self.temper.faulty:
            return await self._misbehave(request)
        self._lag = self.rng.randint(1, 3) if self.rng.random() < self.temper.lagging else 0
        return _as_json([self._reply(call) for call in calls])

    async def _misbehave(self, request: web.Request) -> web.Response:
        match self.rng.choice([*(0, 1, 2, 3, 5) * 4, 4]):  # hanging costs the most time
            case 0:
                return web.Response(status=503, text="try later")
            case 1:
                return web.Response(status=429, headers={"Retry-After": "0"})
            case 2:
                return web.Response(body=b'[{"jsonrpc":"2.0","id":0,"resu', content_type="application/json")
            case 3:
                body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32603, "message": "internal error"}}
                return _as_json(body)
            case 4:
                await asyncio.sleep(self.temper.hang_seconds)
                return web.Response(status=504)
            case _:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()

    def _reply(self, call: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(call["method"])
        head = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            return head | {"result": getattr(self, "_" + call["method"])(*call["params"])}
        except RpcRefusal as refusal:
            return head | {"error": {"code": refusal.code, "message": str(refusal)}}

    def _eth_chainId(self) -> str:  # noqa: N802
        return hex(CHAIN_ID)

    def _eth_getCode(self, _address: str, _block: str) -> str:  # noqa: N802
        return "0x6000"

    def _eth_getBlockByNumber(self, which: str, _full: bool) -> dict[str, Any] | None:  # noqa: N802
        newest = max(0, self.chain.head.number - self._lag)
        match which:
            case "latest":
                number = newest
            case "finalized" | "safe" if not self.temper.has_finality_tag:
                return None
            case "finalized" | "safe":
                number = min(self.chain.finalized, newest)
            case _:
                number = int(which, 16)
        return self.chain.blocks[number].as_json() if number <= newest else None

    def _eth_getLogs(self, criteria: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        wanted = set(criteria["address"])
        logs = [log for block in self._blocks_of(criteria) for log in block.logs if log["address"] in wanted]
        if "fromBlock" in criteria and len(logs) > self.temper.largest_answer:
            raise RpcRefusal(-32005, f"query returned more than {self.temper.largest_answer} results")
        if logs and self.rng.random() < self.temper.omitting:
            omitted = self.rng.choice(logs)["blockHash"]
            logs = [log for log in logs if log["blockHash"] != omitted]
        if logs and self.rng.random() < self.temper.doubling:
            logs.append(self.rng.choice(logs))
        self.rng.shuffle(logs)
        return logs

    def _blocks_of(self, criteria: dict[str, Any]) -> list[Block]:
        if "blockHash" in criteria:
            wanted = bytes.fromhex(criteria["blockHash"][2:])
            for block in self.chain.blocks:
                if block.hash == wanted:
                    return [block]
            if wanted in self.chain.given_up and self.temper.knows_given_up_blocks:
                return [self.chain.given_up[wanted]]
            raise RpcRefusal(-32000, "unknown block")
        first, last = int(criteria["fromBlock"], 16), int(criteria["toBlock"], 16)
        if last - first + 1 > self.temper.largest_range:
            raise RpcRefusal(-32602, f"eth_getLogs is limited to a {self.temper.largest_range} blocks range")
        return self.chain.blocks[first : last + 1]


def _as_json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
