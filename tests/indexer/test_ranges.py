"""How the range of a log query adapts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.ranges import ANSWERS_TO_FORGET, FIRST_RANGE, LARGEST_RANGE, RangeSize, suggested_blocks


@pytest.mark.parametrize(
    ("message", "blocks"),
    [
        ("query returned more than 10000 results. Try with this block range [0x10, 0x2f].", 32),
        ("eth_getLogs is limited to a 10,000 blocks range", 10_000),
        ("You can make eth_getLogs requests with up to a 2k block range", 2_000),
        ("block range too large, max is 500 blocks", 500),
        ("query timeout exceeded", 0),
        ("eth_getLogs is limited to a 10,000 range", 10_000),
        ("eth_getLogs is limited to 0 - 10000 blocks range", 10_000),
        ("exceed maximum block range: 50000", 50_000),
        ("query exceeds max block range 1000", 1_000),
        ("query exceeds max results 20000, retry with the range 100-250", 151),
        ("block range greater than 800 max", 800),
        ("requested too many blocks from 0 to 5000, maximum is set to 2048", 2_048),
        ("ranges over 10000 blocks are not supported on free tier", 10_000),
        ("Maximum allowed number of requested blocks is 10000", 10_000),
        (
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on"
            " the response size. Based on your parameters this block range should work: [0x10, 0x2f]",
            32,
        ),
        ("logs matched by query exceeds limit of 10000", 0),
        ("block range is too wide", 0),
        ("query returned more than 10000 results", 0),
    ],
)
def test_a_refusal_is_read_for_the_range_that_would_work(message: str, blocks: int) -> None:
    assert suggested_blocks(message) == blocks


def test_empty_ranges_grow_to_the_ceiling() -> None:
    size = RangeSize(wanted_logs=100)
    for _ in range(20):
        size.answered(size.blocks, 0)
    assert size.blocks == LARGEST_RANGE


def test_a_range_cut_short_by_the_end_of_the_chain_says_nothing() -> None:
    size = RangeSize(wanted_logs=100)
    size.answered(1, 1)
    assert size.blocks == FIRST_RANGE


@given(st.lists(st.integers(0, 5_000), min_size=1), st.integers(1, 5_000))
def test_any_answers_leave_a_range_between_one_and_the_ceiling(answers: list[int], limit: int) -> None:
    size = RangeSize(wanted_logs=100)
    for logs in answers:
        while size.blocks > limit:
            assert 1 <= size.refused(size.blocks, 0) < max(2, size.blocks * 2)
        size.answered(size.blocks, logs)
        assert 1 <= size.blocks <= LARGEST_RANGE


@given(st.integers(2, 100_000), st.integers(0, 200_000))
def test_a_refused_range_gets_smaller_and_stays_so(blocks: int, suggested: int) -> None:
    size = RangeSize(wanted_logs=100, blocks=blocks, ceiling=100_000)
    smaller = size.refused(blocks, suggested)
    assert 1 <= smaller < blocks
    size.answered(size.blocks, 0)
    assert size.blocks <= smaller


def test_a_limit_is_doubted_after_many_good_answers() -> None:
    size = RangeSize(wanted_logs=100)
    size.refused(500, 1)
    assert (size.blocks, size.ceiling) == (1, 1)
    for _ in range(ANSWERS_TO_FORGET * 16):
        size.answered(size.blocks, 0)
    assert size.blocks == LARGEST_RANGE
