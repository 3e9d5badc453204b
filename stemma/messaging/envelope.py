"""The one envelope of all domain events."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Generic, Literal, TypeVar, cast
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from uuid_utils.compat import uuid7

from stemma.messaging.errors import Undecodable
from stemma.messaging.events import Payload

PayloadT = TypeVar("PayloadT", bound=Payload)

EVENT_VERSION: Literal[1] = 1


def _check_uuid7(value: UUID) -> UUID:
    if value.version != 7:
        raise ValueError("not a UUIDv7")
    return value


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


EventId = Annotated[UUID, AfterValidator(_check_uuid7)]
UtcTime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Header(BaseModel):
    """What must be known before the payload can be read."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", strict=True)

    event_name: Name
    event_version: int


class Envelope(BaseModel, Generic[PayloadT]):
    """An event with what every reader needs to know of it: which, when, from whom, because of what.

    `event_id` is a UUIDv7 and the key by which readers recognize a message that comes twice. `source_refs` name what
    the event follows from: ids of other events, or chain facts as CAIP-2 chain id, transaction and log index.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True, strict=True)

    event_id: EventId = Field(default_factory=uuid7)
    event_name: Name
    event_version: Literal[1] = EVENT_VERSION
    occurred_at: UtcTime = Field(default_factory=lambda: datetime.now(UTC))
    producer: Name
    payload: PayloadT
    source_refs: Annotated[tuple[Name, ...], Field(max_length=32)] = ()

    @classmethod
    def of(cls, payload: PayloadT, *, producer: str, source_refs: Iterable[str] = ()) -> "Envelope[PayloadT]":
        """Wrap what happened now.

        Args:
            payload: what happened; its class names the event.
            producer: the process that says so, e.g. `stem-worker`.
            source_refs: what it follows from.
        """
        # Parametrized by the payload's own class, known only at run time, or its fields would not be encoded.
        kind = cast("type[Envelope[PayloadT]]", Envelope.__class_getitem__(type(payload)))
        return kind(event_name=payload.event_name, producer=producer, payload=payload, source_refs=tuple(source_refs))

    def encode(self) -> bytes:
        """Return the JSON bytes that travel."""
        return self.model_dump_json(by_alias=True).encode()

    def attributes(self) -> dict[str, str]:
        """Return the message attributes by which a subscription can tell events apart without reading them."""
        return {"eventName": self.event_name, "eventVersion": str(self.event_version)}


def decode(data: bytes, accepts: Iterable[type[Payload]]) -> Envelope[Payload]:
    """Read an envelope whose payload is one of the given classes.

    Raises:
        Undecodable: it is no envelope, of a version or event that is not accepted, or its payload is malformed.
    """
    try:
        header = _Header.model_validate_json(data)
    except ValidationError as error:
        raise Undecodable(f"no envelope: {_first(error)}") from error
    payload_type = next((kind for kind in accepts if kind.event_name == header.event_name), None)
    if payload_type is None or header.event_version != EVENT_VERSION:
        raise Undecodable(f"{header.event_name} version {header.event_version} is not an event that is read here")
    try:
        envelope: Envelope[Payload] = Envelope[payload_type].model_validate_json(data)  # type: ignore[valid-type]
    except ValidationError as error:
        raise Undecodable(f"{header.event_name} is malformed: {_first(error)}") from error
    return envelope


def _first(error: ValidationError) -> str:
    # The input itself stays out of the sentence: it may be large, and logs are read by people.
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
