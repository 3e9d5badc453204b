"""What is refused, with its own sentence each, and leaves nothing half-done."""

from __future__ import annotations

import asyncio
import http.client
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import soundfile

from stack.demo.artist import ApiRefusal, Artist
from stack.running import RunningStack
from tests.end_to_end.chain import Chain
from tests.end_to_end.conftest import MAX_BYTES, MAX_SECONDS
from tests.end_to_end.journeys import end_of, upload_signed

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

RATE = 44_100


def text_named_wav(path: Path) -> None:
    path.write_text("This is not audio.\n" * 100)


def silence(path: Path) -> None:
    soundfile.write(path, np.zeros((30 * RATE, 2)), RATE, subtype="PCM_16")


def not_a_number(path: Path) -> None:
    noise = np.random.default_rng(secrets.randbits(32)).normal(0, 0.1, (3 * RATE, 2)).astype(np.float32)
    noise[RATE] = np.nan
    soundfile.write(path, noise, RATE, subtype="FLOAT")


def too_long(path: Path) -> None:
    seconds = np.arange((MAX_SECONDS + 5) * 8_000) / 8_000
    soundfile.write(path, np.sin(seconds * 2_000), 8_000, subtype="PCM_16")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (text_named_wav, "audio_unreadable"),
        (silence, "audio_silent"),
        (not_a_number, "audio_not_finite"),
        (too_long, "audio_too_long"),
    ],
)
async def test_a_file_that_is_no_song_fails_with_its_own_code(
    artist: Artist, chain: Chain, tmp_path: Path, make: Callable[[Path], None], code: str
) -> None:
    make(tmp_path / "song.wav")

    upload = await artist.upload(tmp_path / "song.wav", title="No song", artist="A test", tags=[])
    try:
        await artist.sign(upload)
    except ApiRefusal as refusal:
        if refusal.code != "upload_failed":  # as it is when the probe was faster than the signature
            raise
    last = await end_of(artist, str(upload["uploadId"]))

    assert last.stage == "failed"
    assert last.error is not None
    assert last.error["code"] == code
    assert last.error["detail"]
    assert await artist.work(str(upload["recordingId"])) is None
    assert chain.registrations(str(upload["recordingId"])) == []


async def test_an_empty_file_is_refused_at_once(artist: Artist, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    with pytest.raises(ApiRefusal) as refusal:
        await upload_signed(artist, tmp_path / "empty.wav")
    assert (refusal.value.code, refusal.value.problem["status"]) == ("audio_empty", 422)


async def test_a_file_over_the_limit_is_refused_while_it_streams(artist: Artist, tmp_path: Path) -> None:
    (tmp_path / "large.wav").write_bytes(secrets.token_bytes(MAX_BYTES + 1))
    with pytest.raises(ApiRefusal) as refusal:
        await upload_signed(artist, tmp_path / "large.wav")
    assert (refusal.value.code, refusal.value.problem["status"]) == ("file_too_large", 413)


async def test_an_upload_cut_in_half_leaves_nothing(
    stack: RunningStack, artist: Artist, new_song: Callable[[float], Path]
) -> None:
    song = new_song(3)
    request = artist._client.build_request(
        "POST",
        "/stems/upload",
        data={"title": "Half", "artist": "A test"},
        files={"file": (song.name, song.read_bytes(), "audio/flac")},
    )
    body = request.read()
    before = stored_files(stack)
    connection = http.client.HTTPConnection(urlsplit(stack.api_url).netloc, timeout=30)
    connection.putrequest("POST", "/stems/upload")
    for name in ("authorization", "content-type", "content-length"):
        connection.putheader(name, request.headers[name])
    connection.endheaders()
    connection.send(body[: len(body) // 2])
    await asyncio.sleep(0.5)
    assert stored_files(stack) != before, "the first half has not arrived"
    connection.close()

    deadline = time.monotonic() + 20
    while stored_files(stack) != before:
        assert time.monotonic() < deadline, f"left behind: {stored_files(stack) - before}"
        await asyncio.sleep(0.05)
    upload = await upload_signed(artist, song)
    assert (await end_of(artist, str(upload["uploadId"]))).stage == "indexed"


def stored_files(stack: RunningStack) -> set[Path]:
    return {path for path in (stack.home / "storage").rglob("*") if path.is_file()}


async def test_the_same_song_again_names_the_first(artist: Artist, new_song: Callable[[float], Path]) -> None:
    song = new_song(3)
    first = await upload_signed(artist, song)
    assert (await end_of(artist, str(first["uploadId"]))).stage == "indexed"

    with pytest.raises(ApiRefusal) as refusal:
        await upload_signed(artist, song)

    assert (refusal.value.code, refusal.value.problem["status"]) == ("recording_exists", 409)
    assert refusal.value.problem["recordingId"] == first["recordingId"]


async def test_a_wrong_signature_is_refused_and_a_right_one_still_taken(
    stack: RunningStack, artist: Artist, new_song: Callable[[float], Path]
) -> None:
    upload = await artist.upload(new_song(3), title="Signed twice", artist="A test", tags=[])
    somebody_else = Artist(artist._client, Artist.at(stack.api_url, "0x" + secrets.token_hex(32))._account)

    with pytest.raises(ApiRefusal) as refusal:
        await somebody_else.sign(upload)
    assert (refusal.value.code, refusal.value.problem["status"]) == ("signature_invalid", 422)

    await artist.sign(upload)
    assert (await end_of(artist, str(upload["uploadId"]))).stage == "indexed"


async def test_a_missing_signature_is_named(artist: Artist, new_song: Callable[[float], Path]) -> None:
    upload = await artist.upload(new_song(3), title="Unsigned", artist="A test", tags=[])
    with pytest.raises(ApiRefusal) as refusal:
        await artist._json("POST", f"/stems/uploads/{upload['uploadId']}/signature", json={})
    assert (refusal.value.code, refusal.value.problem["status"]) == ("signature_missing", 422)


async def test_a_stranger_cannot_upload(stack: RunningStack) -> None:
    answer = httpx.post(f"{stack.api_url}/stems/upload", files={"file": b"x"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
