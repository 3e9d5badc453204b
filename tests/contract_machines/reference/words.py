"""Ids, hashes and trees as design.md and the interfaces define them, over plain ints.

Written from the rules, not from the contracts, and sharing nothing with stemma/.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.contract_machines.abi import keccak

RECORDING = 0
KINDS = range(1, 7)
ALL_WORKS = 0b111_1111
ANCESTORS_CAP = 128
PARENTS_CAP = 16
STACK_CAP = 800_000


def keccak_int(data: bytes) -> int:
    return int.from_bytes(keccak(data), "big")


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def hash_words(*values: int) -> int:
    """keccak of 32-byte words."""
    return keccak_int(b"".join(map(word, values)))


def recording_of_content(content_hash: int) -> int:
    return hash_words(content_hash) % 2**224 & ~0xFF


def recording_of(work: int) -> int:
    return work & ~0xFF


def kind_of(work: int) -> int:
    return work & 0xFF


# ---------------------------------------------------------------- trees


def node(a: int, b: int) -> int:
    return hash_words(min(a, b), max(a, b))


def levels(leaves: Sequence[int]) -> list[list[int]]:
    """The levels of a tree, leaves first: sorted pairs, an odd node is promoted."""
    tree = [list(leaves)]
    while len(tree[-1]) > 1:
        below = tree[-1]
        pairs = [node(*below[at : at + 2]) if at + 1 < len(below) else below[at] for at in range(0, len(below), 2)]
        tree.append(pairs)
    return tree


def root_of(leaves: Sequence[int]) -> int:
    return levels(leaves)[-1][0] if leaves else 0


def proof_of(leaves: Sequence[int], index: int) -> tuple[int, ...]:
    """Siblings from a leaf to the root, lowest first."""
    siblings = []
    for level in levels(leaves)[:-1]:
        if index ^ 1 < len(level):
            siblings.append(level[index ^ 1])
        index //= 2
    return tuple(siblings)


# ---------------------------------------------------------------- royalty tables


def entry(work: int, ppm: int) -> int:
    return work << 32 | ppm


def entry_leaf(work: int, ppm: int) -> int:
    return hash_words(entry(work, ppm))


def merged_table(parents: Sequence[tuple[int, int]], tables: Sequence[dict[int, int]]) -> dict[int, int]:
    """ancestor -> ppm of a remix: the parents' own shares, and the tables of their distinct recordings, once each."""
    table: dict[int, int] = {}
    for work, ppm in parents:
        table[work] = table.get(work, 0) + ppm
    for inherited in tables:
        for work, ppm in inherited.items():
            table[work] = table.get(work, 0) + ppm
    return {work: table[work] for work in sorted(table) if table[work]}


def table_root(table: dict[int, int]) -> int:
    return root_of([entry_leaf(work, ppm) for work, ppm in sorted(table.items())])


def table_proof(table: dict[int, int], ancestor: int) -> tuple[int, ...]:
    works = sorted(table)
    return proof_of([entry_leaf(work, table[work]) for work in works], works.index(ancestor))
