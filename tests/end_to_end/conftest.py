"""One whole stack for all end-to-end tests."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import soundfile

from stack.demo.artist import Artist
from stack.home import remove_home
from stack.running import RunningStack, running_stack
from stem_worker.synth.song import make_song
from tests.end_to_end.chain import Chain, chain_of

MAX_SECONDS = 60
MAX_BYTES = 16 * 1024 * 1024
_seeds = count(500_000)


@pytest.fixture(scope="session")
def make_stack_home() -> Iterator[Callable[[], Path]]:
    """Makes fresh homes for `stack.running.running_stack`."""
    homes: list[Path] = []

    def make() -> Path:
        home = Path(tempfile.mkdtemp(prefix="stemma-stack-"))
        home.chmod(0o711)
        homes.append(home)
        return home

    yield make
    for home in homes:
        remove_home(home)


@pytest.fixture(scope="session")
def plain_environment() -> dict[str, str]:
    """This environment without settings that would replace a part."""
    replaced = ("PUBSUB_EMULATOR_HOST", "RPC_URLS", "STEMMA_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in replaced and not name.endswith("_URL")}
    # Beside other tests, more threads only wait for each other.
    return {**kept, "STEM_MODEL": "demucs-tiny-synth", "WORKER_THREADS": "1"}


@pytest.fixture(scope="session")
def stack(make_stack_home: Callable[[], Path], plain_environment: dict[str, str]) -> Iterator[RunningStack]:
    """On a bare chain, where it deploys the contracts."""
    limits = {"UPLOAD_MAX_SECONDS": str(MAX_SECONDS), "UPLOAD_MAX_BYTES": str(MAX_BYTES)}
    with running_stack(make_stack_home(), environment=plain_environment | limits) as running:
        yield running


@pytest.fixture
def chain(stack: RunningStack) -> Chain:
    return chain_of(stack)


@pytest.fixture
async def artist(stack: RunningStack) -> AsyncIterator[Artist]:
    """A new artist, signed in."""
    someone = Artist.at(stack.api_url, "0x" + secrets.token_hex(32))
    await someone.sign_in()
    yield someone
    await someone.close()


@pytest.fixture
def new_song(tmp_path: Path) -> Callable[[float], Path]:
    """Write a song that nobody has uploaded yet, of a length in seconds."""

    def write(seconds: float) -> Path:
        song = make_song(next(_seeds), seconds)
        path = tmp_path / f"{song.seed}.flac"
        soundfile.write(path, song.mix.T, song.sample_rate, subtype="PCM_16")
        return path

    return write
