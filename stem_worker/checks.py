"""What every separation must pass, measured in one pass over its stems."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemma.audio.meter import AudioMeter, Measurement
from stemma.messaging.failures import SeparationImplausible
from stemma.works import STEM_KINDS

Pcm = npt.NDArray[np.float32]

KINDS = tuple(kind.label for kind in STEM_KINDS)
# Silence as every stem would score 0 dB; below this the stems are farther from the song than silence is.
LOWEST_RESIDUAL_SNR_DB = -1.0
BLOCK = 1 << 18


@dataclass(frozen=True)
class CheckedStems:
    """Measurements per kind, and how near the stems' sum is to the song: SNR in dB, None where it is exact."""

    measurements: Mapping[str, Measurement]
    residual_snr_db: float | None


def check(stems: Mapping[str, Pcm], mix: Pcm) -> CheckedStems:
    """Measure and judge float32[2, T] stems against their mix.

    Raises:
        SeparationImplausible: not the six kinds, another length than the mix, samples that are not finite, or a
            sum that has nothing to do with the mix.
    """
    if set(stems) != set(KINDS):
        raise SeparationImplausible(f"the model gives {sorted(stems)}, not {sorted(KINDS)}")
    for kind, stem in stems.items():
        if stem.shape != mix.shape:
            raise SeparationImplausible(f"{kind} has shape {stem.shape}, the song {mix.shape}")
    meters = {kind: AudioMeter() for kind in KINDS}
    signal = noise = 0.0
    for start in range(0, mix.shape[1], BLOCK):
        part = slice(start, start + BLOCK)
        rest = np.array(mix[:, part], dtype=np.float64)
        signal += float(np.sum(rest**2))
        for kind in KINDS:
            block = np.ascontiguousarray(stems[kind][:, part].T)
            meters[kind].update(block)
            rest -= block.T
        noise += float(np.sum(rest**2))
    measurements = {kind: meter.finish() for kind, meter in meters.items()}
    for kind, found in measurements.items():
        if found.first_not_finite is not None:
            raise SeparationImplausible(f"{kind} is not finite at sample {found.first_not_finite}")
    snr = 10.0 * math.log10(signal / noise) if noise > 0 and signal > 0 else None
    if snr is not None and snr < LOWEST_RESIDUAL_SNR_DB:
        raise SeparationImplausible(f"the stems' sum is {snr:.1f} dB from the song")
    return CheckedStems(measurements=measurements, residual_snr_db=snr)
