"""Stems as files: 24-bit FLAC."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from stemma.audio.ffmpeg import CHANNELS, SAMPLE_RATE

MEDIA_TYPE = "audio/flac"
FULL_SCALE = 1.0 - 2.0**-23
WRITE_FRAMES = 1 << 16


def common_gain(peaks: list[float]) -> float:
    """The one gain that keeps all of several files below full scale: 1.0 where none clips.

    One gain for all, because stems that are scaled each by its own no longer add up to the song.
    """
    loudest = max(peaks)
    return 1.0 if loudest <= FULL_SCALE else FULL_SCALE / loudest


def write_flac(path: Path, pcm: npt.NDArray[np.float32], *, gain: float = 1.0) -> None:
    """Write float32[2, T] at 44.1 kHz as 24-bit FLAC, multiplied by `gain`, a block at a time.

    Raises:
        ValueError: a sample would clip or is not finite.
    """
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, CHANNELS, subtype="PCM_24", format="FLAC") as file:
        for start in range(0, pcm.shape[1], WRITE_FRAMES):
            block = pcm[:, start : start + WRITE_FRAMES].astype(np.float64) * gain
            if not np.abs(block).max() <= 1.0:
                raise ValueError("the samples do not fit 24 bits; take common_gain")
            file.write(block.T)
