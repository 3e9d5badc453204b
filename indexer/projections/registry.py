"""Recordings: who registered what."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row, announce, wanted
from stemma.catalog.views import RECORDING_REGISTERED
from stemma.works import WORK_ID_BYTES

projections = Projections()
recordings = projections.state("recordings", made_by="first")


class RecordingRegistered(NamedTuple):
    """StemRegistry: a new recording, signed for by its creator."""

    recording_id: int
    creator: bytes
    attestor: bytes
    content_hash: bytes
    credits_digest: bytes
    credits_codec: int
    resale_royalty_ppm: int


@projections.on("StemRegistry", RecordingRegistered)
def recording_registered(events: Events[RecordingRegistered]) -> Iterator[Row]:
    """The recording's row; its credits document is asked for."""
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
            attestor=event.attestor,
            registered_at=at.block_time,
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


@projections.stored("StemRegistry", "creatorOf", "select recording_id, creator from recordings")
def creator_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The recording's creator, as the contract says."""
    return [int.from_bytes(row["recording_id"], "big")], row["creator"]
