"""Royalty tables: what each ancestor gets of a recording's revenue, in parts per million.

The reference of contracts/registry/Ancestry.sol and contracts/libraries/RoyaltyTable.sol; a differential test compares
them. The table of a remix is the sum of its parents' own entries and of the tables of the parents' distinct
recordings, each taken once; nothing is deduplicated deeper.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from itertools import pairwise
from typing import ClassVar, NamedTuple

from eth_hash.auto import keccak

from stemma.chain import merkle
from stemma.chain.errors import ChainError
from stemma.works import WORK_ID_BITS, WorkId, recording_of, to_hex

MAX_PARENTS = 16
MAX_ANCESTORS = 128
MAX_STACK_PPM = 800_000

_PPM_BITS = 32
_NO_ROOT = bytes(32)


class TableRefused(ChainError):
    """The registry would refuse to register a remix of these parents; ``error`` is its custom error's name."""

    code: ClassVar[str] = "royalty_table_refused"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNPROCESSABLE_ENTITY
    title: ClassVar[str] = "No remix can have these parents together"

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(detail)
        self.error = error


class Entry(NamedTuple):
    """What one ancestor gets, in parts per million; above zero in a table. One word on chain: work << 32 | ppm."""

    work: WorkId
    ppm: int

    @property
    def word(self) -> int:
        """The 32 bytes of the entry as a number.

        Raises:
            ValueError: the work does not fit 224 bits, or the ppm 32.
        """
        if not (0 <= self.work < 1 << WORK_ID_BITS and 0 <= self.ppm < 1 << _PPM_BITS):
            raise ValueError(f"({self.work}, {self.ppm}) is no entry of a royalty table")
        return self.work << _PPM_BITS | self.ppm

    @classmethod
    def of_word(cls, word: int) -> "Entry":
        """The entry of a word."""
        return cls(WorkId(word >> _PPM_BITS), word & ((1 << _PPM_BITS) - 1))

    @property
    def leaf(self) -> bytes:
        """The entry's leaf in the table's Merkle tree, 32 bytes."""
        return keccak(self.word.to_bytes(32, "big"))


@dataclass(frozen=True)
class RoyaltyTable:
    """The table of a recording, strictly ascending by work; empty for a track."""

    entries: tuple[Entry, ...] = ()

    @cached_property
    def root(self) -> bytes:
        """The Merkle root that the registry keeps; 32 zero bytes for a track."""
        return merkle.root([entry.leaf for entry in self.entries]) if self.entries else _NO_ROOT

    @cached_property
    def stack_ppm(self) -> int:
        """What a payment to the recording owes to all ancestors together."""
        return sum(entry.ppm for entry in self.entries)

    @property
    def words(self) -> list[int]:
        """The table as calldata."""
        return [entry.word for entry in self.entries]

    def proof(self, ancestor: WorkId) -> list[bytes]:
        """The siblings of an ancestor's leaf, lowest first.

        Raises:
            KeyError: the work is no ancestor.
        """
        works = [entry.work for entry in self.entries]
        if ancestor not in works:
            raise KeyError(to_hex(ancestor))
        return merkle.proof([entry.leaf for entry in self.entries], works.index(ancestor))

    def ppm_of(self, ancestor: WorkId) -> int:
        """What a work gets by this table: zero unless it is an ancestor."""
        return dict(self.entries).get(ancestor, 0)


TRACK_TABLE = RoyaltyTable()


def remix_table(parents: Sequence[Entry], tables: Mapping[WorkId, RoyaltyTable]) -> RoyaltyTable:
    """The table that a remix gets, strictly ascending by work.

    Args:
        parents: The parents with their licenses' ppm (a license may grant zero), strictly ascending by work.
        tables: The tables of the parents' recordings, by recording.

    Raises:
        TableRefused: as the registry would refuse, with its error's name.
        KeyError: the table of a parent's recording is not among ``tables``.
    """
    if len(parents) > MAX_PARENTS:
        raise TableRefused("TooManyParents", f"{len(parents)} parents; a remix has at most {MAX_PARENTS}")
    for lower, higher in pairwise(parents):
        if lower.work >= higher.work:
            raise TableRefused("ParentsNotAscending", f"{to_hex(higher.work)} comes after {to_hex(lower.work)}")

    inherited = [tables[recording] for recording in parents_recordings(parents)]
    shares = Counter(dict(parents))
    for table in inherited:
        shares.update(dict(table.entries))
    stack = shares.total()
    if stack > MAX_STACK_PPM:
        raise TableRefused(
            "StackTooHigh",
            f"the ancestors would get {stack} ppm together; the remix must keep {1_000_000 - MAX_STACK_PPM}",
        )
    entries = tuple(Entry(work, shares[work]) for work in sorted(shares) if shares[work])
    if len(entries) > MAX_ANCESTORS:
        raise TableRefused("TooManyAncestors", f"{len(entries)} ancestors; a remix has at most {MAX_ANCESTORS}")
    return RoyaltyTable(entries)


def parents_recordings(parents: Sequence[Entry]) -> list[WorkId]:
    """The parents' distinct recordings in the order in which the registry wants their tables."""
    return list(dict.fromkeys(recording_of(parent.work) for parent in parents))
