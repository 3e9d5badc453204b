"""What a listener would say of a song at once: how fast it is, and in which key.

Tempo: where the strengths of the onsets (Bello et al., "A Tutorial on Onset Detection in Music Signals", 2005: spectral
flux) look most like themselves a beat, two and four beats later; among tempos an octave apart the one nearer to what
people tap. Key: the major or minor key whose profile (Krumhansl and Kessler, 1982) the pitch classes' strengths follow
most. Both say nothing rather than guess where the music shows nothing clearly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from stemma.audio.ffmpeg import SAMPLE_RATE

Pcm = npt.NDArray[np.float32]
Signal = npt.NDArray[np.float64]

_DECIMATION = 4
_RATE = SAMPLE_RATE / _DECIMATION
_BLOCK = 1 << 20
_LOW_PASS = signal.firwin(63, 0.9 / _DECIMATION)

_ONSET_WINDOW, _ONSET_HOP = 512, 64
_ONSETS_PER_SECOND = _RATE / _ONSET_HOP
_SLOWEST, _FASTEST = 60.0, 200.0
_USUAL, _OCTAVES_AROUND_USUAL = 115.0, 0.9
_CLEAR_TEMPO = 0.1
_MULTIPLES = (1, 2, 4)
_FAINTEST_ONSET = 0.05
_SHORTEST_SECONDS = 6.0

_PITCH_WINDOW, _PITCH_HOP = 4_096, 2_048
_LOWEST_HZ, _HIGHEST_HZ = 65.0, 2_100.0
_CLEAR_KEY = 0.55
_FLATTEST = 0.15
_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


@dataclass(frozen=True)
class Music:
    """Whole beats per minute, and a key like "A minor"; None where nothing is clear."""

    bpm: int | None
    key: str | None


def listen(mix: Pcm) -> Music:
    """Hear a whole song: float32[2, T] at 44.1 kHz. Needs little more memory than an eighth of the song."""
    if mix.shape[1] < _SHORTEST_SECONDS * SAMPLE_RATE:
        return Music(None, None)
    mono = _decimated(mix)
    return Music(_tempo(mono), _key(mono))


def _decimated(mix: Pcm) -> Signal:
    """Both channels together, at 11 kHz."""
    state = np.zeros(len(_LOW_PASS) - 1)
    pieces = []
    for start in range(0, mix.shape[1], _BLOCK):
        filtered, state = signal.lfilter(_LOW_PASS, 1.0, mix[:, start : start + _BLOCK].mean(axis=0), zi=state)
        pieces.append(filtered[::_DECIMATION])
    return np.concatenate(pieces)


def _tempo(mono: Signal) -> int | None:
    onsets = _onsets(mono)
    energy = float(np.dot(onsets, onsets))
    if energy == 0.0:
        return None
    likeness = signal.correlate(onsets, onsets, method="fft")[onsets.size - 1 :]
    likeness = likeness / (energy * np.maximum(1.0 - np.arange(onsets.size) / onsets.size, 0.25))
    tempos = np.exp(np.linspace(np.log(_SLOWEST), np.log(_FASTEST), 1_200))
    lags = 60.0 * _ONSETS_PER_SECOND / tempos
    reachable = onsets.size - 1
    strengths = np.mean(
        [
            np.interp(np.minimum(multiple * lags, reachable), np.arange(onsets.size), likeness)
            for multiple in _MULTIPLES
        ],
        axis=0,
    )
    usual = np.exp(-0.5 * (np.log2(tempos / _USUAL) / _OCTAVES_AROUND_USUAL) ** 2)
    best = int(np.argmax(strengths * usual))
    return round(float(tempos[best])) if strengths[best] > _CLEAR_TEMPO else None


def _onsets(mono: Signal) -> Signal:
    """How much louder the spectrum becomes from one moment to the next, less what is usual around it.

    All zero where nothing begins that one would hear beside the rest.
    """
    rises: list[Signal] = []
    level, before = 0.0, np.zeros((0, _ONSET_WINDOW // 2 + 1))
    for magnitudes in _spectra(mono, _ONSET_WINDOW, _ONSET_HOP):
        levels = np.log1p(100.0 * magnitudes)
        level = max(level, float(levels.sum(axis=1).max()))
        rises.append(np.maximum(np.diff(np.vstack([before, levels]), axis=0), 0.0).sum(axis=1))
        before = levels[-1:]
    found = np.concatenate(rises)
    if found.max() <= _FAINTEST_ONSET * level:
        return np.zeros_like(found)
    second = round(_ONSETS_PER_SECOND) | 1
    above = np.maximum(found - signal.oaconvolve(found, np.full(second, 1.0 / second), "same"), 0.0)
    return np.asarray(above - above.mean())


def _key(mono: Signal) -> str | None:
    frequencies = np.fft.rfftfreq(_PITCH_WINDOW, 1.0 / _RATE)
    heard = (frequencies >= _LOWEST_HZ) & (frequencies <= _HIGHEST_HZ)
    classes = np.round(69.0 + 12.0 * np.log2(frequencies[heard] / 440.0)).astype(int) % 12
    strengths = np.zeros(12)
    for magnitudes in _spectra(mono, _PITCH_WINDOW, _PITCH_HOP):
        peaks = _peaks_only(magnitudes)[:, heard]
        by_class = np.stack([peaks[:, classes == each].sum(axis=1) for each in range(12)], axis=1)
        loudest = by_class.max(axis=1, keepdims=True)
        strengths += (by_class / np.maximum(loudest, 1e-12)).sum(axis=0)
    if strengths.std() <= _FLATTEST * strengths.mean():
        return None
    fits = {
        f"{_NAMES[tonic]} {mode}": float(np.corrcoef(strengths, np.roll(profile, tonic))[0, 1])
        for mode, profile in (("major", _MAJOR), ("minor", _MINOR))
        for tonic in range(12)
    }
    best = max(fits, key=lambda name: fits[name])
    return best if fits[best] > _CLEAR_KEY else None


def _peaks_only(magnitudes: Signal) -> Signal:
    """The spectra with nothing left but their local maxima: tones, without their skirts and most noise."""
    inner = magnitudes[:, 1:-1]
    is_peak = (inner > magnitudes[:, :-2]) & (inner >= magnitudes[:, 2:])
    return np.pad(np.where(is_peak, inner, 0.0), ((0, 0), (1, 1)))


def _spectra(mono: Signal, window: int, hop: int) -> Iterator[Signal]:
    """Magnitudes of successive windows, some at a time."""
    shape = np.hanning(window)
    frames = np.lib.stride_tricks.sliding_window_view(mono, window)[::hop]
    at_once = max(1, (1 << 21) // window)
    for start in range(0, len(frames), at_once):
        yield np.abs(np.fft.rfft(frames[start : start + at_once] * shape, axis=1))
