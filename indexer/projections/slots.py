"""Slots: the collaborators' shares of a recording."""

from collections.abc import Iterator
from typing import NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row
from stemma.works import WORK_ID_BYTES

projections = Projections()
slots = projections.state("slots")


class SlotFixed(NamedTuple):
    """RoyaltySplitter: one share of the split, fixed at registration."""

    recording_id: int
    account: bytes
    slot: int
    ppm: int


@projections.on("RoyaltySplitter", SlotFixed)
def slot_fixed(events: Events[SlotFixed]) -> Iterator[Row]:
    """The slot's row."""
    for at, event in events:
        yield slots.row(
            at,
            recording_id=event.recording_id.to_bytes(WORK_ID_BYTES, "big"),
            slot=event.slot,
            account=event.account,
            ppm=event.ppm,
        )
