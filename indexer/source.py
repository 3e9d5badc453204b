"""Blocks from a node, checked: final ranges fetched ahead, unfinalized blocks one by one and by hash.

A bloom excludes logs for certain, so one that the node invents or moves to another block is caught. A bloom that may
hold one of our events although the node gave none is a reason to ask again, by block hash, and another endpoint if
there is one: whoever gave fewer logs is named and left alone. `CHECK_BLOOMS` decides whether a backfill fetches the
header of each block for this; of blocks that are not final it is always done, for their headers are fetched anyway.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from indexer import bloom
from indexer.blocks import Batch, Header, Log, Marks
from indexer.calls import RpcBlock, RpcLog, get_block, get_code, get_logs, get_logs_of_block
from indexer.chain_state import require_linked
from indexer.endpoint import Endpoint
from indexer.errors import Inconsistent, RangeTooLarge, Untrue
from indexer.heads import Heads
from indexer.metrics import METRICS
from indexer.ranges import RangeSize
from indexer.reading import blocks_without_time, bloom_of, header_of, logs_of
from indexer.rpc import Answers, Node

Ready = TypeVar("Ready")
Asked = TypeVar("Asked")

WANTED_LOGS = 20_000
RANGES_AHEAD = 3
LIVE_BLOCKS = 64
UNMARKED_FINALITY = 64
"""Depth taken for final where a node has no `finalized` tag: two epochs of Ethereum."""

_MARKS = [get_block("safe"), get_block("finalized")]


class Source:
    """What the engine reads of the chain.

    All methods raise TryAgain when the node is away or contradicts itself, and ForeignChain when it is not our chain.
    """

    def __init__(
        self,
        node: Node,
        topics: Mapping[bytes, Sequence[bytes]],
        *,
        checks_blooms: bool = True,
        heads: Heads | None = None,
    ) -> None:
        """``topics``: the contracts' addresses with the first topics of their events; ``heads``: who tells of new ones.

        ``checks_blooms``: whether each block's header is fetched in a backfill, too.
        """
        self._node = node
        self._addresses = tuple(topics)
        self._by_text = {"0x" + address.hex(): address for address in topics}
        self._watched = bloom.Watched(topics)
        self._checks_blooms = checks_blooms
        self._heads = heads
        self._size = RangeSize(WANTED_LOGS)

    @property
    def latency_seconds(self) -> float:
        """How long the node takes to answer."""
        return self._node.latency_seconds

    async def wait(self, seconds: float) -> None:
        """Wait until the node may have a new head: told by a websocket, or after so many seconds."""
        if self._heads is None:
            await asyncio.sleep(seconds)
        else:
            await self._heads.wait(seconds)

    async def require_contracts(self) -> None:
        """Raise Inconsistent unless every contract has code: without it, an empty index would look complete."""
        for address, code in zip(
            self._addresses, await self._node.call([get_code(each) for each in self._addresses]), strict=True
        ):
            if len(code) <= len("0x"):
                raise Inconsistent(f"the node's chain has no contract at 0x{address.hex()}: not deployed there yet?")

    async def head(self) -> tuple[Header, RpcBlock]:
        """The newest block."""
        answers = await self._node.ask([get_block("latest")])
        (block,) = answers.results
        if block is None:
            raise Inconsistent("the node has no newest block")
        return self._truly(answers.endpoint, header_of, block), block

    async def header(self, number: int) -> Header:
        """The block at a height."""
        (header,) = await self.headers([number])
        if header is None:
            raise Inconsistent(f"the node has no block {number}")
        return header

    async def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """The blocks at these heights as one endpoint sees them, None where it has none."""
        return [header for header, _ in await self._blocks(numbers)]

    async def marks(self, head: Header) -> Marks:
        """What the node calls safe and final; a depth where it knows no such thing."""
        return self._marks(head, await self._node.ask(_MARKS))

    async def live(self, base: Header, last: int, head: tuple[Header, RpcBlock]) -> tuple[Batch, Marks]:
        """The blocks after ``base`` up to ``last``, at most LIVE_BLOCKS, with their logs by block hash; and the marks.

        ``head`` is the node's, and is not asked for again.

        Raises:
            Inconsistent: the blocks are not a chain. Whether they build on ``base`` is the caller's question.
        """
        numbers = range(base.number + 1, min(last, base.number + LIVE_BLOCKS) + 1)
        missing = [number for number in numbers if number != head[0].number]
        pairs = [*(await self._blocks(missing) if missing else ()), *([head] if head[0].number in numbers else ())]
        headers = [header for header, _ in pairs if header]
        if len(headers) != len(numbers):
            raise Inconsistent(f"the node no longer has all blocks up to {numbers[-1]}")
        require_linked(headers)
        calls = [get_logs_of_block(self._addresses, header.hash) for header in headers]
        answers = await self._node.ask([*calls, *_MARKS])
        found_logs, marks = answers.results[: len(calls)], self._marks(head[0], answers)
        logs: list[Log] = []
        doubtful = []
        for (_, block), header, found in zip(pairs, headers, found_logs, strict=True):
            of_block = self._read(answers.endpoint, found, header.number, header.number, {header.number: header})
            if self._is_doubtful(answers.endpoint, header, block, of_block, only_first_topic=False):
                doubtful.append(header)
            logs += of_block
        await self._ask_again(answers.endpoint, doubtful)
        return Batch(first_number=base.number + 1, headers=headers, is_final=False, logs=logs), marks

    async def final(
        self, first: int, last: int, *, journaled_from: int, prepare: Callable[[Batch], Ready]
    ) -> AsyncGenerator[Ready, None]:
        """The final blocks of a range in order, in batches of about WANTED_LOGS logs, fetched and prepared ahead.

        ``journaled_from``: the first block whose changes are remembered; no batch has blocks of both kinds.
        """
        ahead: deque[asyncio.Task[list[Ready]]] = deque()
        # In a thread, so that Postgres, which gets a batch in many steps, never waits for the end of preparing another.
        preparing = ThreadPoolExecutor(1, "preparing")
        loop = asyncio.get_running_loop()

        async def fetch(start: int, end: int) -> list[Ready]:
            batches = await self._range(start, end, is_journaled=start >= journaled_from)
            return [await loop.run_in_executor(preparing, prepare, batch) for batch in batches]

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
            preparing.shutdown(wait=False, cancel_futures=True)
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _range(self, first: int, last: int, *, is_journaled: bool) -> list[Batch]:
        """The blocks of a range; several batches if the node refuses so many at once."""
        try:
            # One JSON-RPC batch, so that a node that has not come as far shows itself by the missing block.
            answers = await self._node.ask([get_logs(self._addresses, first=first, last=last), get_block(last)])
        except RangeTooLarge as refusal:
            if first == last:
                raise Inconsistent(f"the node refuses the logs of block {first} alone: {refusal}") from refusal
            step = self._size.refused(last - first + 1, refusal.suggested)
            parts = [(start, min(start + step - 1, last)) for start in range(first, last + 1, step)]
            return [batch for part in parts for batch in await self._range(*part, is_journaled=is_journaled)]
        found, block = answers.results
        if block is None:
            raise Inconsistent(f"the node does not have block {last} yet, which another answer called final")
        self._size.answered(last - first + 1, len(found))
        newest = self._truly(answers.endpoint, header_of, block)
        if newest.number != last:
            raise self._untrue(answers.endpoint, f"asked for block {last}, the node gave {newest.number}")
        if self._checks_blooms:
            return [await self._checked_range(answers, first, newest, is_journaled=is_journaled)]
        missing = self._truly(answers.endpoint, blocks_without_time, found)
        headers = {header.number: header for header in await self.headers(missing) if header} | {last: newest}
        logs = self._read(answers.endpoint, found, first, last, headers)
        return [Batch(first_number=first, headers=[newest], is_final=True, is_journaled=is_journaled, logs=logs)]

    async def _checked_range(self, answers: Answers, first: int, newest: Header, *, is_journaled: bool) -> Batch:
        """A range whose every header was fetched, linked, and its bloom held against the logs."""
        found, newest_block = answers.results
        pairs = [*await self._blocks(range(first, newest.number)), (newest, newest_block)]
        headers = [header for header, _ in pairs if header]
        if len(headers) != len(pairs):
            raise Inconsistent(f"the node does not have all blocks up to {newest.number}, which are final")
        require_linked(headers)
        logs = self._read(answers.endpoint, found, first, newest.number, {header.number: header for header in headers})
        start, doubtful = 0, []
        for header, (_, block) in zip(headers, pairs, strict=True):
            end = start
            while end < len(logs) and logs[end][0] == header[0]:
                end += 1
            if self._is_doubtful(answers.endpoint, header, block, logs[start:end], only_first_topic=True):
                doubtful.append(header)
            start = end
        await self._ask_again(answers.endpoint, doubtful)
        return Batch(
            first_number=first,
            headers=headers if is_journaled else [newest],
            is_final=True,
            is_journaled=is_journaled,
            logs=logs,
        )

    def _is_doubtful(
        self, endpoint: Endpoint, header: Header, block: RpcBlock | None, logs: list[Log], *, only_first_topic: bool
    ) -> bool:
        """Whether the block's bloom may hold an event of ours although there are no logs.

        Raises:
            Untrue: the bloom excludes a log.
        """
        assert block is not None
        bits = self._truly(endpoint, bloom_of, block)
        if bits is None:  # the node does not fill its blooms
            return False
        if excluded := bloom.missing(bits, logs, only_first_topic=only_first_topic):
            raise self._untrue(
                endpoint, f"log {excluded.log_index} of block {header.number} is excluded by the block's bloom"
            )
        return not logs and self._watched.may_be_in(bits)

    async def _ask_again(self, endpoint: Endpoint, headers: Sequence[Header]) -> None:
        """Ask for the logs of blocks that have none although their blooms may hold some, all at once.

        Raises:
            Untrue: another answer has logs that the endpoint omitted.
        """
        if not headers:
            return
        calls = [get_logs_of_block(self._addresses, header.hash) for header in headers]
        again = await self._node.ask(calls, rather_not=endpoint)
        for header, found in zip(headers, again.results, strict=True):
            if found:
                self._read(again.endpoint, found, header.number, header.number, {header.number: header})
                raise self._untrue(endpoint, f"omitted {len(found)} logs of block {header.number}")
        if again.endpoint is endpoint and self._node.has_other_than(endpoint):
            raise Inconsistent(f"nobody else can say now whether block {headers[0].number} has logs of ours")
        METRICS.bloom_doubts.inc(len(headers))

    async def _blocks(self, numbers: Sequence[int]) -> list[tuple[Header | None, RpcBlock | None]]:
        """The blocks at these heights as one endpoint sees them, read and as given."""
        if not numbers:
            return []
        answers = await self._node.ask([get_block(number) for number in numbers])
        pairs: list[tuple[Header | None, RpcBlock | None]] = []
        for number, block in zip(numbers, answers.results, strict=True):
            header = self._truly(answers.endpoint, header_of, block) if block else None
            if header and header.number != number:
                raise self._untrue(answers.endpoint, f"asked for block {number}, the node gave {header.number}")
            pairs.append((header, block))
        return pairs

    def _marks(self, head: Header, answers: Answers) -> Marks:
        """What the last two answers call safe and final."""
        safe, finalized = (
            self._truly(answers.endpoint, header_of, block) if block else None for block in answers.results[-2:]
        )
        if finalized is None:
            depth = max(0, head.number - UNMARKED_FINALITY)
            return Marks(safe=depth, finalized=depth)
        return Marks(safe.number if safe else finalized.number, finalized.number, finalized.hash)

    def _read(
        self, endpoint: Endpoint, found: Sequence[RpcLog], first: int, last: int, headers: Mapping[int, Header]
    ) -> list[Log]:
        try:
            return logs_of(found, addresses=self._by_text, first=first, last=last, headers=headers)
        except Untrue as untruth:
            self._node.blame(endpoint, str(untruth))
            raise

    def _truly(self, endpoint: Endpoint, read: Callable[[Asked], Ready], said: Asked) -> Ready:
        """Read what an endpoint said; name it if that cannot be true."""
        try:
            return read(said)
        except Untrue as untruth:
            self._node.blame(endpoint, str(untruth))
            raise

    def _untrue(self, endpoint: Endpoint, complaint: str) -> Untrue:
        self._node.blame(endpoint, complaint)
        return Untrue(f"{endpoint.name}: {complaint}")
