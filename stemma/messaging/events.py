"""Payloads of the events that travel over Pub/Sub."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from stemma.documents import AddressHex, Cid, CreditsDocument, Hash32, ReleasePolicy, StemLabel, WorkIdHex

Signature = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-f]{2})+$")]
Percent = Annotated[int, Field(ge=0, le=100)]
Codec = Annotated[int, Field(ge=0, le=255)]


class Payload(BaseModel):
    """Base of all payloads: camelCase keys; unknown keys are ignored, so that a producer may be newer."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)
    event_name: ClassVar[str]


class Source(Payload):
    """The original file in private storage."""

    cid: Cid
    bytes: Annotated[int, Field(gt=0)]
    media_type: str


class SeparationRequest(Payload):
    """A recording waits to be separated. ``jobId`` is the upload's id and the idempotency key."""

    event_name: ClassVar[str] = "stems.uploaded"

    job_id: UUID
    recording_id: WorkIdHex
    content_hash: Hash32
    creator: AddressHex
    source: Source
    title: str
    artist: str
    credits: CreditsDocument
    credits_cid: Cid
    release_policy: ReleasePolicy


class SeparationProgress(Payload):
    """How far a worker is with a job; not durable knowledge, later ones win."""

    event_name: ClassVar[str] = "stems.progress"

    job_id: UUID
    stage: str
    percent: Percent


class ProcessedStem(Payload):
    """One stem as stored."""

    kind: StemLabel
    work_id: WorkIdHex
    sha256: Hash32
    cid: Cid
    bytes: Annotated[int, Field(gt=0)]


class CommittedSeparation(Payload):
    """The `Separation` struct that the attestor signs and the registry takes."""

    version: Annotated[int, Field(ge=0)]
    stems_root: Hash32
    model: Hash32
    weights_hash: Hash32
    manifest_digest: Hash32
    manifest_codec: Codec
    metadata_digest: Hash32


class SignedAttestation(Payload):
    """An attestor's EIP-712 signature over a separation. ``deadline`` is in Unix seconds."""

    attestor: AddressHex
    deadline: Annotated[int, Field(gt=0)]
    signature: Signature


class SeparationResult(Payload):
    """Six stems are stored and attested. ``seconds`` maps each stage to the time it took."""

    event_name: ClassVar[str] = "stems.processed"

    job_id: UUID
    recording_id: WorkIdHex
    content_hash: Hash32
    creator: AddressHex
    model_version: str
    manifest_cid: Cid
    metadata_cid: Cid
    stems: Annotated[list[ProcessedStem], Field(min_length=6, max_length=6)]
    separation: CommittedSeparation
    attestation: SignedAttestation
    seconds: dict[str, float]


class SeparationFailure(Payload):
    """A job was given up, at once when ``permanent``, else after its last attempt."""

    event_name: ClassVar[str] = "stems.failed"

    job_id: UUID
    code: str
    detail: str
    attempts: Annotated[int, Field(ge=1)]
    permanent: bool
