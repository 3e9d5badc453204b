"""Measuring audio while it streams by: length, hash, peak, loudness."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyloudnorm.iirfilter import IIRfilter
from scipy import signal

from stemma.audio.ffmpeg import CHANNELS, SAMPLE_RATE

Block = npt.NDArray[np.float32]

ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
HOP_FRAMES = SAMPLE_RATE // 10
HOPS_PER_BLOCK = 4


def decibels(amplitude: float) -> float | None:
    """20 log10 of an amplitude, where 1.0 is full scale; None for zero, which has no level."""
    return 20.0 * math.log10(amplitude) if amplitude > 0 else None


@dataclass(frozen=True)
class Measurement:
    """What a meter found. `pcm_sha256` hashes the interleaved little-endian float32 frames."""

    samples: int
    peak: float
    first_not_finite: int | None
    pcm_sha256: bytes
    loudness_lufs: float | None

    @property
    def peak_dbfs(self) -> float | None:
        return decibels(self.peak)


class AudioMeter:
    """Feed it float32[frames, 2] at 44.1 kHz in pieces of any length; memory does not grow with the length of the song.

    Loudness is the integrated loudness of ITU-R BS.1770-4: K-weighting, 400 ms blocks with 75 % overlap, both gates.
    """

    def __init__(self) -> None:
        self._samples = 0
        self._peak = 0.0
        self._first_not_finite: int | None = None
        self._hash = hashlib.sha256()
        filters = (
            IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, SAMPLE_RATE, "high_shelf"),
            IIRfilter(0.0, 0.5, 38.0, SAMPLE_RATE, "high_pass"),
        )
        self._sections = np.stack([np.concatenate([stage.b, stage.a]) for stage in filters])
        self._state = np.zeros((len(filters), 2, CHANNELS))
        self._hop_energies: list[float] = []
        self._open_hop = np.zeros(0)

    def update(self, block: Block) -> None:
        """Take in the next frames."""
        self._hash.update(np.ascontiguousarray(block, dtype="<f4").data)
        finite = np.isfinite(block)
        if not finite.all():
            if self._first_not_finite is None:
                self._first_not_finite = self._samples + int(np.argmin(finite.all(axis=1)))
            block = np.where(finite, block, np.float32(0))
        if len(block):
            self._peak = max(self._peak, float(np.abs(block).max()))
            self._weigh(block)
        self._samples += len(block)

    def finish(self) -> Measurement:
        """What was seen so far."""
        return Measurement(
            samples=self._samples,
            peak=self._peak,
            first_not_finite=self._first_not_finite,
            pcm_sha256=self._hash.digest(),
            loudness_lufs=self._loudness(),
        )

    def _weigh(self, block: Block) -> None:
        weighted, self._state = signal.sosfilt(self._sections, block.astype(np.float64), axis=0, zi=self._state)
        squares = np.concatenate([self._open_hop, np.sum(weighted**2, axis=1)])
        whole = len(squares) - len(squares) % HOP_FRAMES
        self._hop_energies.extend(squares[:whole].reshape(-1, HOP_FRAMES).sum(axis=1).tolist())
        self._open_hop = squares[whole:]

    def _loudness(self) -> float | None:
        """None where nothing passes the gates: silence, or less than one block."""
        if len(self._hop_energies) < HOPS_PER_BLOCK:
            return None
        sums = np.convolve(self._hop_energies, np.ones(HOPS_PER_BLOCK), mode="valid")
        powers = sums / (HOPS_PER_BLOCK * HOP_FRAMES)
        powers = powers[_lufs(powers) > ABSOLUTE_GATE_LUFS]
        if not len(powers):
            return None
        powers = powers[_lufs(powers) > _lufs(powers.mean()) + RELATIVE_GATE_LU]
        return float(_lufs(powers.mean()))


def _lufs(power: npt.NDArray[np.float64] | np.floating[npt.NBitBase]) -> npt.NDArray[np.float64]:
    return np.asarray(-0.691 + 10.0 * np.log10(np.maximum(power, 1e-30)))
