"""Blocks from a node, checked: final ranges fetched ahead, unfinalized blocks one by one and by hash."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from indexer.blocks import Batch, Header, Log, Marks
from indexer.chain_state import require_linked
from indexer.errors import Inconsistent, RangeTooLarge
from indexer.metrics import METRICS
from indexer.ranges import RangeSize
from indexer.rpc import Node, RpcBlock, RpcLog, get_block, get_code, get_logs, get_logs_of_block

Ready = TypeVar("Ready")

WANTED_LOGS = 10_000
RANGES_AHEAD = 3
LIVE_BLOCKS = 64
UNMARKED_FINALITY = 64
"""Depth taken for final where a node has no `finalized` tag: two epochs of Ethereum."""


class Source:
    """What the engine reads of the chain.

    All methods raise TryAgain when the node is away or contradicts itself, and ForeignChain when it is not our chain.
    """

    def __init__(self, node: Node, addresses: Sequence[bytes]) -> None:
        self._node = node
        self._addresses = tuple(addresses)
        self._known = frozenset(addresses)
        self._size = RangeSize(WANTED_LOGS)

    @property
    def latency_seconds(self) -> float:
        """How long the node takes to answer."""
        return self._node.latency_seconds

    async def require_contracts(self) -> None:
        """Raise Inconsistent unless every contract has code: without it, an empty index would look complete."""
        for address, code in zip(
            self._addresses, await self._node.call([get_code(each) for each in self._addresses]), strict=True
        ):
            if len(code) <= len("0x"):
                raise Inconsistent(f"the node's chain has no contract at 0x{address.hex()}: not deployed there yet?")

    async def head(self) -> Header:
        """The newest block."""
        return await self._header("latest")

    async def header(self, number: int) -> Header:
        """The block at a height."""
        return await self._header(number)

    async def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """The blocks at these heights as one endpoint sees them, None where it has none."""
        return [_header(block) if block else None for block in await self._node.call([get_block(n) for n in numbers])]

    async def marks(self, head: Header) -> Marks:
        """What the node calls safe and final; a depth where it knows no such thing."""
        safe, finalized = await self._node.call([get_block("safe"), get_block("finalized")])
        if finalized is None:
            depth = max(0, head.number - UNMARKED_FINALITY)
            return Marks(safe=depth, finalized=depth)
        final = _header(finalized)
        return Marks(_header(safe).number if safe else final.number, final.number, final.hash)

    async def live(self, base: Header, last: int, head: Header) -> Batch:
        """The blocks after ``base`` up to ``last``, at most LIVE_BLOCKS, with their logs by block hash.

        ``head`` is the node's, and is not asked for again.

        Raises:
            Inconsistent: the blocks are not a chain. Whether they build on ``base`` is the caller's question.
        """
        numbers = range(base.number + 1, min(last, base.number + LIVE_BLOCKS) + 1)
        missing = [number for number in numbers if number != head.number]
        found = await self.headers(missing) if missing else []
        headers = [header for header in (*found, *([head] if head.number in numbers else ())) if header]
        if len(headers) != len(numbers):
            raise Inconsistent(f"the node no longer has all blocks up to {numbers[-1]}")
        require_linked(headers)
        answers = await self._node.call([get_logs_of_block(self._addresses, header.hash) for header in headers])
        logs: list[Log] = []
        for header, answer in zip(headers, answers, strict=True):
            of_block = self._checked(answer, header.number, header.number, partial(_same_time, header.time))
            if any(log.block_hash != header.hash for log in of_block):
                raise Inconsistent(f"asked for the logs of block {header.number}, the node gave another block's")
            logs += of_block
        return Batch(first_number=base.number + 1, headers=headers, is_final=False, logs=logs)

    async def final(
        self, first: int, last: int, *, journaled_from: int, prepare: Callable[[Batch], Ready]
    ) -> AsyncGenerator[Ready, None]:
        """The final blocks of a range in order, in batches of about WANTED_LOGS logs, fetched and prepared ahead.

        ``journaled_from``: the first block whose changes are remembered; no batch has blocks of both kinds.
        """
        ahead: deque[asyncio.Task[list[Ready]]] = deque()

        async def fetch(start: int, end: int) -> list[Ready]:
            batches = await self._range(start, end, is_journaled=start >= journaled_from)
            return [prepare(batch) for batch in batches]

        try:
            following = first
            while ahead or following <= last:
                while following <= last and len(ahead) < RANGES_AHEAD:
                    edge = last if following >= journaled_from else min(last, journaled_from - 1)
                    end = min(following + self._size.blocks - 1, edge)
                    ahead.append(asyncio.create_task(fetch(following, end)))
                    following = end + 1
                started = time.monotonic()
                batches = await ahead.popleft()
                METRICS.stalled_on_fetch.inc(time.monotonic() - started)
                for batch in batches:
                    yield batch
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _range(self, first: int, last: int, *, is_journaled: bool) -> list[Batch]:
        """The blocks of a range; several batches if the node refuses so many at once."""
        try:
            # One JSON-RPC batch, so that a node that has not come as far shows itself by the missing block.
            logs, block = await self._node.call([get_logs(self._addresses, first=first, last=last), get_block(last)])
        except RangeTooLarge as refusal:
            if first == last:
                raise Inconsistent(f"the node refuses the logs of block {first} alone: {refusal}") from refusal
            step = self._size.refused(last - first + 1, refusal.suggested)
            parts = [(start, min(start + step - 1, last)) for start in range(first, last + 1, step)]
            return [batch for part in parts for batch in await self._range(*part, is_journaled=is_journaled)]
        if block is None:
            raise Inconsistent(f"the node does not have block {last} yet, which another answer called final")
        self._size.answered(last - first + 1, len(logs))
        time_of = await self._times(logs)
        return [
            Batch(
                first_number=first,
                headers=[_header(block)],
                is_final=True,
                is_journaled=is_journaled,
                logs=self._checked(logs, first, last, time_of),
            )
        ]

    async def _times(self, logs: Sequence[RpcLog]) -> Callable[[RpcLog], datetime]:
        """How to know the block time of each log: from itself, or from headers where the node leaves it out."""
        try:
            missing = sorted({int(log.block_number, 16) for log in logs if log.block_timestamp is None})
        except ValueError as error:
            raise Inconsistent(f"the node gave a malformed log: {error}") from error
        headers = [header for header in await self.headers(missing) if header] if missing else []
        if len(headers) != len(missing):
            raise Inconsistent("the node has logs of blocks that it does not have")
        times = {header.hash: header.time for header in headers}

        def time_of(log: RpcLog) -> datetime:
            if log.block_timestamp is not None:
                return _time(log.block_timestamp)
            try:
                return times[bytes.fromhex(log.block_hash[2:])]
            except KeyError:
                raise Inconsistent(
                    f"the node gave a log of a block {log.block_hash} that is not on its chain"
                ) from None

        return time_of

    def _checked(
        self, found: Sequence[RpcLog], first: int, last: int, time_of: Callable[[RpcLog], datetime]
    ) -> list[Log]:
        """The logs in bytes and in order.

        Raises:
            Inconsistent: a log is doubled, removed, malformed, not of our contracts or not of these blocks.
        """
        try:
            logs = [_log(raw, time_of(raw)) for raw in found]
        except ValueError as error:
            raise Inconsistent(f"the node gave a malformed log: {error}") from error
        logs.sort(key=lambda log: log[:2])
        before = (-1, -1)
        for log in logs:
            if not first <= log.block_number <= last or log.address not in self._known:
                raise Inconsistent(f"the node gave a log that nobody asked for, in block {log.block_number}")
            if log[:2] == before:
                raise Inconsistent(f"the node gave log {log.log_index} of block {log.block_number} twice")
            before = log[:2]
        if any(raw.removed for raw in found):
            raise Inconsistent("the node gave a log that it says was removed")
        return logs

    async def _header(self, which: int | str) -> Header:
        (block,) = await self._node.call([get_block(which)])
        if block is None:
            raise Inconsistent(f"the node has no block {which}")
        header = _header(block)
        if which not in (header.number, "latest"):
            raise Inconsistent(f"asked for block {which}, the node gave {header.number}")
        return header


def _same_time(block_time: datetime, _: RpcLog) -> datetime:
    return block_time


def _time(text: str) -> datetime:
    """Raises ValueError for what is no time that a calendar has."""
    try:
        return datetime.fromtimestamp(int(text, 16), UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{text} is no block time") from error


def _sized(text: str, size: int) -> bytes:
    value = bytes.fromhex(text[2:])
    if len(value) != size:
        raise ValueError(f"{text} has not {size} bytes")
    return value


def _header(block: RpcBlock) -> Header:
    try:
        return Header(
            int(block.number, 16), _sized(block.hash, 32), _sized(block.parent_hash, 32), _time(block.timestamp)
        )
    except ValueError as error:
        raise Inconsistent(f"the node gave a malformed block: {error}") from error


def _log(raw: RpcLog, block_time: datetime) -> Log:
    """Raises ValueError for what is no hex or has another length than it must."""
    unhex = bytes.fromhex
    topics = tuple([unhex(topic[2:]) for topic in raw.topics])
    log = Log(
        int(raw.block_number, 16),
        int(raw.log_index, 16),
        int(raw.transaction_index, 16),
        block_time,
        unhex(raw.block_hash[2:]),
        unhex(raw.transaction_hash[2:]),
        unhex(raw.address[2:]),
        topics,
        unhex(raw.data[2:]),
    )
    hashes = (log.block_hash, log.tx_hash, *topics)
    if len(log.address) != 20 or any(len(each) != 32 for each in hashes):
        raise ValueError(f"a hash, topic or address has the wrong length in {raw}")
    return log
