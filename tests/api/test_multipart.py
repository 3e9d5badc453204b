"""The upload's reader, whatever pieces a body arrives in."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Receive

from api.errors import ContentTooLarge, RequestMalformed
from api.ingestion import multipart
from api.ingestion.errors import FileMissing, NotMultipart, UploadIncomplete
from api.ingestion.multipart import MAX_OVERHEAD_BYTES, UploadReader
from stemma.errors import AppError

pytestmark = pytest.mark.anyio
_BOUNDARY = "the-boundary"


def _body(*parts: tuple[str, bytes, bool], end: str = "--") -> bytes:
    lines = b""
    for name, data, is_file in parts:
        filename = '; filename="a.wav"\r\nContent-Type: audio/wav' if is_file else ""
        lines += f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode()
        lines += data + b"\r\n"
    return lines + f"--{_BOUNDARY}{end}\r\n".encode()


def _request(
    pieces: list[bytes], content_type: str | None = None, *, cut: bool = False, receive: Receive | None = None
) -> Request:
    messages: list[dict[str, object]] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.disconnect"} if cut else {"type": "http.request", "body": b"", "more_body": False})
    waiting = iter(messages)

    async def give() -> dict[str, object]:
        return next(waiting)

    header = (content_type or f"multipart/form-data; boundary={_BOUNDARY}").encode()
    return Request({"type": "http", "method": "POST", "headers": [(b"content-type", header)]}, receive or give)


async def _read(reader: UploadReader) -> bytes:
    async def bytes_of() -> AsyncIterator[bytes]:
        async for piece in reader.file_bytes():
            yield piece

    return b"".join([piece async for piece in bytes_of()])


@given(
    file=st.binary(max_size=300),
    before=st.text(max_size=40),
    behind=st.text(max_size=40),
    cuts=st.lists(st.integers(0, 700), max_size=12),
)
def test_any_cutting_gives_the_same_file_and_fields(file: bytes, before: str, behind: str, cuts: list[int]) -> None:
    if _BOUNDARY.encode() in file:
        return
    body = _body(("title", before.encode(), False), ("file", file, True), ("artist", behind.encode(), False))
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    reader = UploadReader(_request([body[a:b] for a, b in itertools.pairwise(edges)]))
    assert asyncio.run(_read(reader)) == file
    assert reader.fields == {"title": before, "artist": behind}
    assert reader.media_type == "audio/wav"


@given(keep=st.integers(0, 200))
def test_any_truncation_is_incomplete(keep: int) -> None:
    body = _body(("title", b"x", False), ("file", b"12345678" * 20, True))
    cut = body[: min(keep, len(body) - 4)]
    with pytest.raises(UploadIncomplete):
        asyncio.run(_read(UploadReader(_request([cut]))))
    with pytest.raises(UploadIncomplete):
        asyncio.run(_read(UploadReader(_request([cut], cut=True))))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (_body(("title", b"x", False)), FileMissing),
        (_body(("file", b"x", True), ("file", b"y", True)), FileMissing),
        (b"no boundary at all", RequestMalformed),
        (_body(("file", b"x", True), ("title", b"\xff\xfe", False)), RequestMalformed),
        (_body(("file", b"x", True), ("title", b"x" * (MAX_OVERHEAD_BYTES + 1), False)), ContentTooLarge),
        (_body(*[("title", b"x", False)] * 70), ContentTooLarge),
        (_body(("file", b"x", True)) + b"y" * MAX_OVERHEAD_BYTES, ContentTooLarge),
        (b"", UploadIncomplete),
    ],
)
async def test_broken_bodies(body: bytes, error: type[AppError]) -> None:
    with pytest.raises(error):
        await _read(UploadReader(_request([body])))


@pytest.mark.parametrize("pieces", [1, 40])
async def test_a_body_that_stalls_or_crawls_is_given_up(monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    """One piece and then nothing, or a few bytes every now and then, each in time but far too few."""
    monkeypatch.setattr(multipart, "STALL_SECONDS", 0.2)
    body = _body(("file", b"x" * 10_000, True))
    waiting = iter([body[at : at + 10] for at in range(0, 10 * pieces, 10)])

    async def receive() -> dict[str, object]:
        piece = next(waiting, None)
        await asyncio.sleep(60 if piece is None else 0.02)
        return {"type": "http.request", "body": piece, "more_body": True}

    began = asyncio.get_running_loop().time()
    with pytest.raises(UploadIncomplete, match="too slow"):
        await _read(UploadReader(_request([], receive=receive)))
    assert asyncio.get_running_loop().time() - began < 0.6


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "multipart/form-data",
        "multipart/mixed; boundary=x",
        "",
        f"multipart/form-data; boundary={'x' * 300}",
    ],
)
def test_other_media_types(content_type: str) -> None:
    with pytest.raises(NotMultipart):
        UploadReader(_request([], content_type or "text/plain"))


async def test_an_odd_media_type_of_the_file_is_not_kept() -> None:
    body = _body(("file", b"x", True)).replace(b"audio/wav", b'audio/"><script>/x')
    reader = UploadReader(_request([body]))
    assert await _read(reader) == b"x"
    assert reader.media_type == "application/octet-stream"
