"""The few pieces of signal processing that the instruments share. Mono signals are float64[T] at 44.1 kHz."""

from collections.abc import Sequence
from functools import cache
from math import isqrt

import numpy as np
import numpy.typing as npt
from scipy import signal

from stem_worker.synth.score import SAMPLE_RATE

Signal = npt.NDArray[np.float64]
Spiral = npt.NDArray[np.complex128]


def pitch(midi: float) -> float:
    """Frequency in Hz of a MIDI note, equal temperament, A4 = 440 Hz."""
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def moments(seconds: float) -> Signal:
    """Sample times 0 .. seconds."""
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def spiral(seconds: float, *, frequency: float, decay: float = np.inf, phase: float = 0.0) -> Spiral:
    """exp(-t / decay + i (2 pi frequency t + phase)): its imaginary part is a sine that fades.

    Each sample is the product of a coarse step and a fine one: so few are computed that it takes a tenth of the time.
    """
    length = round(seconds * SAMPLE_RATE)
    fine = isqrt(length) + 1
    rate = complex(-1.0 / decay, 2 * np.pi * frequency) / SAMPLE_RATE
    coarse_steps = np.exp(rate * fine * np.arange(length // fine + 1) + 1j * phase)
    return np.asarray(np.outer(coarse_steps, np.exp(rate * np.arange(fine))).reshape(-1)[:length])


def harmonics(turn: Spiral, gains: Sequence[float]) -> Spiral:
    """The sum of gains[k] * turn**k, by Horner's rule: harmonics without a sine for each."""
    total = np.full(len(turn), gains[-1], dtype=np.complex128)
    for gain in reversed(gains[:-1]):
        total *= turn
        total += gain
    return total


def envelope(seconds: float, *, attack: float, release: float) -> Signal:
    """A raised-cosine fade in, a plateau of one and a raised-cosine fade out, `seconds` long in all."""
    length = round(seconds * SAMPLE_RATE)
    rise = min(round(attack * SAMPLE_RATE), length // 2)
    fall = min(round(release * SAMPLE_RATE), length - rise)
    shape = np.ones(length)
    shape[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / max(rise, 1))
    shape[length - fall :] = 0.5 + 0.5 * np.cos(np.pi * np.arange(fall) / max(fall, 1))
    return shape


def add(track: Signal, note: Signal, at: float) -> None:
    """Mix `note` into `track` from second `at`; what hangs over the end is cut."""
    start = round(at * SAMPLE_RATE)
    if start >= len(track):
        return
    stop = min(len(track), start + len(note))
    track[start:stop] += note[: stop - start]


def band(noise: Signal, low: float, high: float) -> Signal:
    """Second-order Butterworth band-pass between `low` and `high` Hz."""
    return np.asarray(signal.sosfilt(_band_pass(low, high), noise), dtype=np.float64)


@cache
def _band_pass(low: float, high: float) -> Signal:
    sections = signal.butter(2, [low, high], btype="bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sections, dtype=np.float64)


def pan(mono: Signal, position: float) -> Signal:
    """Constant-power panning to float64[2, T]; -1 is left, 1 is right."""
    angle = (position + 1.0) * np.pi / 4.0
    return np.stack([np.cos(angle) * mono, np.sin(angle) * mono])
