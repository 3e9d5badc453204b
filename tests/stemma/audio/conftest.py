"""Songs in every format that is taken, made by ffmpeg from one synthesized song."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from scipy import signal

from stemma.audio.ffmpeg import SAMPLE_RATE, executable

SECONDS = 6


@dataclass(frozen=True)
class Songs:
    """`pcm` is float32[2, T] at 44.1 kHz; `path(suffix)` is the same song in a file."""

    folder: Path
    pcm: npt.NDArray[np.float32]

    def path(self, suffix: str) -> Path:
        return self.folder / f"song.{suffix}"


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Songs:
    folder = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(7)
    sections = signal.butter(2, [80, 6_000], btype="bandpass", fs=SAMPLE_RATE, output="sos")
    noise = signal.sosfilt(sections, rng.standard_normal((2, SECONDS * SAMPLE_RATE)))
    swell = 0.5 + 0.5 * np.sin(np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE * 9)
    pcm = (0.5 * swell * noise / np.abs(noise).max()).astype(np.float32)
    made = Songs(folder, pcm)
    soundfile.write(made.path("wav"), pcm.T, SAMPLE_RATE, subtype="FLOAT")
    encoders = {
        "flac": ["-sample_fmt", "s32"],
        "mp3": ["-c:a", "libmp3lame", "-b:a", "256k"],
        "ogg": ["-c:a", "libvorbis", "-q:a", "7"],
        "m4a": ["-c:a", "aac", "-b:a", "256k"],
        "opus": ["-c:a", "libopus", "-b:a", "192k"],
        "aiff": ["-c:a", "pcm_s24be"],
        "webm": ["-c:a", "libopus", "-b:a", "192k"],
    }
    for suffix, arguments in encoders.items():
        command = [executable(), "-v", "error", "-i", made.path("wav"), *arguments, made.path(suffix)]
        subprocess.run(command, check=True)
    return made
