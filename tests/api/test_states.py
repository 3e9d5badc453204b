"""The state machine of an upload: monotone, idempotent, and the same whatever order the queues deliver in."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingestion.states import TRANSITIONS, Cause, Failure, Signal, Stage, State, advance

_FAILURES = {Cause.INPUT_REJECTED, Cause.SIGNATURE_OVERDUE, Cause.SEPARATION_FAILED, Cause.COMMIT_FAILED}


@st.composite
def _signals(draw: st.DrawFn) -> Signal:
    cause = draw(st.sampled_from(Cause))
    failure = Failure(f"because_{cause.value}", "why") if cause in _FAILURES else None
    percent = draw(st.integers(0, 100)) if cause is Cause.PROGRESSED else 0
    return Signal(cause, percent=percent, failure=failure)


def _run(signals: list[Signal], state: State | None = None) -> list[State]:
    states = [state or State()]
    for signal in signals:
        states.append(advance(states[-1], signal))
    return states


@given(st.lists(_signals(), max_size=40))
def test_the_position_never_falls(signals: list[Signal]) -> None:
    states = _run(signals)
    for before, after in itertools.pairwise(states):
        assert after.position >= before.position
        if after.position == before.position:
            assert after.percent >= before.percent
        assert after.signed >= before.signed


@given(st.lists(_signals(), max_size=40), _signals())
def test_a_signal_that_comes_twice_in_a_row_counts_once(signals: list[Signal], again: Signal) -> None:
    once = advance(_run(signals)[-1], again)
    assert advance(once, again) == once


@given(st.lists(_signals(), max_size=60))
def test_a_failure_has_a_reason_and_only_a_reorg_leads_on(signals: list[Signal]) -> None:
    for state in _run(signals):
        assert (state.stage is Stage.FAILED) == (state.failure is not None)
        if state.stage is Stage.FAILED:
            assert all(advance(state, signal) == state for signal in signals if signal.cause is not Cause.UNMINED)


_WAY = [
    Signal(Cause.PROBE_STARTED),
    Signal(Cause.PROBE_PASSED),
    Signal(Cause.PROGRESSED, percent=40),
    Signal(Cause.PROCESSED),
    Signal(Cause.MINED),
    Signal(Cause.INDEXED),
]


@given(st.integers(0, 2), st.data())
def test_the_signature_may_come_before_during_or_after_the_probe(at: int, data: st.DataObject) -> None:
    way = [*_WAY[:at], Signal(Cause.SIGNED), *_WAY[at:]]
    assert _run(way)[-1].stage is Stage.INDEXED


@given(st.data())
def test_redelivery_of_anything_seen_changes_nothing(data: st.DataObject) -> None:
    """Old messages of this way come again at any later moment, in any order."""
    way = [*_WAY[:2], Signal(Cause.SIGNED), *_WAY[2:]]
    state = State()
    for step, signal in enumerate(way):
        state = advance(state, signal)
        for old in data.draw(st.lists(st.sampled_from(way[: step + 1]), max_size=5)):
            assert advance(state, old).position == state.position


@given(st.permutations([Signal(Cause.PROCESSED), *(Signal(Cause.PROGRESSED, percent=p) for p in (10, 50, 90))]))
def test_progress_and_result_in_any_order_end_in_submitting(messages: list[Signal]) -> None:
    queued = State(stage=Stage.QUEUED, signed=True)
    assert _run(messages, queued)[-1].stage is Stage.SUBMITTING


def test_nothing_is_separated_without_a_signature() -> None:
    unsigned = [cause for cause in Cause if cause not in (Cause.SIGNED, Cause.UNMINED)]
    reached = {State()}
    for _ in Stage:
        reached |= {
            advance(state, Signal(cause, failure=Failure("x", "y") if cause in _FAILURES else None))
            for state in reached
            for cause in unsigned
        }
    assert {state.stage for state in reached} == {
        Stage.RECEIVED,
        Stage.PROBING,
        Stage.AWAITING_SIGNATURE,
        Stage.FAILED,
    }


def test_a_reorg_begins_a_new_era() -> None:
    indexed = _run([*_WAY[:2], Signal(Cause.SIGNED), *_WAY[2:]])[-1]
    back = advance(indexed, Signal(Cause.UNMINED))
    assert (back.stage, back.reorgs) == (Stage.SUBMITTING, 1)
    assert _run([Signal(Cause.MINED), Signal(Cause.INDEXED)], back)[-1].stage is Stage.INDEXED


def test_a_revert_that_a_reorg_takes_away_is_no_failure_any_more() -> None:
    submitting = _run([*_WAY[:2], Signal(Cause.SIGNED), *_WAY[2:4]])[-1]
    reverted = advance(submitting, Signal(Cause.COMMIT_FAILED, failure=Failure("commit_reverted", "why")))
    back = advance(reverted, Signal(Cause.UNMINED))
    assert (back.stage, back.reorgs, back.failure) == (Stage.SUBMITTING, 1, None)
    assert _run([Signal(Cause.MINED), Signal(Cause.INDEXED)], back)[-1].stage is Stage.INDEXED


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_but_failed_leads_on_and_every_stage_but_the_first_is_reached(stage: Stage) -> None:
    assert stage is Stage.FAILED or any(source is stage for source, _ in TRANSITIONS)
    if stage is not Stage.RECEIVED:
        assert stage in TRANSITIONS.values() or stage is Stage.QUEUED
