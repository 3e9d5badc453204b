"""The streaming meter against the textbook implementation, and against itself."""

import hashlib

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemma.audio.ffmpeg import SAMPLE_RATE
from stemma.audio.meter import AudioMeter, decibels


def measure(pcm, cuts=()):
    meter = AudioMeter()
    for part in np.split(pcm.T, sorted(cuts)):
        meter.update(part)
    return meter.finish()


def test_loudness_equals_pyloudnorm(songs) -> None:
    quiet = songs.pcm.copy()
    quiet[:, 2 * SAMPLE_RATE : 4 * SAMPLE_RATE] *= 0.01  # below the relative gate
    for pcm in (songs.pcm, quiet):
        expected = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(pcm.T.astype(np.float64))
        assert measure(pcm).loudness_lufs == pytest.approx(expected, abs=0.01)


def test_a_full_scale_sine_has_the_loudness_of_the_standard() -> None:
    """ITU-R BS.1770-4: 997 Hz at 0 dBFS in one channel of a stereo signal reads -3.01 LKFS."""
    tone = np.sin(2 * np.pi * 997 * np.arange(5 * SAMPLE_RATE) / SAMPLE_RATE)
    pcm = np.stack([tone, np.zeros_like(tone)]).astype(np.float32)
    assert measure(pcm).loudness_lufs == pytest.approx(-3.01, abs=0.05)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3 * SAMPLE_RATE), max_size=6))
def test_pieces_of_any_length_measure_the_same(cuts: list[int]) -> None:
    pcm = (0.3 * np.random.default_rng(3).standard_normal((2, 3 * SAMPLE_RATE))).astype(np.float32)
    whole, pieces = measure(pcm), measure(pcm, cuts)
    assert (whole.samples, whole.peak, whole.pcm_sha256) == (pieces.samples, pieces.peak, pieces.pcm_sha256)
    assert whole.loudness_lufs == pytest.approx(pieces.loudness_lufs, abs=1e-9)


def test_hash_is_of_interleaved_little_endian_floats() -> None:
    pcm = np.array([[0.25, -1.0], [0.5, 0.125]], dtype=np.float32)
    expected = hashlib.sha256(np.array([0.25, 0.5, -1.0, 0.125], dtype="<f4").tobytes()).digest()
    assert measure(pcm).pcm_sha256 == expected


def test_silence_has_no_level() -> None:
    found = measure(np.zeros((2, SAMPLE_RATE), dtype=np.float32))
    assert (found.loudness_lufs, found.peak_dbfs, decibels(0.0)) == (None, None, None)


def test_the_first_bad_sample_is_named() -> None:
    pcm = np.zeros((2, 1000), dtype=np.float32)
    pcm[1, 700] = np.nan
    pcm[0, 900] = np.inf
    assert measure(pcm, [650]).first_not_finite == 700
