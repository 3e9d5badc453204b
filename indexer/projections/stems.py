"""Stems: the six parts of each separation."""

from collections.abc import Iterator
from typing import NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row
from stemma.works import WORK_ID_BYTES, WorkId, kind_byte, recording_of

projections = Projections()
stems = projections.facts("stems")


class StemCommitted(NamedTuple):
    """StemRegistry: one stem of one version, by its SHA-256 and its CID."""

    stem_id: int
    version: int
    sha256_digest: bytes
    cid_digest: bytes
    cid_codec: int


@projections.on("StemRegistry", StemCommitted)
def stem_committed(events: Events[StemCommitted]) -> Iterator[Row]:
    """The stem's row; recording and kind are parts of its id."""
    for at, event in events:
        stem = WorkId(event.stem_id)
        yield stems.row(
            at,
            stem_id=stem.to_bytes(WORK_ID_BYTES, "big"),
            version=event.version,
            recording_id=recording_of(stem).to_bytes(WORK_ID_BYTES, "big"),
            kind=kind_byte(stem),
            sha256=event.sha256_digest,
            cid_digest=event.cid_digest,
            cid_codec=event.cid_codec,
            committed_at=at.block_time,
        )
