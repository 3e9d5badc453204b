"""How well stems were separated, for songs whose true stems are known. Signals are [channels, T], results in dB."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Audio = npt.NDArray[np.floating[Any]]
TINY = 1e-12


def sdr(estimate: Audio, truth: Audio) -> float:
    """Signal-to-distortion ratio without any allowed distortion: 10 log10(|s|² / |s - ŝ|²)."""
    s, e = truth.astype(np.float64), estimate.astype(np.float64)
    return float(10 * np.log10((np.sum(s**2) + TINY) / (np.sum((s - e) ** 2) + TINY)))


def si_sdr(estimate: Audio, truth: Audio) -> float:
    """Scale-invariant SDR (Le Roux et al., "SDR - half-baked or well done?", 2019), over all channels at once."""
    s, e = truth.astype(np.float64).ravel(), estimate.astype(np.float64).ravel()
    s, e = s - s.mean(), e - e.mean()
    target = s * (np.dot(e, s) / (np.dot(s, s) + TINY))
    return float(10 * np.log10((np.sum(target**2) + TINY) / (np.sum((e - target) ** 2) + TINY)))


def si_sdr_gain(estimates: Mapping[str, Audio], truths: Mapping[str, Audio], mix: Audio) -> float:
    """Mean over the stems of SI-SDR(estimate) - SI-SDR(mix taken as the estimate).

    Raises:
        KeyError: an estimate is missing.
    """
    gains = [si_sdr(estimates[kind], truth) - si_sdr(mix, truth) for kind, truth in truths.items()]
    return float(np.mean(gains))
