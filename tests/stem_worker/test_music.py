"""Tempo and key of sounds whose tempo and key are known."""

import numpy as np
import numpy.typing as npt
import pytest

from stem_worker.music import Music, listen
from stem_worker.synth.score import MAJOR, compose
from stem_worker.synth.song import make_song
from stemma.audio.ffmpeg import SAMPLE_RATE

SECONDS = 20.0
NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_TRIADS = [(57, 60, 64), (62, 65, 69), (64, 67, 71), (57, 60, 64)]
MAJOR_TRIADS = [(60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67)]


def stereo(mono: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    return np.stack([mono, 0.7 * mono]).astype(np.float32)


def clicks(beats_per_minute: float) -> npt.NDArray[np.float32]:
    rng, track = np.random.default_rng(1), np.zeros(round(SECONDS * SAMPLE_RATE))
    for beat in range(int(SECONDS * beats_per_minute / 60)):
        at = round(beat * 60 / beats_per_minute * SAMPLE_RATE)
        length = min(2_000, track.size - at)
        track[at : at + length] += rng.standard_normal(length) * np.exp(-np.arange(length) / 300)
    return stereo(track)


def chords(triads: list[tuple[int, ...]], up: int) -> npt.NDArray[np.float32]:
    times = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    track = np.zeros(times.size)
    for place, part in enumerate(np.array_split(np.arange(times.size), 16)):
        for note in triads[place % 4]:
            fade = np.exp(-2.0 * (times[part] - times[part][0]))
            track[part] += 0.1 * fade * np.sin(2 * np.pi * 440 * 2 ** ((note + up - 69) / 12) * times[part])
    return stereo(track)


@pytest.mark.parametrize("beats_per_minute", [75, 90, 101, 120, 128, 140])
def test_the_tempo_of_clicks(beats_per_minute) -> None:
    assert listen(clicks(beats_per_minute)) == Music(beats_per_minute, None)


@pytest.mark.parametrize("up", [0, 3, 7, 11])
def test_the_key_of_chords(up) -> None:
    assert listen(chords(MAJOR_TRIADS, up)).key == f"{NAMES[up]} major"
    assert listen(chords(MINOR_TRIADS, up)).key == f"{NAMES[(9 + up) % 12]} minor"


def test_songs_whose_score_is_known() -> None:
    """Every tempo to the beat; the keys but for songs that hardly show their tonic."""
    keys = 0
    for seed in range(9_002, 9_006):
        score = compose(np.random.default_rng(seed), SECONDS)
        heard = listen(make_song(seed, SECONDS).mix)
        assert heard.bpm == pytest.approx(score.beats_per_minute, abs=1.0), seed
        keys += heard.key == f"{NAMES[score.key]} {'major' if score.scale == MAJOR else 'minor'}"
    assert keys >= 3


def test_where_nothing_is_clear_nothing_is_said() -> None:
    nothing = Music(None, None)
    samples = round(SECONDS * SAMPLE_RATE)
    assert listen(np.zeros((2, samples), np.float32)) == nothing
    assert listen(stereo(0.1 * np.random.default_rng(3).standard_normal(samples))) == nothing
    assert listen(stereo(np.sin(2 * np.pi * 440 * np.arange(samples) / SAMPLE_RATE))).bpm is None
    assert listen(clicks(120)[:, : 5 * SAMPLE_RATE]) == nothing, "too short"
    assert listen(np.zeros((2, 0), np.float32)) == nothing


def test_the_same_samples_in_one_block_or_in_several_sound_the_same(monkeypatch) -> None:
    whole = listen(chords(MAJOR_TRIADS, 0))
    monkeypatch.setattr("stem_worker.music._BLOCK", 40_000)
    assert listen(chords(MAJOR_TRIADS, 0)) == whole
