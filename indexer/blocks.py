"""The chain as the engine sees it: headers, logs, batches of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Header(NamedTuple):
    """A block's place in the parent-hash chain."""

    number: int
    hash: bytes
    parent_hash: bytes
    time: datetime


class Log(NamedTuple):
    """A log as the node gave it, in bytes; the order of the fields is that of table `logs`, topics apart."""

    block_number: int
    log_index: int
    tx_index: int
    block_time: datetime
    block_hash: bytes
    tx_hash: bytes
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Marks:
    """How much of the chain the node calls safe and final, as block numbers.

    ``finalized_hash`` is None where the node knows no finality and a fixed depth stands in for it.
    """

    safe: int
    finalized: int
    finalized_hash: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Consecutive blocks.

    ``headers`` are all headers of blocks that are not final yet, linked; of final ones the last is enough.
    ``is_journaled``: whether what these blocks change shall be remembered, to be undone or read as of.
    """

    first_number: int
    headers: Sequence[Header]
    is_final: bool
    is_journaled: bool = True

    @property
    def last(self) -> Header:
        """The block up to which the index is complete once the span is applied."""
        return self.headers[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Span):
    """Blocks to apply at once, with their logs by (block, log index)."""

    logs: Sequence[Log]
