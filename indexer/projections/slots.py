"""Slots: the collaborators' shares of a recording."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row, announce
from stemma.catalog.words import CATALOG_UPDATED
from stemma.works import WORK_ID_BYTES

projections = Projections()
slots = projections.state("slots")


class SlotFixed(NamedTuple):
    """RoyaltySplitter: one share of the split, fixed at registration."""

    recording_id: int
    account: bytes
    slot: int
    ppm: int


class SlotReassigned(NamedTuple):
    """RoyaltySplitter: a whole slot changed hands."""

    recording_id: int
    from_: bytes
    to: bytes
    slot: int


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


@projections.on("RoyaltySplitter", SlotReassigned)
def slot_reassigned(events: Events[SlotReassigned]) -> Iterator[Row]:
    """The slot's account."""
    for at, event in events:
        recording_id = event.recording_id.to_bytes(WORK_ID_BYTES, "big")
        yield slots.row(at, recording_id=recording_id, slot=event.slot, account=event.to)
        yield announce(
            at,
            CATALOG_UPDATED,
            change="slot.reassigned",
            workId="0x" + recording_id.hex(),
            slot=event.slot,
            account="0x" + event.to.hex(),
        )


@projections.stored("RoyaltySplitter", "slotOf", "select recording_id, slot, account, ppm from slots")
def slot_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The slot's account and share, as the contract says."""
    return [int.from_bytes(row["recording_id"], "big"), row["slot"]], (row["account"], row["ppm"])
