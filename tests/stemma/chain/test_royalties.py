"""Royalty tables in Python; tests/contracts/test_royalty_tables.py compares them with the chain's."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stemma.chain.merkle import climb
from stemma.chain.royalties import (
    MAX_ANCESTORS,
    MAX_STACK_PPM,
    TRACK_TABLE,
    Entry,
    RoyaltyTable,
    TableRefused,
    parents_recordings,
    remix_table,
)
from stemma.works import WorkId, recording_of

works = st.integers(1, 2**40).map(lambda n: WorkId(n << 8)) | st.integers(0, 2**224 - 1).map(WorkId)
tables = st.dictionaries(works, st.integers(1, 5_000), max_size=30).map(
    lambda shares: RoyaltyTable(tuple(Entry(work, shares[work]) for work in sorted(shares)))
)


def track(n: int) -> WorkId:
    return WorkId(n << 8)


@given(table=tables)
def test_every_entry_is_proved(table):
    for entry in table.entries:
        assert climb(entry.leaf, table.proof(entry.work)) == table.root
        assert Entry.of_word(entry.word) == entry
        assert table.ppm_of(entry.work) == entry.ppm


@given(parents=st.dictionaries(works, st.integers(0, 5_000), min_size=1, max_size=16), data=st.data())
def test_a_remix_owes_the_sum_of_what_its_parents_owe(parents, data):
    chosen = [Entry(work, parents[work]) for work in sorted(parents)]
    inherited = {recording: data.draw(tables) for recording in parents_recordings(chosen)}
    assert list(inherited) == sorted({recording_of(work) for work in parents})
    ancestors = {work for work, ppm in parents.items() if ppm}
    ancestors |= {entry.work for each in inherited.values() for entry in each.entries}
    stack = sum(parents.values()) + sum(each.stack_ppm for each in inherited.values())
    assume(len(ancestors) <= MAX_ANCESTORS and stack <= MAX_STACK_PPM)
    table = remix_table(chosen, inherited)
    assert table.stack_ppm == stack
    assert list(table.entries) == sorted(table.entries)
    assert all(entry.ppm for entry in table.entries)
    for entry in table.entries:
        assert entry.ppm == parents.get(entry.work, 0) + sum(each.ppm_of(entry.work) for each in inherited.values())


def test_a_track_owes_nothing():
    assert (TRACK_TABLE.root, TRACK_TABLE.stack_ppm, TRACK_TABLE.words) == (bytes(32), 0, [])
    assert TRACK_TABLE.ppm_of(track(1)) == 0


@pytest.mark.parametrize(
    ("parents", "error"),
    [
        ([Entry(track(n), 1) for n in range(1, 18)], "TooManyParents"),
        ([Entry(track(2), 1), Entry(track(1), 1)], "ParentsNotAscending"),
        ([Entry(track(1), 1), Entry(track(1), 1)], "ParentsNotAscending"),
        ([Entry(track(1), MAX_STACK_PPM), Entry(track(2), 1)], "StackTooHigh"),
    ],
)
def test_refused(parents, error):
    with pytest.raises(TableRefused) as refusal:
        remix_table(parents, {recording_of(parent.work): TRACK_TABLE for parent in parents})
    assert refusal.value.error == error
    assert refusal.value.status == 422


def test_too_many_ancestors():
    table = RoyaltyTable(tuple(Entry(track(n), 1) for n in range(1, 129)))
    assert len(remix_table([Entry(track(5), 1)], {track(5): table}).entries) == 128
    with pytest.raises(TableRefused) as refusal:
        remix_table([Entry(track(200), 1)], {track(200): table})
    assert refusal.value.error == "TooManyAncestors"


def test_a_table_that_is_not_given():
    with pytest.raises(KeyError):
        remix_table([Entry(track(1), 1)], {})


def test_no_ancestor_no_proof():
    with pytest.raises(KeyError):
        RoyaltyTable((Entry(track(1), 1),)).proof(track(2))


@pytest.mark.parametrize("entry", [Entry(WorkId(2**224), 1), Entry(track(1), 2**32), Entry(WorkId(-1), 1)])
def test_no_word(entry):
    with pytest.raises(ValueError, match="no entry"):
        _ = entry.word
