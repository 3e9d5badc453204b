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


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive blocks to apply at once: their logs by (block, log index), and the header of the last one.

    ``headers`` are all headers when the blocks are not final yet, and only the last one's when they are.
    """

    logs: Sequence[Log]
    headers: Sequence[Header]
    is_final: bool
    first_number: int

    @property
    def last(self) -> Header:
        """The block up to which the index is complete once the batch is applied."""
        return self.headers[-1]
