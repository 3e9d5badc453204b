"""A song in; six stems, on chain and in the catalog, out."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from stack.demo.artist import Artist
from stack.running import RunningStack
from tests.end_to_end.chain import Chain
from tests.end_to_end.journeys import end_of, upload_signed

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

STEMMA = Path(sys.executable).with_name("stemma")
KINDS = ["vocals", "drums", "bass", "guitar", "piano", "other"]


def run_demo(stack: RunningStack, *arguments: str) -> dict[str, object]:
    done = subprocess.run(
        [STEMMA, "demo", "--json", *arguments],
        env={**os.environ, "STEMMA_HOME": str(stack.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_demo_prints_what_the_chain_and_the_catalog_say(stack: RunningStack, chain: Chain) -> None:
    result = run_demo(stack)

    assert result["modelVersion"] == "demucs-tiny-synth"
    assert isinstance(result["siSdrGainDb"], float)
    assert result["siSdrGainDb"] >= 8
    assert [stem["kind"] for stem in result["stems"]] == KINDS  # type: ignore[attr-defined]
    [registered] = chain.registrations(str(result["recordingId"]))
    for stem in result["stems"]:  # type: ignore[attr-defined]
        assert stem["tx"] == registered["transactionHash"]
        assert stem["block"] == int(registered["blockNumber"], 16)
    page = httpx.get(f"{stack.api_url}/catalog").json()
    shown = next(item for item in page["items"] if item["workId"] == result["recordingId"])
    assert [
        {key: stem[key] for key in ("workId", "kind", "sha256", "cid", "tx", "block")} for stem in shown["stems"]
    ] == (result["stems"])


def test_demo_takes_a_users_own_file(stack: RunningStack, new_song: Callable[[float], Path], tmp_path: Path) -> None:
    song = in_format(new_song(3), tmp_path / "my song.m4a", "aac")

    first, second = run_demo(stack, str(song)), run_demo(stack, str(song))

    assert len(first["stems"]) == 6  # type: ignore[arg-type]
    assert second["stems"] == first["stems"]


async def test_every_usual_format_is_taken(artist: Artist, new_song: Callable[[float], Path], tmp_path: Path) -> None:
    songs = [
        in_format(new_song(3), tmp_path / f"song.{extension}", codec)
        for extension, codec in (("mp3", "libmp3lame"), ("ogg", "libvorbis"), ("wav", "pcm_s16le"))
    ]

    uploads = [await upload_signed(artist, song) for song in songs]

    for upload in uploads:
        assert (await end_of(artist, str(upload["uploadId"]))).stage == "indexed"


def in_format(song: Path, path: Path, codec: str) -> Path:
    from imageio_ffmpeg import get_ffmpeg_exe

    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-i", song, "-c:a", codec, path], check=True)
    return path


async def test_the_holder_downloads_what_the_chain_committed(
    stack: RunningStack, artist: Artist, new_song: Callable[[float], Path], tmp_path: Path
) -> None:
    upload = await upload_signed(artist, new_song(3))
    assert (await end_of(artist, str(upload["uploadId"]))).stage == "indexed"

    recording = await artist.work(str(upload["recordingId"]))

    assert recording is not None
    for stem in recording["stems"]:
        file = await artist.download(stem["workId"], tmp_path / f"{stem['kind']}.flac")
        assert "0x" + hashlib.sha256(file.read_bytes()).hexdigest() == stem["sha256"]
        stranger = httpx.get(f"{stack.api_url}/catalog/{stem['workId']}/audio")
        assert stranger.status_code in (401, 403)
        preview = httpx.get(f"{stack.api_url}/catalog/{stem['workId']}/preview", headers={"Range": "bytes=0-99"})
        assert (preview.status_code, len(preview.content)) == (206, 100)
