"""The Merkle tree of stems against a naive reading of its definition (the chain's is compared in tests/contracts)."""

import pytest
from eth_hash.auto import keccak
from hypothesis import assume, given
from hypothesis import strategies as st

from stemma.chain.intents import Stem
from stemma.chain.merkle import climb, leaf, proof, root, stem_leaves, stems_root
from stemma.works import STEM_KINDS, Kind, recording_id, stem_id

words = st.binary(min_size=32, max_size=32)
leaf_lists = st.lists(words, min_size=1, max_size=20)
stems = st.builds(Stem, words, words, st.sampled_from([0x55, 0x70]))
six = st.lists(stems, min_size=6, max_size=6)


def node(a: bytes, b: bytes) -> bytes:
    return keccak(b"".join(sorted((a, b))))


@given(st.lists(words, min_size=6, max_size=6))
def test_six_leaves(leaves):
    a, b, c, d, e, f = leaves
    assert root(leaves) == node(node(node(a, b), node(c, d)), node(e, f))


@given(words)
def test_one_leaf_is_its_root(only):
    assert root([only]) == only
    assert proof([only], 0) == []


@given(words, words, words)
def test_odd_node_is_promoted(a, b, c):
    assert root([a, b, c]) == node(node(a, b), c)
    assert proof([a, b, c], 2) == [node(a, b)]


@given(leaf_lists, st.data())
def test_proofs_lead_to_the_root(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    assert climb(leaves[index], proof(leaves, index)) == root(leaves)


@given(leaf_lists, words, st.data())
def test_other_leaves_do_not(leaves, other, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    assume(other != leaves[index])
    assert climb(other, proof(leaves, index)) != root(leaves)


@given(words, six, st.integers(0, 5), stems)
def test_every_stem_counts(content_hash, files, position, other):
    assume(files[position] != other)
    recording = recording_id(content_hash)
    changed = [*files[:position], other, *files[position + 1 :]]
    assert stems_root(recording, files) != stems_root(recording, changed)


@given(words, words, six)
def test_roots_belong_to_their_recording(one, other, files):
    assume(one != other)
    assert stems_root(recording_id(one), files) != stems_root(recording_id(other), files)


@given(words, six)
def test_leaves_are_in_the_order_of_kinds(content_hash, files):
    recording = recording_id(content_hash)
    by_hand = [leaf(stem_id(recording, kind), stem) for kind, stem in zip(STEM_KINDS, files, strict=True)]
    assert stem_leaves(recording, files) == by_hand
    assert stems_root(recording, files) == root(by_hand)


def test_no_leaves():
    with pytest.raises(ValueError, match="needs a leaf"):
        root([])


@pytest.mark.parametrize("index", [-1, 2])
def test_no_such_leaf(index):
    with pytest.raises(IndexError):
        proof([bytes(32), bytes(32)], index)


@pytest.mark.parametrize("count", [0, 5, 7])
def test_six_stems_make_a_recording(count):
    files = [Stem(bytes(32), bytes(32), 0x55)] * count
    with pytest.raises(ValueError, match="zip"):
        stems_root(recording_id(bytes(32)), files)


def test_stems_of_a_stem():
    with pytest.raises(ValueError, match="is not a recording"):
        stems_root(stem_id(recording_id(bytes(32)), Kind.BASS), [Stem(bytes(32), bytes(32), 0x55)] * 6)
