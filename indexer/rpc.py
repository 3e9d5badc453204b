"""Raw JSON-RPC over keep-alive HTTP to one or several nodes: batches, typed answers, failover, back-off.

The cheapest endpoint by latency and error rate is asked, and kept while no other is much better, for two nodes are
seldom at the same block. One that fails rests for a while that doubles; one that says something that cannot be true is
named and rests longest; one that serves another chain is never asked again. Formats: JSON-RPC 2.0, Ethereum execution
API, EIP-1474 (error codes).
"""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import structlog

from indexer.calls import CHAIN_ID, Call, get_block
from indexer.endpoint import Endpoint
from indexer.errors import ForeignChain, NodeUnavailable, RangeTooLarge
from indexer.metrics import METRICS
from indexer.ranges import suggested_blocks

_log = structlog.get_logger(__name__)

REQUEST_SECONDS = 20.0
LARGEST_BATCH = 100
BATCHES_AT_ONCE = 4
FIRST_REST_SECONDS = 0.1
LIMITED_SECONDS = 1.0
DOWN_AFTER_FAILURES = 8
MUCH_BETTER = 2.0
"""An endpoint that costs so many times less than the present one takes its place."""
_TOO_LARGE = re.compile(
    r"range|too many (blocks|logs|results)|more than \d+ (results|logs)|exceeds? (limit|max)|limit exceeded|too large"
    r"|response size|query timeout|10000 results|requested blocks",
    re.IGNORECASE,
)
_TOO_OFTEN = re.compile(
    r"rate.?limit|too many requests|request (count|limit)|requests per|compute units|capacity exceeded|throughput",
    re.IGNORECASE,
)
# A node that lags says this of a range that it has not reached; asking for less would not help.
_NOT_THERE_YET = re.compile(r"beyond|future|invalid block range|not found|unknown block", re.IGNORECASE)


class _Failure(msgspec.Struct):
    code: int
    message: str = ""


class _Reply(msgspec.Struct):
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Failure | None = None


_read_replies = msgspec.json.Decoder(list[_Reply] | _Reply).decode


class _Fault(Exception):
    """An endpoint did not answer usefully."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The results of some calls, and the endpoint that gave them all."""

    results: list[Any]
    endpoint: Endpoint


class Node:
    """One chain behind one or more endpoints, best first."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        chain_id: int | None,
        request_seconds: float = REQUEST_SECONDS,
        rest_seconds: float = FIRST_REST_SECONDS,
    ) -> None:
        """``chain_id``: None takes the chain that the first endpoint to answer serves. ``request_seconds``: time for
        one answer; ``rest_seconds``: pause of an endpoint after its first failure.
        """
        if not urls:
            raise ValueError("no RPC endpoint is configured")
        self.endpoints = [Endpoint(url, rest_seconds) for url in urls]
        self.chain_id = chain_id
        self.genesis_hash: bytes | None = None
        self._request_seconds = request_seconds
        self._session: aiohttp.ClientSession | None = None
        self._preferred: Endpoint | None = None

    async def __aenter__(self) -> "Node":
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._request_seconds), connector=aiohttp.TCPConnector(limit=16)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    def pin(self, genesis_hash: bytes | None) -> None:
        """From now on accept only endpoints whose chain began with this block; all have to prove it again."""
        if genesis_hash is not None and genesis_hash != self.genesis_hash:
            self.genesis_hash = genesis_hash
            self.doubt()

    def doubt(self) -> None:
        """Let every endpoint prove again that it serves our chain: another may have been started at its place."""
        for endpoint in self.endpoints:
            endpoint.is_known = False

    @property
    def latency_seconds(self) -> float:
        """How long the endpoint that is asked first takes to answer."""
        return self._in_order()[0].latency_seconds

    async def call(self, calls: Sequence[Call]) -> list[Any]:
        """Return the results of the calls, all from one endpoint. Raises as `ask`."""
        return (await self.ask(calls)).results

    async def ask(self, calls: Sequence[Call], *, rather_not: Endpoint | None = None) -> Answers:
        """Return the results of the calls and who gave them; not ``rather_not`` if there is another.

        Raises:
            RangeTooLarge: the node refuses a log query for its size.
            NodeUnavailable: every endpoint failed or rests.
            ForeignChain: every endpoint serves another chain.
        """
        for endpoint in sorted(self._in_order(), key=lambda each: each is rather_not):
            if endpoint.foreign or endpoint.is_resting:
                continue
            try:
                await self._prove(endpoint)
                if not endpoint.foreign:
                    results = await self._ask(endpoint, calls)
                    self._preferred = endpoint if rather_not is None else self._preferred
                    return Answers(results, endpoint)
            except _Fault as fault:
                _log.warning("endpoint failed", endpoint=endpoint.name, complaint=str(fault))
        complaints = "; ".join(f"{each.name}: {each.foreign or each.complaint}" for each in self.endpoints)
        if all(endpoint.foreign for endpoint in self.endpoints):
            raise ForeignChain(
                f"{complaints}. This index belongs to another chain: point RPC_URLS at that one, or begin anew with"
                " `stemma indexer migrate --fresh`, which forgets what was indexed."
            )
        raise NodeUnavailable(complaints)

    def blame(self, endpoint: Endpoint, complaint: str) -> None:
        """Let an endpoint rest for what it said: something that cannot be true."""
        _log.error("endpoint caught in an untruth", endpoint=endpoint.name, complaint=complaint)
        METRICS.rpc_untruths.labels(endpoint.name).inc()
        endpoint.failed(complaint, endpoint.longest_rest_seconds if len(self.endpoints) > 1 else None)

    def has_other_than(self, endpoint: Endpoint) -> bool:
        """Whether there is another endpoint that is not down for long."""
        others = (each for each in self.endpoints if each is not endpoint and not each.foreign)
        return any(each.failures < DOWN_AFTER_FAILURES for each in others)

    def _in_order(self) -> list[Endpoint]:
        found = sorted(self.endpoints, key=lambda each: (bool(each.foreign), each.is_resting, each.cost))
        kept = self._preferred
        if kept and not (kept.foreign or kept.is_resting) and kept.cost <= MUCH_BETTER * found[0].cost:
            found.sort(key=lambda each: each is not kept)
        return found

    async def _prove(self, endpoint: Endpoint) -> None:
        """Ask an unknown endpoint which chain it serves; the first answer pins a node that has no genesis hash yet."""
        if endpoint.is_known:
            return
        told, genesis = await self._ask(endpoint, [CHAIN_ID, get_block(0)])
        if genesis is None:
            raise self._fault(endpoint, "has no block 0")
        try:
            chain_id, genesis_hash = int(told, 16), bytes.fromhex(genesis.hash[2:])
        except ValueError as error:
            raise self._fault(endpoint, f"cannot say which chain it serves: {error}") from error
        if self.chain_id is None:
            self.chain_id = chain_id
        if chain_id != self.chain_id:
            endpoint.foreign = f"serves chain {chain_id}, not {self.chain_id}"
        elif self.genesis_hash not in (None, genesis_hash):
            endpoint.foreign = f"began with block {genesis.hash}, not 0x{(self.genesis_hash or b'').hex()}"
        else:
            self.genesis_hash = genesis_hash
            endpoint.is_known = True
        if endpoint.foreign:
            _log.error("endpoint refused", endpoint=endpoint.name, because=endpoint.foreign)

    async def _ask(self, endpoint: Endpoint, calls: Sequence[Call]) -> list[Any]:
        if len(calls) <= LARGEST_BATCH:
            return await self._exchange(endpoint, calls)
        results: list[Any] = []
        step = LARGEST_BATCH * BATCHES_AT_ONCE
        for first in range(0, len(calls), step):
            starts = range(first, min(first + step, len(calls)), LARGEST_BATCH)
            parts = (self._exchange(endpoint, calls[start : start + LARGEST_BATCH]) for start in starts)
            for part in await asyncio.gather(*parts):
                results += part
        return results

    async def _exchange(self, endpoint: Endpoint, calls: Sequence[Call]) -> list[Any]:
        body = msgspec.json.encode(
            [
                {"jsonrpc": "2.0", "id": number, "method": call.method, "params": call.params}
                for number, call in enumerate(calls)
            ]
        )
        started = time.monotonic()
        METRICS.rpc_calls.labels(calls[0].method).inc(len(calls))
        answer = await self._post(endpoint, body)
        try:
            replies = _read_replies(answer)
        except msgspec.DecodeError as error:
            raise self._fault(endpoint, f"answers no JSON-RPC: {error}") from error
        if isinstance(replies, _Reply):
            raise self._refusal(endpoint, calls[0], replies.error or _Failure(0, "one reply to a batch"))
        by_id = {reply.id: reply for reply in replies}
        results = []
        for number, call in enumerate(calls):
            reply = by_id.get(number)
            if reply is None:
                raise self._fault(endpoint, f"left {call.method} unanswered")
            if reply.error is not None and call.method == "eth_call" and "revert" in reply.error.message.lower():
                results.append("0x")
                continue
            if reply.error is not None:
                raise self._refusal(endpoint, call, reply.error)
            try:
                results.append(call.read(reply.result))
            except msgspec.DecodeError as error:
                raise self._fault(endpoint, f"{call.method}: {error}") from error
        endpoint.succeeded(time.monotonic() - started)
        return results

    async def _post(self, endpoint: Endpoint, body: bytes) -> bytes:
        assert self._session is not None
        if wait := endpoint.turn():
            await asyncio.sleep(wait)
        try:
            async with self._session.post(
                endpoint.url, data=body, headers={"Content-Type": "application/json"}
            ) as response:
                if response.status == 429:
                    asked = response.headers.get("Retry-After", "")
                    raise self._limited(endpoint, "429", float(asked) if asked.isdigit() else LIMITED_SECONDS)
                answer = await response.read()
                # Some nodes send a JSON-RPC error with an HTTP error; only what is no JSON is the server's own trouble.
                if response.status >= 400 and not answer.lstrip().startswith((b"{", b"[")):
                    raise self._fault(endpoint, f"HTTP {response.status}")
                return answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._fault(endpoint, f"{type(error).__name__} {error}".strip()) from error

    def _fault(self, endpoint: Endpoint, complaint: str) -> _Fault:
        endpoint.failed(complaint)
        METRICS.rpc_faults.labels(endpoint.name).inc()
        return _Fault(complaint)

    def _limited(self, endpoint: Endpoint, complaint: str, rest_seconds: float) -> _Fault:
        endpoint.limited(f"asks for patience ({complaint})", rest_seconds)
        METRICS.rpc_faults.labels(endpoint.name).inc()
        return _Fault(endpoint.complaint)

    def _refusal(self, endpoint: Endpoint, call: Call, failure: _Failure) -> Exception:
        message = failure.message
        if _TOO_OFTEN.search(message):
            return self._limited(endpoint, message, LIMITED_SECONDS)
        is_range = call.method == "eth_getLogs" and "fromBlock" in call.params[0]
        if is_range and _TOO_LARGE.search(message) and not _NOT_THERE_YET.search(message):
            return RangeTooLarge(message, suggested_blocks(message))
        return self._fault(endpoint, f"{call.method}: {message} ({failure.code})")
