"""The content-addressed JSON documents of a recording and of a separation.

Both are serialized by RFC 8785 (JCS), so that the same content has the same SHA-256 and CID everywhere.
"""

import hashlib
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

Hash32 = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]
WorkIdHex = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{56}$")]
AddressHex = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
Cid = Annotated[str, StringConstraints(pattern=r"^b[a-z2-7]{20,120}$")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=40)]
Isrc = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$")]
ReleasePolicy = Literal["licensed", "open"]
StemLabel = Literal["vocals", "drums", "bass", "guitar", "piano", "other"]

MusicalKey = Annotated[str, StringConstraints(pattern=r"^(C|Db|D|Eb|E|F|F#|G|Ab|A|Bb|B) (major|minor)$")]

DOCUMENT_MAX_BYTES = 256 * 1024
"""A document fits one raw block, so its CID's digest is its SHA-256."""

BATCH_MAX_BYTES = 8 * 1024 * 1024
"""The document of a batch may be longer: some 5,000 leaves."""


class Document(BaseModel):
    """Base of the immutable documents: camelCase keys, unknown keys refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    def canonical(self) -> bytes:
        """Return the RFC 8785 bytes; fields that are unset are left out."""
        return rfc8785.dumps(self.model_dump(mode="json", by_alias=True, exclude_none=True))

    def digest(self) -> bytes:
        """Return the SHA-256 of the canonical bytes."""
        return hashlib.sha256(self.canonical()).digest()


class Credit(Document):
    """One person's part in a recording."""

    name: Line
    role: Line
    account: AddressHex | None = None


class CreditsDocument(Document):
    """What the creator says of a recording. Its SHA-256 is part of what the creator signs."""

    schema_: Literal["stemma.credits/1"] = Field(default="stemma.credits/1", alias="schema")
    content_hash: Hash32
    title: Line
    artist: Line
    description: Annotated[str, StringConstraints(max_length=5000)] | None = None
    credits: Annotated[list[Credit], Field(max_length=64)] = []
    tags: Annotated[list[Tag], Field(max_length=32)] = []
    isrc: Isrc | None = None
    release_policy: ReleasePolicy = "licensed"


class StoredAudio(Document):
    """A public audio file, such as a preview."""

    cid: Cid
    media_type: Line
    bytes: Annotated[int, Field(gt=0)]


class Model(Document):
    """The model that separated, by name and by the SHA-256 of its weights file."""

    version: Line
    architecture: Line
    weights_sha256: Hash32


class ManifestStem(Document):
    """One stem as one run produced it. ``samples`` counts frames at the manifest's rate."""

    kind: StemLabel
    work_id: WorkIdHex
    sha256: Hash32
    cid: Cid
    bytes: Annotated[int, Field(gt=0)]
    samples: Annotated[int, Field(gt=0)]
    loudness_lufs: float | None = None
    peak_dbfs: float | None = None
    preview: StoredAudio


class AudioFeatures(Document):
    """Measured on the mix. ``residualSnrDb`` compares the sum of the stems with the mix.

    ``bpm`` is in whole beats per minute, ``key`` like "A minor"; both are left out where the music shows none clearly.
    """

    loudness_lufs: float | None = None
    peak_dbfs: float | None = None
    residual_snr_db: float | None = None
    bpm: Annotated[int, Field(ge=20, le=400)] | None = None
    key: MusicalKey | None = None


class SeparationManifest(Document):
    """All that is needed to judge, and to try to repeat, one separation.

    The reproducible claim is (input hash, weights hash, parameters, runtime); a stem's CID names one run's output.
    """

    schema_: Literal["stemma.separation/1"] = Field(default="stemma.separation/1", alias="schema")
    recording_id: WorkIdHex
    content_hash: Hash32
    pcm_sha256: Hash32
    samples: Annotated[int, Field(gt=0)]
    sample_rate: Annotated[int, Field(gt=0)]
    channels: Annotated[int, Field(gt=0)]
    credits_cid: Cid
    title: Line
    artist: Line
    release_policy: ReleasePolicy
    model: Model
    parameters: dict[str, Any]
    runtime: dict[str, Any]
    stems: Annotated[list[ManifestStem], Field(min_length=6, max_length=6)]
    preview: StoredAudio
    features: AudioFeatures


class BatchStem(Document):
    """One stem of a leaf, as StemCommitted would tell it; in a leaf they come in the order of their kinds."""

    sha256: Hash32
    cid: Cid


class BatchLeaf(Document):
    """One recording's separation, version 0, as SeparationCommitted would tell it.

    ``manifest`` and ``metadata`` are the CIDs of the separation's manifest and of its metadata directory.
    """

    recording_id: WorkIdHex
    stems_root: Hash32
    model: Hash32
    weights_hash: Hash32
    manifest: Cid
    metadata: Cid
    stems: Annotated[list[BatchStem], Field(min_length=6, max_length=6)]


class BatchManifest(Document):
    """The leaves of a batch in the order of its Merkle tree. Its CID is what the attestor anchors with the root."""

    schema_: Literal["stemma.batch/1"] = Field(default="stemma.batch/1", alias="schema")
    leaves: Annotated[list[BatchLeaf], Field(min_length=1, max_length=10_000)]
