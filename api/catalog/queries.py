"""Query parameters of the catalog."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal

from eth_utils.address import is_address
from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from api.catalog.filters import Filter, Range
from api.catalog.schemas import StemKind
from stemma.chain.intents import model_hash
from stemma.works import Kind

WORK_ID = r"^0x[0-9a-f]{56}$"
WorkIdPath = Annotated[
    str, Path(pattern=WORK_ID, description="Id of a recording or a stem: `0x` and 56 lower-case hex digits")
]
WorkIdText = Annotated[str, StringConstraints(pattern=WORK_ID)]
AddressText = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
Hash32Text = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]
Words = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
BaseUnits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,78}$")]

_MAX_INT = (1 << 31) - 1
_SmallNumber = Annotated[int, Field(ge=0, le=_MAX_INT)]


class LicenseKind(StrEnum):
    """What a license allows."""

    STREAM = "stream"
    PERSONAL = "personal"
    REMIX = "remix"
    SYNC = "sync"
    COMMERCIAL = "commercial"

    @property
    def number(self) -> int:
        """As on chain."""
        return list(LicenseKind).index(self)


class PageQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    cursor: Annotated[str, Field(max_length=64)] | None = Field(default=None, description="`next` of the page before")
    limit: int = Field(default=20, ge=1, le=100)


class CatalogQuery(PageQuery):
    """Which recordings, in which order. What is not given does not narrow."""

    q: Words | None = Field(
        default=None,
        description="Words of title, artist, credits, tags, in any case, accents or not; or else what looks alike",
    )
    sort: Literal["newest", "relevance"] = Field(default="newest", description="`relevance` needs `q`")
    artist: Words | None = Field(default=None, description="Creator's address, or the artist's name in any case")
    kind: Annotated[list[StemKind], Field(max_length=6)] | None = Field(
        default=None, description="List only stems of these kinds"
    )
    model: Words | None = Field(default=None, description="Model version, e.g. `demucs-htdemucs-6s`")
    tag: Words | None = None
    bpm_min: _SmallNumber | None = None
    bpm_max: _SmallNumber | None = None
    key: Words | None = Field(default=None, description="As the worker heard it, e.g. `A minor`")
    duration_min_ms: _SmallNumber | None = None
    duration_max_ms: _SmallNumber | None = None
    license_kind: LicenseKind | None = Field(default=None, description="On sale now under terms of this kind")
    max_price: BaseUnits | None = Field(default=None, description="On sale now for at most this, in base units")
    token: AddressText | None = Field(default=None, description="On sale now for this token; zero: the native coin")
    ancestor: WorkIdText | None = Field(default=None, description="Made from this work, or from what was made from it")
    remix: bool | None = Field(default=None, description="Only remixes, or only tracks")
    since: datetime | None = Field(default=None, alias="from", description="Registered at or after (RFC 3339)")
    until: datetime | None = Field(default=None, alias="to", description="Registered before (RFC 3339)")

    def filter(self) -> Filter:
        """Return what is wanted, as the repository takes it."""
        by_address = self.artist is not None and is_address(self.artist)
        words = self.q.strip() if self.q else None
        return Filter(
            creator=bytes.fromhex(self.artist[-40:]) if self.artist and by_address else None,
            artist=None if by_address else self.artist,
            model=model_hash(self.model) if self.model is not None else None,
            kinds=tuple(Kind.from_label(label.value) for label in self.kind or ()),
            since=_utc(self.since),
            until=_utc(self.until),
            words=words or None,
            by_relevance=bool(words) and self.sort == "relevance",
            tag=self.tag,
            bpm=Range(self.bpm_min, self.bpm_max),
            duration_ms=Range(self.duration_min_ms, self.duration_max_ms),
            key=self.key,
            license_kind=self.license_kind.number if self.license_kind else None,
            max_price=int(self.max_price) if self.max_price is not None else None,
            token=raw(self.token),
            ancestor=raw(self.ancestor),
            is_remix=self.remix,
        )


def raw(text: str | None) -> bytes | None:
    """Return the bytes of `0x` and hex digits."""
    return None if text is None else bytes.fromhex(text[2:])


def _utc(moment: datetime | None) -> datetime | None:
    """A time without a zone is UTC, as every time here."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)
