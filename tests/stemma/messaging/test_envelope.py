"""The envelope: what it looks like, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stemma.messaging.envelope import Envelope, decode
from stemma.messaging.errors import Undecodable
from stemma.messaging.events import SeparationFailure, SeparationProgress


def event(**changes: Any) -> dict[str, Any]:
    made = Envelope.of(
        SeparationProgress(job_id=UUID(int=7), stage="separating", percent=5), producer="tests", source_refs=["a"]
    )
    return json.loads(made.encode()) | changes


def test_the_wire_form_is_the_agreed_one() -> None:
    wire = event()
    assert set(wire) == {"eventId", "eventName", "eventVersion", "occurredAt", "producer", "payload", "sourceRefs"}
    assert wire["payload"] == {"jobId": str(UUID(int=7)), "stage": "separating", "percent": 5}
    assert (wire["eventName"], wire["eventVersion"], wire["sourceRefs"]) == ("stems.progress", 1, ["a"])
    assert UUID(wire["eventId"]).version == 7
    assert abs(datetime.fromisoformat(wire["occurredAt"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_event_ids_ascend() -> None:
    ids = [event()["eventId"] for _ in range(100)]
    assert ids == sorted(set(ids))


@given(
    stage=st.text(),
    percent=st.integers(0, 100),
    producer=st.text(min_size=1, max_size=200),
    refs=st.lists(st.text(min_size=1, max_size=200), max_size=32),
)
def test_what_is_encoded_is_decoded(stage: str, percent: int, producer: str, refs: list[str]) -> None:
    payload = SeparationProgress(job_id=uuid4(), stage=stage, percent=percent)
    sent = Envelope.of(payload, producer=producer, source_refs=refs)
    received = decode(sent.encode(), [SeparationFailure, SeparationProgress])
    assert received.model_dump() == sent.model_dump()
    assert type(received.payload) is SeparationProgress


def test_times_are_utc_whatever_zone_they_come_in() -> None:
    local = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    wire = json.dumps(event(occurredAt=local.isoformat())).encode()
    received = decode(wire, [SeparationProgress])
    assert received.occurred_at == local
    assert received.occurred_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("wire", "sentence"),
    [
        (b"", "no envelope"),
        (b"\xff\xfe", "no envelope"),
        (b"[]", "no envelope"),
        (b"{}", "no envelope: eventName"),
        (event(eventName="stems.exploded"), "stems.exploded version 1"),
        (event(eventVersion=2), "stems.progress version 2"),
        (event(eventVersion="1"), "no envelope: eventVersion"),
        (event(eventId=str(uuid4())), "not a UUIDv7"),
        (event(occurredAt="2026-01-01T00:00:00"), "timezone"),
        (event(occurredAt=0), "occurredAt"),
        (event(producer=""), "producer"),
        (event(payload=None), "payload"),
        (event(payload={"jobId": "x", "stage": "s", "percent": 5}), "payload.jobId"),
        (event(payload={"jobId": str(UUID(int=7)), "stage": "s", "percent": 101}), "payload.percent"),
        (event(sourceRefs=["x"] * 33), "sourceRefs"),
    ],
)
def test_what_is_no_event_is_refused_with_the_place(wire: Any, sentence: str) -> None:
    data = wire if isinstance(wire, bytes) else json.dumps(wire).encode()
    with pytest.raises(Undecodable, match=sentence):
        decode(data, [SeparationProgress])


def test_a_producer_may_be_newer() -> None:
    wire = event(hint="from the future")
    wire["payload"]["eta"] = 3
    assert decode(json.dumps(wire).encode(), [SeparationProgress]).payload.model_dump()["percent"] == 5


def test_an_envelope_is_immutable() -> None:
    made = Envelope.of(SeparationProgress(job_id=uuid4(), stage="s", percent=1), producer="tests")
    with pytest.raises(ValidationError):
        made.producer = "other"  # type: ignore[misc]
