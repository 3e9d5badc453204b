"""The song that the demo sends: one that is brought, or one made by the synthesizer, whose true stems are known."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SYNTHESIZER = "The Stemma Synthesizer"
_TITLE = re.compile(r"Held-out song (\d{1,9})")


@dataclass(frozen=True, slots=True)
class DemoSong:
    """A file to upload. ``true_stems`` and ``mix`` are float32[2, T] at 44.1 kHz, known for synthesized songs only."""

    path: Path
    title: str
    artist: str
    content_hash: bytes
    tags: list[str] = field(default_factory=list)
    true_stems: Mapping[str, npt.NDArray[np.float32]] | None = None
    mix: npt.NDArray[np.float32] | None = None


def brought_song(path: Path) -> DemoSong:
    """Return a user's own file, named after it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return DemoSong(path, title=path.stem[:200], artist="Unknown artist", content_hash=digest)


def synthesized_songs(folder: Path, known_titles: Iterable[str]) -> Iterator[DemoSong]:
    """Make one song after the other, from seeds that training never saw, beginning behind those of known titles."""
    import soundfile

    from stem_worker.synth.song import DEMO_SECONDS, DEMO_SEED, make_song

    found = (_TITLE.fullmatch(title) for title in known_titles)
    for number in count(max((int(match[1]) for match in found if match), default=0) + 1):
        song = make_song(DEMO_SEED + number - 1, DEMO_SECONDS)
        path = folder / f"song-{song.seed}.wav"
        soundfile.write(path, song.mix.T, song.sample_rate, subtype="PCM_24")
        yield DemoSong(
            path,
            title=f"Held-out song {number}",
            artist=SYNTHESIZER,
            content_hash=hashlib.sha256(path.read_bytes()).digest(),
            tags=["synthesized"],
            true_stems=song.stems,
            mix=song.mix,
        )


def gain_of(song: DemoSong, stem_files: Mapping[str, Path]) -> float:
    """Return the mean SI-SDR gain, in dB, of separated stems over taking the mix for each of them.

    Raises:
        ValueError: the song's true stems are not known.
    """
    import soundfile

    from stem_worker.synth.measure import si_sdr_gain

    if song.true_stems is None or song.mix is None:
        raise ValueError(f"the true stems of {song.path.name} are not known")
    estimates: dict[str, npt.NDArray[Any]] = {
        kind: soundfile.read(path, dtype="float32", always_2d=True)[0].T for kind, path in stem_files.items()
    }
    return si_sdr_gain(estimates, song.true_stems, song.mix)
