"""Songs from seeds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stem_worker.synth import make_song, sdr, si_sdr, si_sdr_gain
from stem_worker.synth.song import DEMO_SEED, HELD_OUT_SEEDS, TRAINING_SEEDS


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**40), seconds=st.floats(4.0, 7.0))
def test_a_song_is_the_sum_of_six_audible_stems(seed: int, seconds: float) -> None:
    song = make_song(seed, seconds)
    assert list(song.stems) == ["vocals", "drums", "bass", "guitar", "piano", "other"]
    assert song.mix.shape == (2, round(seconds * 44_100))
    assert np.allclose(sum(song.stems.values()), song.mix, atol=1e-6)
    assert np.abs(song.mix).max() <= 0.9501
    for stem in song.stems.values():
        assert -40 < 20 * np.log10(np.sqrt(np.mean(stem**2))) <= -22.9


def test_a_seed_is_a_song() -> None:
    assert np.array_equal(make_song(5, 4).mix, make_song(5, 4).mix)
    assert not np.array_equal(make_song(5, 4).mix, make_song(6, 4).mix)


def test_training_judging_and_showing_use_different_seeds() -> None:
    assert not set(TRAINING_SEEDS) & set(HELD_OUT_SEEDS)
    assert DEMO_SEED not in {*TRAINING_SEEDS, *HELD_OUT_SEEDS}


def test_measures_on_signals_with_known_answers() -> None:
    rng = np.random.default_rng(1)
    truth, noise = rng.standard_normal((2, 100_000)), rng.standard_normal((2, 100_000))
    noise -= truth * np.sum(truth * noise) / np.sum(truth**2)
    estimate = truth + noise * (0.1 * np.linalg.norm(truth) / np.linalg.norm(noise))
    assert sdr(estimate, truth) == pytest.approx(20, abs=0.05)
    assert si_sdr(estimate * 7, truth) == pytest.approx(20, abs=0.05)
    assert sdr(np.zeros_like(truth), truth) == pytest.approx(0, abs=1e-6)
    mix = truth + noise
    expected = si_sdr(estimate, truth) - si_sdr(mix, truth)
    assert si_sdr_gain({"a": estimate}, {"a": truth}, mix) == pytest.approx(expected)


def test_a_missing_estimate_is_an_error() -> None:
    truth = np.ones((2, 10))
    with pytest.raises(KeyError):
        si_sdr_gain({}, {"vocals": truth}, truth)
