"""The parent-hash chain in memory."""

from datetime import UTC, datetime

import pytest

from indexer.blocks import Header, Marks, Span
from indexer.chain_state import ChainState
from indexer.errors import Inconsistent

TIME = datetime(2026, 1, 1, tzinfo=UTC)


def headers(numbers: range, branch: bytes = b"a", parent: bytes | None = None) -> list[Header]:
    found = []
    for number in numbers:
        before = parent if parent is not None else branch + bytes([number - 1])
        found.append(Header(number, branch + bytes([number]), before, TIME))
        parent = None
    return found


def batch(found: list[Header], *, is_final: bool = False) -> Span:
    return Span(headers=found, is_final=is_final, first_number=found[0].number)


def test_headers_that_do_not_link_are_refused() -> None:
    with pytest.raises(Inconsistent):
        ChainState([*headers(range(1, 3)), *headers(range(4, 5))])
    with pytest.raises(Inconsistent):
        ChainState([*headers(range(1, 3)), *headers(range(3, 4), b"b")])


def test_the_window_begins_at_the_finalized_block() -> None:
    state = ChainState(headers(range(1, 5))).moved(headers(range(4, 5))[0], batch(headers(range(5, 9))), Marks(7, 6))
    assert (state.anchor.number, state.tip.number) == (6, 8)
    assert state.at(5) is None
    assert state.at(6) == headers(range(6, 7))[0]
    assert [header.number for header in state.newest_first(7)] == [7, 6]


def test_another_branch_replaces_what_is_above_its_base() -> None:
    state = ChainState(headers(range(1, 6)))
    base = headers(range(3, 4))[0]
    other = headers(range(4, 6), b"b", parent=base.hash)
    moved = state.moved(base, batch(other), Marks(0, 0))
    assert [header.hash for header in moved.newest_first(9)] == [b"b\x05", b"b\x04", b"a\x03", b"a\x02", b"a\x01"]
    assert state.tip.hash == b"a\x05", "the state before is unchanged: the database may still refuse"


def test_a_batch_that_does_not_build_on_its_base_is_refused() -> None:
    with pytest.raises(Inconsistent):
        ChainState(headers(range(1, 6))).moved(headers(range(5, 6))[0], batch(headers(range(6, 8), b"b")), Marks(0, 0))


def test_a_node_that_finalized_another_block_is_refused() -> None:
    state = ChainState(headers(range(1, 6)))
    with pytest.raises(Inconsistent, match="finalized another"):
        state.moved(headers(range(5, 6))[0], batch(headers(range(6, 8))), Marks(4, 4, b"b\x04"))


def test_a_final_range_that_ends_in_another_block_than_the_final_one_is_refused() -> None:
    state, base = ChainState(headers(range(1, 6))), headers(range(5, 6))[0]
    last = headers(range(9, 10), b"b")
    with pytest.raises(Inconsistent, match="finalized another"):
        state.moved(base, batch(last, is_final=True), Marks(9, 9, b"a\x09"))
    assert state.moved(base, batch(last, is_final=True), Marks(9, 9, b"b\x09")).anchor == last[0]
    assert state.moved(base, batch(last, is_final=True), Marks(12, 12, b"a\x0c")).anchor == last[0]


def test_without_new_blocks_only_the_base_remains_on_top() -> None:
    state = ChainState(headers(range(1, 6))).moved(headers(range(3, 4))[0], None, Marks(0, 0))
    assert state.tip.number == 3
