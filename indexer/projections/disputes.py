"""Disputes: flags on recordings, and when they end."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.projections.times import moment
from indexer.tables import Row, announce
from stemma.catalog.words import CATALOG_UPDATED
from stemma.works import WORK_ID_BYTES

projections = Projections()
flags = projections.facts("flags")
flag_lifts = projections.facts("flag_lifts")
disputes = projections.state("disputes")


class Flagged(NamedTuple):
    """Disputes: no new licenses and no withdrawals until then. The recording need not be registered."""

    recording_id: int
    arbiter: bytes
    until: int
    count_: int
    reason: bytes


class FlagLifted(NamedTuple):
    """Disputes: the flag that ran ended early."""

    recording_id: int
    arbiter: bytes
    until: int
    count_: int


@projections.on("Disputes", Flagged)
def flagged(events: Events[Flagged]) -> Iterator[Row]:
    """The flag's row, and the recording's newest flag."""
    for at, event in events:
        recording_id, until = event.recording_id.to_bytes(WORK_ID_BYTES, "big"), moment(event.until)
        yield flags.row(
            at,
            recording_id=recording_id,
            arbiter=event.arbiter,
            until=until,
            count=event.count_,
            reason=event.reason,
        )
        yield disputes.row(at, recording_id=recording_id, flagged_until=until, count=event.count_)
        yield announce(
            at, CATALOG_UPDATED, change="recording.flagged", workId="0x" + recording_id.hex(), until=event.until
        )


@projections.on("Disputes", FlagLifted)
def flag_lifted(events: Events[FlagLifted]) -> Iterator[Row]:
    """The lift's row, and when the recording's newest flag ended."""
    for at, event in events:
        recording_id, until = event.recording_id.to_bytes(WORK_ID_BYTES, "big"), moment(event.until)
        yield flag_lifts.row(at, recording_id=recording_id, arbiter=event.arbiter, lifted_at=until)
        yield disputes.row(at, recording_id=recording_id, flagged_until=until, count=event.count_)
        yield announce(at, CATALOG_UPDATED, change="flag.lifted", workId="0x" + recording_id.hex(), until=event.until)


@projections.stored("Disputes", "flagOf", "select recording_id, flagged_until, count from disputes")
def flag_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The recording's newest flag, as the contract says: a struct."""
    flag = (int(row["flagged_until"].timestamp()), row["count"])
    return [int.from_bytes(row["recording_id"], "big")], (flag,)
