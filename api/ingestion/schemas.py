"""Bodies of uploading."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, Json, StringConstraints, field_validator, model_validator
from pydantic.alias_generators import to_camel

from api.identity.schemas import HexSignature
from api.ingestion.states import Stage
from stemma.chain.intents import MAX_RESALE_ROYALTY_PPM, MAX_SLOTS, WHOLE_PPM
from stemma.documents import AddressHex, Credit, Hash32, Isrc, Line, ReleasePolicy, Tag, WorkIdHex

_ZERO_ADDRESS = "0x" + "0" * 40


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Slot(_Body):
    """A collaborator's share of the recording's income."""

    account: AddressHex
    ppm: Annotated[int, Field(gt=0, le=WHOLE_PPM, description="Parts per million")]

    @field_validator("account")
    @classmethod
    def _is_somebody(cls, account: str) -> str:
        if account == _ZERO_ADDRESS:
            raise ValueError("the zero address cannot hold a share")
        return account


class UploadMetadata(_Body):
    """The form fields beside the file. Lists are JSON texts, because a form has only strings."""

    title: Line
    artist: Line
    description: Annotated[str, StringConstraints(max_length=5000)] | None = None
    credits: Json[Annotated[list[Credit], Field(max_length=64)]] = Field(default_factory=list)
    tags: Json[Annotated[list[Tag], Field(max_length=32)]] = Field(default_factory=list)
    isrc: Isrc | None = None
    release_policy: ReleasePolicy = "licensed"
    split: Json[Annotated[list[Slot], Field(max_length=MAX_SLOTS)]] = Field(default_factory=list)
    resale_royalty_ppm: Annotated[int, Field(ge=0, le=MAX_RESALE_ROYALTY_PPM)] = 0

    @model_validator(mode="after")
    def _split_fits(self) -> Self:
        total = sum(slot.ppm for slot in self.split)
        if total > WHOLE_PPM:
            raise ValueError(f"the split sums to {total} ppm, more than {WHOLE_PPM}")
        return self

    @model_validator(mode="after")
    def _texts_can_be_indexed(self) -> Self:
        texts = [self.title, self.artist, self.description or "", *self.tags]
        texts += [text for credit in self.credits for text in (credit.name, credit.role)]
        if any("\0" in text for text in texts):
            raise ValueError("a text holds a NUL, which no catalog can keep")
        return self


class Links(_Body):
    """Where to go on, relative to the API."""

    self_: str = Field(alias="self")
    events: str
    signature: str
    catalog: str


class UploadError(_Body):
    """Why an upload failed."""

    code: str
    detail: str


class UploadAccepted(_Body):
    """The file is stored and waits to be probed; the creator signs ``typedData`` meanwhile."""

    upload_id: UUID
    content_hash: Hash32
    recording_id: WorkIdHex
    credits_cid: str
    typed_data: dict[str, Any] = Field(description="For `eth_signTypedData_v4`; the registry checks the same")
    signature_due_at: datetime
    links: Links


class UploadView(_Body):
    """Where an upload is."""

    upload_id: UUID
    stage: Stage
    step: str | None = Field(description="What is being done within the stage")
    percent: int = Field(description="How far the stage is", ge=0, le=100)
    error: UploadError | None
    content_hash: Hash32
    recording_id: WorkIdHex
    credits_cid: str
    title: str
    artist: str
    release_policy: ReleasePolicy
    file_bytes: int
    media_type: str
    signed: bool
    signature_due_at: datetime
    typed_data: dict[str, Any]
    model_version: str | None
    seconds: dict[str, float] = Field(description="Time that each of the worker's steps took")
    tx: Hash32 | None = Field(description="The transaction that committed the recording")
    block: int | None
    created_at: datetime
    updated_at: datetime
    links: Links


class SignatureRequest(_Body):
    """The creator's EIP-712 signature of the upload's ``typedData``."""

    signature: HexSignature | None = None


class EventData(_Body):
    """Data of one server-sent event."""

    stage: Stage
    step: str | None
    percent: int
    reorgs: int
    error: UploadError | None = None
