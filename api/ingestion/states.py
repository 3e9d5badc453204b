"""The state machine of an upload: every transition there is, in one table.

What happens to an upload arrives as signals, over queues that deliver late, twice and out of order. A signal that the
table does not list for the current stage changes nothing, so redelivery is harmless, and the pair (reorgs, stage) only
ever grows: a stage is left backwards by a reorg alone, which begins a new era.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType


class Stage(StrEnum):
    """Where an upload is. The order of the members is the order of the way; ``failed`` ends it."""

    RECEIVED = "received"
    PROBING = "probing"
    AWAITING_SIGNATURE = "awaiting_signature"
    QUEUED = "queued"
    SEPARATING = "separating"
    SUBMITTING = "submitting"
    COMMITTED = "committed"
    INDEXED = "indexed"
    FAILED = "failed"

    @property
    def rank(self) -> int:
        """Position on the way, for comparison."""
        return _RANKS[self]

    @property
    def is_last(self) -> bool:
        """Whether nothing but a reorg can follow."""
        return self in (Stage.INDEXED, Stage.FAILED)


_RANKS = {stage: rank for rank, stage in enumerate(Stage)}


class Cause(StrEnum):
    """What a signal reports."""

    PROBE_STARTED = "probe_started"
    PROBE_PASSED = "probe_passed"
    INPUT_REJECTED = "input_rejected"
    SIGNED = "signed"
    SIGNATURE_OVERDUE = "signature_overdue"
    PROGRESSED = "progressed"
    PROCESSED = "processed"
    SEPARATION_FAILED = "separation_failed"
    MINED = "mined"
    UNMINED = "unmined"
    COMMIT_FAILED = "commit_failed"
    INDEXED = "indexed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an upload ended: a stable code and a sentence."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Signal:
    """One report about an upload. ``step`` and ``percent`` come with progress, ``failure`` with the three failures."""

    cause: Cause
    step: str | None = None
    percent: int = 0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What the machine remembers of an upload. ``percent`` counts within the stage, ``reorgs`` counts eras."""

    stage: Stage = Stage.RECEIVED
    signed: bool = False
    step: str | None = None
    percent: int = 0
    reorgs: int = 0
    failure: Failure | None = None

    @property
    def position(self) -> tuple[int, int]:
        """What never falls."""
        return self.reorgs, self.stage.rank


TRANSITIONS: Mapping[tuple[Stage, Cause], Stage] = MappingProxyType(
    {
        (Stage.RECEIVED, Cause.PROBE_STARTED): Stage.PROBING,
        (Stage.RECEIVED, Cause.SIGNED): Stage.RECEIVED,
        (Stage.RECEIVED, Cause.INPUT_REJECTED): Stage.FAILED,
        (Stage.PROBING, Cause.SIGNED): Stage.PROBING,
        (Stage.PROBING, Cause.PROBE_PASSED): Stage.AWAITING_SIGNATURE,
        (Stage.PROBING, Cause.INPUT_REJECTED): Stage.FAILED,
        (Stage.AWAITING_SIGNATURE, Cause.SIGNED): Stage.QUEUED,
        (Stage.AWAITING_SIGNATURE, Cause.SIGNATURE_OVERDUE): Stage.FAILED,
        (Stage.QUEUED, Cause.PROGRESSED): Stage.SEPARATING,
        (Stage.QUEUED, Cause.PROCESSED): Stage.SUBMITTING,
        (Stage.QUEUED, Cause.SEPARATION_FAILED): Stage.FAILED,
        (Stage.SEPARATING, Cause.PROGRESSED): Stage.SEPARATING,
        (Stage.SEPARATING, Cause.PROCESSED): Stage.SUBMITTING,
        (Stage.SEPARATING, Cause.SEPARATION_FAILED): Stage.FAILED,
        (Stage.SUBMITTING, Cause.MINED): Stage.COMMITTED,
        (Stage.SUBMITTING, Cause.COMMIT_FAILED): Stage.FAILED,
        (Stage.COMMITTED, Cause.INDEXED): Stage.INDEXED,
        (Stage.COMMITTED, Cause.UNMINED): Stage.SUBMITTING,
        (Stage.INDEXED, Cause.UNMINED): Stage.SUBMITTING,
        (Stage.FAILED, Cause.UNMINED): Stage.SUBMITTING,
    }
)
"""(stage, what was reported) -> next stage. `SIGNED` before the probe's end is remembered and used when it passes.

A failed upload is `UNMINED` only if its transaction had reverted in a block that a reorg took away: it goes out again.
"""


def advance(state: State, signal: Signal) -> State:
    """Return the state after a signal; the same state when the table does not list it."""
    target = TRANSITIONS.get((state.stage, signal.cause))
    if target is None:
        return state
    signed = state.signed or signal.cause is Cause.SIGNED
    if target is Stage.AWAITING_SIGNATURE and signed:
        target = Stage.QUEUED
    if target is state.stage:
        return _stay(replace(state, signed=signed), signal)
    return State(
        stage=target,
        signed=signed,
        step=signal.step,
        percent=100 if target is Stage.INDEXED else signal.percent,
        reorgs=state.reorgs + (signal.cause is Cause.UNMINED),
        failure=signal.failure if target is Stage.FAILED else None,
    )


def _stay(state: State, signal: Signal) -> State:
    """Take progress within a stage; a late or repeated report of less is dropped, so a bar never runs backwards."""
    if signal.cause is not Cause.PROGRESSED or signal.percent < state.percent:
        return state
    return replace(state, step=signal.step, percent=signal.percent)
