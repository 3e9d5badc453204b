"""Previews: thirty seconds of MP3, which every browser plays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemma.audio.ffmpeg import SAMPLE_RATE, encode

MEDIA_TYPE = "audio/mpeg"
SECONDS = 30.0
FADE_SECONDS = 0.05
BIT_RATE = "128k"


@dataclass(frozen=True)
class Window:
    """The frames that a recording's previews show; the same for the mix and all stems, so that they play together."""

    start: int
    stop: int


def choose_window(pcm: npt.NDArray[np.float32], seconds: float = SECONDS) -> Window:
    """The most energetic `seconds` of float32[2, T], on whole seconds; all of it where it is shorter."""
    samples, length = pcm.shape[1], round(seconds * SAMPLE_RATE)
    if samples <= length:
        return Window(0, samples)
    energies = [
        float(np.sum(np.square(pcm[:, at : at + SAMPLE_RATE], dtype=np.float64)))
        for at in range(0, samples - SAMPLE_RATE + 1, SAMPLE_RATE)
    ]
    sums = np.convolve(energies, np.ones(round(seconds)), mode="valid")
    start = int(np.argmax(sums)) * SAMPLE_RATE
    return Window(start, start + length)


def encode_preview(pcm: npt.NDArray[np.float32], window: Window, *, gain: float = 1.0) -> bytes:
    """MP3 of one window of float32[2, T], with short fades so that it neither clicks nor clips."""
    part = np.array(pcm[:, window.start : window.stop], dtype=np.float32) * np.float32(gain)
    fade = min(round(FADE_SECONDS * SAMPLE_RATE), part.shape[1] // 2)
    ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    part[:, :fade] *= ramp
    part[:, part.shape[1] - fade :] *= ramp[::-1]
    return encode(np.clip(part, -1.0, 1.0), ["-c:a", "libmp3lame", "-b:a", BIT_RATE, "-f", "mp3"])
