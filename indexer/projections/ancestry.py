"""Ancestry: what each remix was made from, and its royalty table."""

from collections.abc import Iterator
from typing import NamedTuple

from indexer.projection import Events, Projections
from indexer.projections.registry import recordings
from indexer.tables import Row
from stemma.works import WORK_ID_BYTES, WorkId, recording_of

projections = Projections()
parents = projections.facts("parents")
royalty_entries = projections.facts("royalty_entries")


class ParentFixed(NamedTuple):
    """StemRegistry: one parent of a remix, and the license of it that the remix consumed."""

    recording_id: int
    parent_id: int
    license_id: int
    ppm: int


class RoyaltyEntry(NamedTuple):
    """StemRegistry: one entry of a remix' royalty table."""

    recording_id: int
    ancestor_id: int
    ppm: int


class RoyaltyTableFixed(NamedTuple):
    """StemRegistry: the whole of the table, whose entries came before."""

    recording_id: int
    root: bytes
    stack_ppm: int
    ancestor_count: int


@projections.on("StemRegistry", ParentFixed)
def parent_fixed(events: Events[ParentFixed]) -> Iterator[Row]:
    """The parent's row; the recording has one parent more."""
    for at, event in events:
        recording_id = event.recording_id.to_bytes(WORK_ID_BYTES, "big")
        parent = WorkId(event.parent_id)
        yield parents.row(
            at,
            recording_id=recording_id,
            parent_id=parent.to_bytes(WORK_ID_BYTES, "big"),
            parent_recording_id=recording_of(parent).to_bytes(WORK_ID_BYTES, "big"),
            license_id=event.license_id.to_bytes(32, "big"),
            ppm=event.ppm,
        )
        yield recordings.row(at, recording_id=recording_id, parent_count=1)


@projections.on("StemRegistry", RoyaltyEntry)
def royalty_entry(events: Events[RoyaltyEntry]) -> Iterator[Row]:
    """The entry's row."""
    for at, event in events:
        ancestor = WorkId(event.ancestor_id)
        yield royalty_entries.row(
            at,
            recording_id=event.recording_id.to_bytes(WORK_ID_BYTES, "big"),
            ancestor_id=ancestor.to_bytes(WORK_ID_BYTES, "big"),
            ancestor_recording_id=recording_of(ancestor).to_bytes(WORK_ID_BYTES, "big"),
            ppm=event.ppm,
        )


@projections.on("StemRegistry", RoyaltyTableFixed)
def royalty_table_fixed(events: Events[RoyaltyTableFixed]) -> Iterator[Row]:
    """What the recording's row says of its table."""
    for at, event in events:
        yield recordings.row(
            at,
            recording_id=event.recording_id.to_bytes(WORK_ID_BYTES, "big"),
            table_root=event.root if event.ancestor_count else None,
            stack_ppm=event.stack_ppm,
            ancestor_count=event.ancestor_count,
        )
