"""Recordings: who registered what, and by which commitment."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row, announce, wanted
from stemma.catalog.words import RECORDING_REGISTERED
from stemma.works import WORK_ID_BYTES

projections = Projections()
recordings = projections.state("recordings", sums=("parent_count",), made_by="first")
commitments = projections.facts("commitments")

_NOBODY = bytes(20)


class RecordingRegistered(NamedTuple):
    """StemRegistry: a new recording, signed for by its creator."""

    recording_id: int
    creator: bytes
    attestor: bytes
    content_hash: bytes
    credits_digest: bytes
    credits_codec: int
    resale_royalty_ppm: int


class CommitmentMade(NamedTuple):
    """StemRegistry: somebody committed to a registration; told once per commitment."""

    commitment: bytes


@projections.on("StemRegistry", RecordingRegistered)
def recording_registered(events: Events[RecordingRegistered]) -> Iterator[Row]:
    """The recording's row, as a track: a remix' ancestry follows. Its credits document is asked for."""
    for at, event in events:
        recording_id = event.recording_id.to_bytes(WORK_ID_BYTES, "big")
        yield recordings.row(
            at,
            recording_id=recording_id,
            creator=event.creator,
            content_hash=event.content_hash,
            credits_digest=event.credits_digest,
            credits_codec=event.credits_codec,
            resale_royalty_ppm=event.resale_royalty_ppm,
            attestor=None if event.attestor == _NOBODY else event.attestor,
            registered_at=at.block_time,
            stack_ppm=0,
            ancestor_count=0,
        )
        yield wanted(at, "credits", event.credits_digest, event.credits_codec)
        yield announce(
            at,
            RECORDING_REGISTERED,
            recordingId="0x" + recording_id.hex(),
            creator="0x" + event.creator.hex(),
            attestor="0x" + event.attestor.hex(),
            contentHash="0x" + event.content_hash.hex(),
            creditsDigest="0x" + event.credits_digest.hex(),
            creditsCodec=event.credits_codec,
            resaleRoyaltyPpm=event.resale_royalty_ppm,
        )


@projections.on("StemRegistry", CommitmentMade)
def commitment_made(events: Events[CommitmentMade]) -> Iterator[Row]:
    """The commitment's row."""
    for at, event in events:
        yield commitments.row(at, commitment=event.commitment, made_at=at.block_time)


@projections.stored("StemRegistry", "creatorOf", "select recording_id, creator from recordings")
def creator_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The recording's creator, as the contract says."""
    return [int.from_bytes(row["recording_id"], "big")], row["creator"]


@projections.stored(
    "StemRegistry", "tableOf", "select recording_id, table_root, stack_ppm, ancestor_count from recordings"
)
def table_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The recording's royalty table, as the contract says: a struct."""
    table = (row["table_root"] or bytes(32), row["stack_ppm"], row["ancestor_count"])
    return [int.from_bytes(row["recording_id"], "big")], (table,)


@projections.stored("StemRegistry", "commitmentBlockOf", "select commitment, block_number from commitments")
def commitment_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The block of the commitment, as the contract says."""
    return [row["commitment"]], row["block_number"]
