"""Raw JSON-RPC over keep-alive HTTP to one or several nodes: batches, typed answers, failover, back-off.

An endpoint that fails rests for a while that doubles, and the next one is asked; one that serves another chain is never
asked again. Formats: JSON-RPC 2.0, Ethereum execution API, EIP-1474 (error codes).
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import structlog

from indexer.errors import ForeignChain, NodeUnavailable, RangeTooLarge
from indexer.metrics import METRICS
from indexer.ranges import suggested_blocks

_log = structlog.get_logger(__name__)

REQUEST_SECONDS = 20.0
LARGEST_BATCH = 100
FIRST_REST_SECONDS = 0.1
LONGEST_REST_SECONDS = 3.0
_TOO_LARGE = re.compile(
    r"range|too many|more than \d+ (results|logs)|limit exceeded|response size|too large|query timeout|10000 results",
    re.IGNORECASE,
)
# A node that lags says this of a range that it has not reached; asking for less would not help.
_NOT_THERE_YET = re.compile(r"beyond|future|invalid block range|not found|unknown block", re.IGNORECASE)
_TOO_LARGE_CODES = (-32005, -32600, -32602, -32000, -32603, -32012)


class RpcLog(msgspec.Struct, gc=False, rename="camel"):
    """A log as `eth_getLogs` gives it; quantities and bytes in hex. ``block_timestamp`` is not given by all nodes."""

    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    transaction_index: str
    log_index: str
    block_timestamp: str | None = None
    removed: bool = False


class RpcBlock(msgspec.Struct, gc=False, rename="camel"):
    """The part of a block that the parent-hash chain needs."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str


class _Failure(msgspec.Struct):
    code: int
    message: str = ""


class _Reply(msgspec.Struct):
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Failure | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call, and how its result is read."""

    method: str
    params: Sequence[Any]
    read: Callable[[bytes | msgspec.Raw], Any]


_read_text = msgspec.json.Decoder(str).decode
_read_block = msgspec.json.Decoder(RpcBlock | None).decode
_read_logs = msgspec.json.Decoder(list[RpcLog]).decode
_read_replies = msgspec.json.Decoder(list[_Reply] | _Reply).decode


def get_block(which: int | str) -> Call:
    """The block at a height or with a tag ("latest", "safe", "finalized"); null if the node has none."""
    return Call("eth_getBlockByNumber", [hex(which) if isinstance(which, int) else which, False], _read_block)


def get_logs(addresses: Sequence[bytes], *, first: int, last: int) -> Call:
    """The logs of contracts in a range of blocks, both ends included."""
    criteria = {"fromBlock": hex(first), "toBlock": hex(last), "address": ["0x" + each.hex() for each in addresses]}
    return Call("eth_getLogs", [criteria], _read_logs)


def get_logs_of_block(addresses: Sequence[bytes], block_hash: bytes) -> Call:
    """The logs of contracts in one block, by its hash (EIP-234), so that no reorg can come between."""
    criteria = {"blockHash": "0x" + block_hash.hex(), "address": ["0x" + each.hex() for each in addresses]}
    return Call("eth_getLogs", [criteria], _read_logs)


def get_code(address: bytes) -> Call:
    """The code of a contract now, in hex; "0x" where there is none."""
    return Call("eth_getCode", ["0x" + address.hex(), "latest"], _read_text)


def eth_call(address: bytes, data: bytes, block: int) -> Call:
    """What a view function returns as of a block, in hex; "0x" if it reverts."""
    call = {"to": "0x" + address.hex(), "data": "0x" + data.hex()}
    return Call("eth_call", [call, hex(block)], _read_text)


_CHAIN_ID = Call("eth_chainId", [], _read_text)


class _Fault(Exception):
    """An endpoint did not answer usefully."""


@dataclass(slots=True)
class Endpoint:
    """A node by its URL and how it has behaved; ``is_known`` once it has proved that it serves our chain."""

    url: str
    first_rest_seconds: float
    failures: int = 0
    resting_until: float = 0.0
    latency_seconds: float = 0.0
    is_known: bool = False
    foreign: str = ""
    complaint: str = ""

    @property
    def name(self) -> str:
        """The URL without what may be an API key."""
        return re.sub(r"^(\w+://)(?:[^@/]*@)?([^/?]+).*", r"\1\2", self.url)

    def succeeded(self, seconds: float) -> None:
        """Note an answer."""
        self.failures = 0
        self.latency_seconds = seconds if not self.latency_seconds else 0.8 * self.latency_seconds + 0.2 * seconds

    def failed(self, complaint: str, rest_seconds: float | None = None) -> None:
        """Note a failure; it rests twice as long after each."""
        self.failures += 1
        doublings = min(self.failures - 1, 16)  # a node may be away for days, a float ends at 2 ** 1024
        pause = min(self.first_rest_seconds * 2**doublings, LONGEST_REST_SECONDS)
        self.resting_until = time.monotonic() + (pause if rest_seconds is None else rest_seconds)
        # Whatever answers at this URL next has to prove itself again: a node may have been started anew.
        self.is_known = False
        self.complaint = complaint


class Node:
    """One chain behind one or more endpoints, best first."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        chain_id: int,
        request_seconds: float = REQUEST_SECONDS,
        rest_seconds: float = FIRST_REST_SECONDS,
    ) -> None:
        """``request_seconds``: time for one answer; ``rest_seconds``: pause of an endpoint after its first failure."""
        if not urls:
            raise ValueError("no RPC endpoint is configured")
        self.endpoints = [Endpoint(url, rest_seconds) for url in urls]
        self.chain_id = chain_id
        self.genesis_hash: bytes | None = None
        self._request_seconds = request_seconds
        self._session: aiohttp.ClientSession | None = None

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
        """Return the results of the calls, all from one endpoint.

        Raises:
            RangeTooLarge: the node refuses a log query for its size.
            NodeUnavailable: every endpoint failed or rests.
            ForeignChain: every endpoint serves another chain.
        """
        for endpoint in self._in_order():
            if endpoint.foreign or endpoint.resting_until > time.monotonic():
                continue
            try:
                await self._prove(endpoint)
                if not endpoint.foreign:
                    return await self._ask(endpoint, calls)
            except _Fault as fault:
                _log.warning("endpoint failed", endpoint=endpoint.name, complaint=str(fault))
        complaints = "; ".join(f"{each.name}: {each.foreign or each.complaint}" for each in self.endpoints)
        if all(endpoint.foreign for endpoint in self.endpoints):
            raise ForeignChain(
                f"{complaints}. This index belongs to another chain: point RPC_URLS at that one, or begin anew with"
                " `stemma indexer migrate --fresh`, which forgets what was indexed."
            )
        raise NodeUnavailable(complaints)

    def _in_order(self) -> list[Endpoint]:
        return sorted(self.endpoints, key=lambda endpoint: (bool(endpoint.foreign), endpoint.failures))

    async def _prove(self, endpoint: Endpoint) -> None:
        """Ask an unknown endpoint which chain it serves; the first answer pins a node that has no genesis hash yet."""
        if endpoint.is_known:
            return
        told, genesis = await self._ask(endpoint, [_CHAIN_ID, get_block(0)])
        if genesis is None:
            raise self._fault(endpoint, "has no block 0")
        try:
            chain_id, genesis_hash = int(told, 16), bytes.fromhex(genesis.hash[2:])
        except ValueError as error:
            raise self._fault(endpoint, f"cannot say which chain it serves: {error}") from error
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
        results: list[Any] = []
        for start in range(0, len(calls), LARGEST_BATCH):
            results += await self._exchange(endpoint, calls[start : start + LARGEST_BATCH])
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
        try:
            async with self._session.post(
                endpoint.url, data=body, headers={"Content-Type": "application/json"}
            ) as response:
                if response.status == 429:
                    wait = response.headers.get("Retry-After", "1")
                    raise self._fault(endpoint, "asks for patience (429)", float(wait) if wait.isdigit() else 1.0)
                answer = await response.read()
                # Some nodes send a JSON-RPC error with an HTTP error; only what is no JSON is the server's own trouble.
                if response.status >= 400 and not answer.lstrip().startswith((b"{", b"[")):
                    raise self._fault(endpoint, f"HTTP {response.status}")
                return answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._fault(endpoint, f"{type(error).__name__} {error}".strip()) from error

    def _fault(self, endpoint: Endpoint, complaint: str, rest_seconds: float | None = None) -> _Fault:
        endpoint.failed(complaint, rest_seconds)
        METRICS.rpc_faults.labels(endpoint.name).inc()
        return _Fault(complaint)

    def _refusal(self, endpoint: Endpoint, call: Call, failure: _Failure) -> Exception:
        is_range = call.method == "eth_getLogs" and "fromBlock" in call.params[0]
        is_too_large = _TOO_LARGE.search(failure.message) and not _NOT_THERE_YET.search(failure.message)
        if is_range and failure.code in _TOO_LARGE_CODES and is_too_large:
            return RangeTooLarge(failure.message, suggested_blocks(failure.message))
        return self._fault(endpoint, f"{call.method}: {failure.message} ({failure.code})")
