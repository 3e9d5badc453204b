"""How many blocks to ask logs for at once: pure decisions."""

import re
from dataclasses import dataclass

FIRST_RANGE = 500
LARGEST_RANGE = 10_000
GROWTH = 2.0
ANSWERS_TO_FORGET = 32
"""After so many good answers the limit is doubted: it may have been a busy moment, or another endpoint's."""
_HINTS = (
    (re.compile(r"(0x[0-9a-f]+)\s*(?:,|-|to)\s*(0x[0-9a-f]+)", re.IGNORECASE), 16),
    (re.compile(r"range (?:of )?(\d+)\s*-\s*(\d+)", re.IGNORECASE), 10),
)
_NUMBER = r"(\d[\d,_]*)\s*(k)?\b"
_LIMITS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"limited to(?: an?)?(?: 0 -)? {_NUMBER}(?: blocks?)? range",
        rf"{_NUMBER}\s*blocks?\b",
        rf"block range:? {_NUMBER}",
        rf"block range(?: is)? greater than {_NUMBER}",
        rf"blocks?(?: allowed)? is {_NUMBER}",
        rf"maximum (?:is set to|allowed is) {_NUMBER}",
    )
)


@dataclass(slots=True)
class RangeSize:
    """Grows while answers are small, shrinks to the wanted number of logs, remembers the node's limit for a while."""

    wanted_logs: int
    blocks: int = FIRST_RANGE
    ceiling: int = LARGEST_RANGE
    good_answers: int = 0

    def answered(self, blocks: int, logs: int) -> None:
        """Adapt to an answer of so many logs from so many blocks."""
        self.good_answers += 1
        if self.good_answers >= ANSWERS_TO_FORGET:
            self.good_answers, self.ceiling = 0, min(2 * self.ceiling, LARGEST_RANGE)
        if blocks < self.blocks and logs < self.wanted_logs:
            return  # the range was cut short by the end of the chain and says nothing
        fitting = self.blocks * GROWTH if logs == 0 else blocks * self.wanted_logs / logs
        self.blocks = max(1, min(int(fitting), int(self.blocks * GROWTH), self.ceiling))

    def refused(self, blocks: int, suggested: int) -> int:
        """Take note that the node refuses this many blocks; return how many to try instead, at least 1."""
        smaller = suggested if 0 < suggested < blocks else max(1, blocks // 2)
        self.good_answers, self.ceiling = 0, smaller
        self.blocks = min(self.blocks, self.ceiling)
        return smaller


def suggested_blocks(message: str) -> int:
    """The number of blocks that an error text allows, 0 if it names none.

    Nodes either give a range that would work ("try with this block range [0x10, 0x2f]") or their limit ("limited to
    a 10,000 blocks range", "up to 2k blocks").
    """
    for hint, base in _HINTS:
        if found := hint.search(message):
            return max(0, int(found[2], base) - int(found[1], base) + 1)
    for limit in _LIMITS:
        if found := limit.search(message):
            return int(re.sub(r"[,_]", "", found[1])) * (1000 if found[2] else 1)
    return 0
