"""Flags on disputed recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract_machines.reference.part import Part
from tests.contract_machines.reference.rules import refuse_if
from tests.contract_machines.reference.state import Flag
from tests.contract_machines.reference.words import kind_of, recording_of

if TYPE_CHECKING:
    from tests.contract_machines.reference.calls import Call

DAY = 86_400
LONGEST = 30 * DAY
QUIET = 90 * DAY
MOST = 3


class Disputes(Part):
    """A flag lasts at most 30 days; the fourth in a run is refused; a run ends after 90 days without a flag."""

    def flag(self, call: Call, recording: int, until: int, reason: int) -> None:
        last = self.state.flags.get(recording, Flag())
        count = last.count + 1 if self.now < last.until + QUIET else 1
        refuse_if(
            NotArbiter=not self.house.roles.is_arbiter(call.sender),
            NotARecording=kind_of(recording) != 0,
            FlagInThePast=until <= self.now,
            FlagTooLong=until > self.now + LONGEST,
            AlreadyFlagged=last.until > self.now,
            TooManyFlags=count > MOST,
        )
        self.state.flags[recording] = Flag(until, count)
        self.emit("Flagged", recording, call.sender, until, count, reason)

    def lift(self, call: Call, recording: int) -> None:
        last = self.state.flags.get(recording, Flag())
        refuse_if(NotArbiter=not self.house.roles.is_arbiter(call.sender), NotFlagged=last.until <= self.now)
        self.state.flags[recording] = Flag(self.now, last.count)
        self.emit("FlagLifted", recording, call.sender, self.now, last.count)

    def is_flagged(self, work: int) -> bool:
        return self.state.flags.get(recording_of(work), Flag()).until > self.now
