"""Bodies of the catalog."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from stemma.documents import Cid, Hash32, WorkIdHex

Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]


class Finality(StrEnum):
    """How sure a block is: a reorg can still take ``latest`` away, hardly ``safe``, never ``finalized``."""

    LATEST = "latest"
    SAFE = "safe"
    FINALIZED = "finalized"


class StemKind(StrEnum):
    """The six kinds of stems."""

    VOCALS = "vocals"
    DRUMS = "drums"
    BASS = "bass"
    GUITAR = "guitar"
    PIANO = "piano"
    OTHER = "other"


class Body(BaseModel):
    """Camel case, nothing unknown."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class AsOf(Body):
    """How true an answer is: the newest block it knows, and how sure that block is.

    As of a block of the past in which nothing of ours happened, ``hash`` and ``time`` may be null.
    """

    chain_id: int
    block: int
    hash: Hash32 | None
    time: datetime | None
    finality: Finality


class StemLinks(Body):
    """Relative to the API."""

    self_: str = Field(alias="self")
    preview: str
    audio: str
    metadata: str


class RecordingLinks(Body):
    """Relative to the API."""

    self_: str = Field(alias="self")
    preview: str
    metadata: str


class OnChain(Body):
    """The log that made a work."""

    tx: Hash32
    block: int
    block_hash: Hash32
    log_index: int
    finality: Finality


class StemView(OnChain):
    """One stem of a recording."""

    work_id: WorkIdHex
    recording_id: WorkIdHex
    kind: StemKind
    version: int
    sha256: Hash32
    cid: Cid
    rights_holder: Address
    title_holder: Address | None
    committed_at: datetime
    links: StemLinks


class SeparationView(Body):
    """The separation that made the stems."""

    version: int
    stems_root: Hash32
    model: Hash32 = Field(description="keccak of the model version")
    weights_hash: Hash32
    attestor: Address | None = Field(description="Who attested the registration; null: it came by a commitment")
    manifest_cid: Cid
    metadata_cid: Cid


class RecordingView(OnChain):
    """A recording and its stems. Names come from documents and are null until `metadata` is `resolved`."""

    work_id: WorkIdHex
    kind: Literal["recording"] = "recording"
    metadata: Literal["pending", "resolved", "invalid"]
    title: str | None
    artist: str | None
    tags: list[str]
    release_policy: Literal["licensed", "open"] | None
    duration_ms: int | None
    model_version: str | None
    content_hash: Hash32
    creator: Address
    rights_holder: Address
    title_holder: Address | None
    resale_royalty_ppm: int
    registered_at: datetime
    separation: SeparationView | None
    stems: list[StemView]
    links: RecordingLinks


class SlotView(Body):
    """A collaborator's share of the recording's income."""

    slot: int
    account: Address
    ppm: int


class RecordingDetails(RecordingView):
    """A recording with its documents."""

    as_of: AsOf
    split: list[SlotView]
    credits: dict[str, Any] | None
    manifest: dict[str, Any] | None


class StemDetails(StemView):
    """A stem with its recording."""

    as_of: AsOf
    recording: RecordingView


class CatalogPage(Body):
    """One page, newest first. ``next`` is null on the last one."""

    as_of: AsOf
    items: list[RecordingView]
    next: str | None


class CatalogChange(Body):
    """One row of the feed. ``reverted``: a reorg takes back what an earlier row with the same content said."""

    seq: int
    event_name: str
    reverted: bool
    block: int
    block_hash: Hash32
    time: datetime
    tx: Hash32
    log_index: int
    payload: dict[str, Any]
