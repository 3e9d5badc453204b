"""Separations: which model made the stems of a recording, and which version counts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.projections.registry import recordings
from indexer.tables import Row, announce, wanted
from stemma.catalog.words import SEPARATION_COMMITTED
from stemma.chain.merkle import separation_root
from stemma.works import WORK_ID_BYTES, WorkId

projections = Projections()
separations = projections.facts("separations")


class SeparationCommitted(NamedTuple):
    """StemRegistry: the result of one separation; versions of a recording are append-only."""

    recording_id: int
    attestor: bytes
    version: int
    stems_root: bytes
    model: bytes
    weights_hash: bytes
    manifest_digest: bytes
    manifest_codec: int
    metadata_digest: bytes


@projections.on("StemRegistry", SeparationCommitted)
def separation_committed(events: Events[SeparationCommitted]) -> Iterator[Row]:
    """The separation's row, and the recording's current version; the manifest is asked for."""
    for at, event in events:
        recording_id = event.recording_id.to_bytes(WORK_ID_BYTES, "big")
        yield separations.row(at, committed_at=at.block_time, **event._asdict() | {"recording_id": recording_id})
        yield recordings.row(at, recording_id=recording_id, version=event.version)
        yield wanted(at, "separation", event.manifest_digest, event.manifest_codec)
        yield announce(
            at,
            SEPARATION_COMMITTED,
            recordingId="0x" + recording_id.hex(),
            attestor="0x" + event.attestor.hex(),
            version=event.version,
            stemsRoot="0x" + event.stems_root.hex(),
            model="0x" + event.model.hex(),
            weightsHash="0x" + event.weights_hash.hex(),
            manifestDigest="0x" + event.manifest_digest.hex(),
            manifestCodec=event.manifest_codec,
            metadataDigest="0x" + event.metadata_digest.hex(),
        )


_CURRENT = """
select s.recording_id, s.stems_root, s.metadata_digest
from separations s join recordings using (recording_id, version)
"""


@projections.stored("StemRegistry", "separationRootOf", _CURRENT)
def root_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The root of the recording's current separation, as the contract says."""
    recording = WorkId(int.from_bytes(row["recording_id"], "big"))
    return [recording], separation_root(recording, row["stems_root"], row["metadata_digest"])
