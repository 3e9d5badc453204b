"""Processes killed while they store a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from stemma.cid import identify

if TYPE_CHECKING:
    from tests.stemma.storage.conftest import Place

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[3]

STALLED = """
import asyncio, sys
from stemma.storage import open_storage_at

async def half():
    with open(sys.argv[4], "rb") as file:
        yield file.read(2_000_000)
    print("half", flush=True)
    await asyncio.sleep(60)

async def main():
    async with open_storage_at(sys.argv[1], sys.argv[2]) as storage:
        await storage.put(half(), private=sys.argv[3] == "private")

asyncio.run(main())
"""

HURRIED = """
import asyncio, sys
from pathlib import Path
from stemma.storage import open_storage_at

async def main():
    async with open_storage_at(sys.argv[1], sys.argv[2]) as storage:
        print("started", flush=True)
        blob = await storage.put(Path(sys.argv[4]), private=sys.argv[3] == "private")
        print(blob.cid, flush=True)

asyncio.run(main())
"""


def start(program: str, place: Place, song: Path) -> subprocess.Popen[str]:
    privacy = "private" if place.private else "public"
    arguments = [place.storage_url, place.public_storage_url, privacy, str(song)]
    environment = {**os.environ, "TMPDIR": str(song.parent)}
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )


def await_line(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == line


def kill(process: subprocess.Popen[str]) -> str:
    """Kill -9, and return what it had still printed."""
    process.send_signal(signal.SIGKILL)
    printed, _ = process.communicate()
    return printed.strip()


@pytest.fixture(scope="module")
def long_content(content: bytes) -> bytes:
    """24 MiB: a resumable upload of several parts for GCS."""
    return content * 8


@pytest.fixture
def song(tmp_path: Path, long_content: bytes) -> Path:
    path = tmp_path / "incoming song" / "song.wav"
    path.parent.mkdir()
    path.write_bytes(long_content)
    return path


async def test_killed_in_the_middle_of_a_stream(place: Place, song: Path, long_content: bytes) -> None:
    process = start(STALLED, place, song)
    await_line(process, "half")
    kill(process)
    assert place.kept() == set()
    async with place.open() as storage:
        blob = await storage.put(song, private=place.private)
        assert place.kept() == {str(blob.cid)}
        assert await storage.read_verified(blob.cid, blob.size) == long_content


async def test_the_leftover_of_a_killed_process_is_swept(local_place: Place, song: Path) -> None:
    process = start(STALLED, local_place, song)
    await_line(process, "half")
    incoming = Path(local_place.storage_url.removeprefix("file://")) / "private" / "incoming"
    async with local_place.open():
        assert len(list(incoming.iterdir())) == 1, "its owner lives"
    kill(process)
    assert len(list(incoming.iterdir())) == 1
    async with local_place.open():
        assert list(incoming.iterdir()) == []


@pytest.mark.parametrize("milliseconds", [10, 80, 200])
async def test_killed_at_any_moment_there_is_the_whole_file_or_none(
    place: Place, song: Path, long_content: bytes, milliseconds: int
) -> None:
    expected = identify(long_content)
    process = start(HURRIED, place, song)
    await_line(process, "started")
    await anyio.sleep(milliseconds / 1000)
    promised = kill(process)
    kept = place.kept()
    assert kept <= {str(expected.cid)}
    async with place.open() as storage:
        if promised or kept:
            assert await storage.read_verified(expected.cid, expected.size) == long_content
        assert await storage.put(song, private=place.private) == expected
        assert await storage.read_verified(expected.cid, expected.size) == long_content
