"""The parent-hash chain of the blocks that may still change: pure decisions, no input or output."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise

from indexer.blocks import Header, Marks, Span
from indexer.errors import Inconsistent


class ChainState:
    """The headers from the finalized block (or the block before the first indexed one) to the tip, by number.

    Invariant: consecutive numbers, each header's parent hash is the hash of the one before.
    """

    def __init__(self, headers: Sequence[Header]) -> None:
        if not headers:
            raise ValueError("a chain state needs at least one header")
        require_linked(headers)
        self._headers = list(headers)

    @property
    def tip(self) -> Header:
        """The last block applied."""
        return self._headers[-1]

    @property
    def anchor(self) -> Header:
        """The oldest block that a reorg may go back to."""
        return self._headers[0]

    def at(self, number: int) -> Header | None:
        """The header applied at this height, unless it is out of the window."""
        offset = number - self.anchor.number
        return self._headers[offset] if 0 <= offset < len(self._headers) else None

    def newest_first(self, below_or_at: int) -> Iterable[Header]:
        """The headers from this height down to the anchor."""
        end = bisect_left(self._headers, below_or_at + 1, key=lambda header: header.number)
        return reversed(self._headers[:end])

    def moved(self, base: Header, span: Span | None, marks: Marks) -> "ChainState":
        """Return the state after what is above ``base`` is replaced by the span, and final headers are let go.

        Raises:
            Inconsistent: the span does not build on ``base``, or the node finalized another block than ours.
        """
        if span and span.is_final:
            _require_same_final(span.last, marks)
            return ChainState([span.last])
        below = [header for header in self._headers if header.number <= base.number]
        state = ChainState([*below, *(span.headers if span else ())])
        if final := state.at(marks.finalized):
            _require_same_final(final, marks)
        floor = min(marks.finalized, state.tip.number)
        return ChainState([header for header in state._headers if header.number >= floor])


def _require_same_final(header: Header, marks: Marks) -> None:
    if header.number == marks.finalized and marks.finalized_hash not in (None, header.hash):
        raise Inconsistent(f"the node finalized another block {marks.finalized} than the one it shows us now")


def require_linked(headers: Sequence[Header]) -> None:
    """Raise Inconsistent unless each header is the parent of the next one."""
    for parent, child in pairwise(headers):
        if child.number != parent.number + 1 or child.parent_hash != parent.hash:
            raise Inconsistent(
                f"block {child.number} {child.hash.hex()[:8]} does not build on {parent.number} {parent.hash.hex()[:8]}"
            )
