"""The core loop: where the index is, where the node is, fetch what lies between, apply it in one transaction.

One step (`Engine.converge`) either brings the index closer to the node's head, or says why it cannot. The chain is
trusted by parent hashes alone: a block is applied only if it builds on the block applied before. If the next one does
not, the newest common block is looked up, and undoing down to it and applying the other branch is one transaction, so
readers never see a catalog that lacks both.

A step ends in one of four ways: progress, nothing to do, an answer worth waiting for (`TryAgain`: the node is away,
behind, or contradicts itself), or a `Stop`, after which only a person can know what is right.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum, auto

import structlog

from indexer.apply import Prepared, Step, Writer
from indexer.blocks import Batch, Header, Marks
from indexer.calls import RpcBlock
from indexer.chain_state import ChainState
from indexer.errors import FinalityBroken, Inconsistent, TryAgain
from indexer.metrics import METRICS
from indexer.rpc import Node
from indexer.source import Source

_log = structlog.get_logger(__name__)

FORK_PROBE = 16
NEAR_BLOCKS = 4
"""So few blocks are taken one by one, and what is final is asked for with their logs: one round trip less."""
BEHIND_REMINDER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the loop waits for what, in seconds.

    ``shortest_poll`` / ``longest_poll``: between two looks at the head, depending on how fast the node answers.
    ``first_pause`` / ``longest_pause``: after an answer that could not be used, doubling. ``patience``: how long a node
    whose head is below ours may show another branch before we believe it; a replica that is only behind, on a branch
    since given up, catches up within seconds. ``marks``: between two looks at what is final.
    """

    shortest_poll: float = 0.04
    longest_poll: float = 1.0
    first_pause: float = 0.1
    longest_pause: float = 2.0
    patience: float = 3.0
    marks: float = 5.0

    def poll(self, latency_seconds: float) -> float:
        """How long to wait before looking again: a node is busy with us a fifth of the time at most."""
        return min(max(self.shortest_poll, 4 * latency_seconds), self.longest_poll)


class Progress(Enum):
    """How a step ended."""

    ADVANCED = auto()
    IDLE = auto()
    WAITING = auto()


class Engine:
    """Brings one chain schema to the head of one chain and keeps it there."""

    def __init__(
        self,
        node: Node,
        source: Source,
        writer: Writer,
        *,
        first_block: int,
        journal_blocks: int = 0,
        pace: Pace = Pace(),
        on_applied: Callable[[int, int, int], None] = lambda _block, _head, _logs: None,
    ) -> None:
        """``first_block``: of our contracts. ``journal_blocks``: how far back from the tip the index can be read as of,
        at least down to the finalized block. ``on_applied`` is called after every commit with the block that the index
        is complete up to, the node's head, and the number of logs.
        """
        self._node = node
        self._source = source
        self._writer = writer
        self._first_block = first_block
        self._journal_blocks = journal_blocks
        self._history = 0
        self._head = 0
        self._pace = pace
        self._on_applied = on_applied
        self._marks = Marks(0, 0)
        self._branch_since: float | None = None
        self._says_behind_at = 0.0
        self._marks_due = 0.0
        self._chain: ChainState | None = None

    @property
    def chain(self) -> ChainState:
        """The blocks applied that may still change."""
        assert self._chain is not None, "the engine is not open"
        return self._chain

    async def run(self, until: int | None = None) -> None:
        """Converge for ever, or until block ``until`` is applied.

        Raises:
            Stop: the indexer must not go on by itself.
            psycopg.Error: the database failed; nothing is lost, open again.
        """
        pause = self._pace.first_pause
        while True:
            try:
                progress = await self.converge(until)
                pause = self._pace.first_pause
            except TryAgain as reason:
                _log.warning("waiting for the node", because=str(reason), seconds=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, self._pace.longest_pause)
                continue
            if until is not None and self.chain.tip.number >= until and progress is not Progress.WAITING:
                return
            if progress is not Progress.ADVANCED:
                await self._source.wait(self._pace.poll(self._source.latency_seconds))

    async def converge(self, until: int | None = None) -> Progress:
        """Take one step towards the node's head, or towards block ``until`` if that is lower.

        Raises:
            TryAgain: the node has no consistent answer now.
            Stop: the indexer must not go on by itself.
        """
        if self._chain is None:
            await self._open()
        newest = await self._source.head()
        tip, head = self.chain.tip, newest[0]
        self._head = head.number
        METRICS.head.set(head.number)
        METRICS.lag.set(max(0, head.number - tip.number))
        if head.hash == tip.hash:
            self._branch_since = None
            return await self._look_at_marks(head)
        if head.number < tip.number and not self._believes_shorter_branch(head):
            return Progress.WAITING
        self._branch_since = None
        seen = time.monotonic()
        target = head.number if until is None else min(head.number, until)
        if target <= tip.number < head.number:
            return Progress.IDLE
        await self._advance(newest, target)
        METRICS.delay.observe(time.monotonic() - seen)
        return Progress.ADVANCED

    async def _look_at_marks(self, head: Header) -> Progress:
        """At the head, look now and then whether more is final: the last answer may have been a laggard's."""
        if time.monotonic() < self._marks_due:
            return Progress.IDLE
        marks = self._raised(await self._source.marks(head))
        self._marks_due = time.monotonic() + self._pace.marks
        if marks.finalized > head.number or (marks.safe, marks.finalized) == (self._marks.safe, self._marks.finalized):
            return Progress.IDLE
        await self._apply(None, self.chain.tip, marks)
        return Progress.ADVANCED

    async def _advance(self, newest: tuple[Header, RpcBlock], target: int) -> None:
        """Apply the next blocks up to ``target``: final ranges if there are any, else the next few blocks."""
        head, base = newest[0], self.chain.tip
        if head.number - base.number > NEAR_BLOCKS or time.monotonic() >= self._marks_due:
            marks = self._raised(await self._source.marks(head))
            if base.number < min(marks.finalized, target):
                return await self._catch_up(head, target, marks)
        batch, marks = await self._live(base, newest, target)
        if batch is None or batch.headers[0].parent_hash != base.hash:
            base = await self._common_block(head)
            batch, marks = await self._live(base, newest, target)
        await self._apply(self._writer.prepare(batch) if batch else None, base, marks)

    async def _catch_up(self, head: Header, target: int, marks: Marks) -> None:
        """Apply the final blocks up to ``target``."""
        base = await self._common_block(head)
        final = self._source.final(
            base.number + 1,
            min(marks.finalized, target),
            journaled_from=min(head.number - self._journal_blocks, marks.finalized) + 1,
            prepare=self._writer.prepare,
        )
        # Closed at once whatever happens, so that nothing is fetched ahead for a writer that is gone.
        async with aclosing(final) as batches:
            async for prepared in batches:
                await self._apply(prepared, base, marks)
                base = self.chain.tip

    async def _live(self, base: Header, newest: tuple[Header, RpcBlock], target: int) -> tuple[Batch | None, Marks]:
        """The next few blocks after ``base``, if there are any, and how much is final."""
        if base.number >= target:
            return None, self._raised(await self._source.marks(newest[0]))
        batch, marks = await self._source.live(base, target, newest)
        return batch, self._raised(marks)

    async def _apply(self, prepared: Prepared | None, base: Header, marks: Marks) -> None:
        """Replace what is above ``base`` by what was prepared, in the database first, then in memory."""
        started = time.monotonic()
        last = (prepared.last if prepared else base).number
        if marks.finalized > last:  # beyond the blocks it cannot be compared with them
            marks = Marks(last, last) if prepared and prepared.is_final else self._marks
        if marks is not self._marks:
            self._marks_due = time.monotonic() + self._pace.marks
        following = self.chain.moved(base, prepared, marks)
        step = Step(prepared, self.chain.tip, base, marks, self._history_after(prepared, following.tip, marks))
        await self._writer.apply(step)
        self._chain, self._marks, self._history = following, marks, step.history
        seconds = time.monotonic() - started
        METRICS.stalled_on_write.inc(seconds)
        self._report(step, seconds)
        self._on_applied(step.last.number, max(self._head, step.last.number), prepared.logs if prepared else 0)

    def _history_after(self, prepared: Prepared | None, tip: Header, marks: Marks) -> int:
        """The oldest block that can still be read as of: in the window, journaled, and never above what may change."""
        if prepared and not prepared.is_journaled:
            return prepared.last.number
        return max(self._history, min(tip.number - self._journal_blocks, marks.finalized))

    async def _common_block(self, head: Header) -> Header:
        """The newest block that both the index and the node's chain have.

        Raises:
            FinalityBroken: they have none that may still change.
        """
        self._node.doubt()
        checked = list(self.chain.newest_first(head.number))
        for start in range(0, len(checked), FORK_PROBE):
            ours = checked[start : start + FORK_PROBE]
            theirs = await self._source.headers([header.number for header in ours])
            for mine, other in zip(ours, theirs, strict=True):
                if other is None:
                    raise Inconsistent(f"the node has a block {head.number} but no block {mine.number}")
                if mine.hash == other.hash:
                    return mine
        anchor = self.chain.anchor
        raise FinalityBroken(
            f"the node's chain differs from the index at and below block {anchor.number} (0x{anchor.hash.hex()}), which"
            " was final, or comes before our contracts. Nothing was changed. If the node is wrong, point RPC_URLS at"
            " another one; if the chain really was replaced, forget what was indexed with"
            " `stemma indexer migrate --fresh` and start again."
        )

    def _believes_shorter_branch(self, head: Header) -> bool:
        """Whether a head below ours is a branch to follow, and not a node that is behind. Behind: wait, and say so."""
        mine = self.chain.at(head.number)
        is_branch = mine is not None and mine.hash != head.hash
        now = time.monotonic()
        if not is_branch or self._branch_since is None:
            self._branch_since = now
        if now >= self._says_behind_at:
            self._says_behind_at = now + BEHIND_REMINDER_SECONDS
            self._node.doubt()
            tip = self.chain.tip.number
            _log.warning("the node is behind the index", node=head.number, index=tip, other_branch=is_branch)
        return is_branch and now - self._branch_since >= self._pace.patience

    async def _open(self) -> None:
        """Find out where the index is; bind it to the node's chain if it is new."""
        await self._writer.open()
        genesis_hash, headers, self._marks, self._history = await self._writer.state()
        if genesis_hash is None:
            await self._source.require_contracts()
            anchor = await self._source.header(max(0, self._first_block - 1))  # block 0 has no logs
            assert self._node.genesis_hash is not None, "an endpoint that answered has been proved"
            assert self._node.chain_id is not None
            await self._writer.pin(self._node.chain_id, self._node.genesis_hash, anchor)
            headers, self._history = [anchor], anchor.number
        self._node.pin(genesis_hash)
        self._chain = ChainState(headers)
        _log.info("opened", block=self.chain.tip.number, can_undo_to=self.chain.anchor.number)

    def _raised(self, marks: Marks) -> Marks:
        """What was final stays final, whichever endpoint is asked."""
        if marks.finalized < self._marks.finalized:
            return Marks(max(marks.safe, self._marks.safe), self._marks.finalized)
        return marks

    def _report(self, step: Step, seconds: float) -> None:
        last, base, prepared = step.last, step.base, step.prepared
        METRICS.applied.set(last.number)
        METRICS.finalized.set(step.marks.finalized)
        for event, count in (prepared.derivation.counts if prepared else {}).items():
            METRICS.events.labels(event).inc(count)
        if base.number < step.tip.number:
            depth = step.tip.number - base.number
            METRICS.reorgs.inc()
            METRICS.reorg_depth.observe(depth)
            _log.warning("reorg", depth=depth, common_block=base.number, undone=step.tip.hash.hex()[:8])
        _log.info(
            "applied", block=last.number, hash=last.hash.hex()[:8], blocks=last.number - base.number,
            logs=prepared.logs if prepared else 0, ms=round(1000 * seconds),
        )  # fmt: skip
