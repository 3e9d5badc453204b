"""Songs made from a seed, with their true stems: what the small model is trained, judged and shown on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stem_worker.synth.rhythm import bass, drums
from stem_worker.synth.score import SAMPLE_RATE, Score, compose
from stem_worker.synth.sound import Signal
from stem_worker.synth.voices import guitar, pads, piano, vocals

Pcm = npt.NDArray[np.float32]

STEM_LEVEL_DBFS = -23.0
PEAK_LIMIT = 0.95

# The seed spaces never meet: a model is judged and shown on songs that it was not trained on.
TRAINING_SEEDS = range(1_000, 1_024)
HELD_OUT_SEEDS = range(9_000, 9_004)
DEMO_SEED = 424_242
DEMO_SECONDS = 12.0

PLAYERS: Mapping[str, Callable[[Score, np.random.Generator], Signal]] = {
    "vocals": vocals,
    "drums": drums,
    "bass": bass,
    "guitar": guitar,
    "piano": piano,
    "other": pads,
}


@dataclass(frozen=True)
class SynthSong:
    """A song whose parts are known. `stems` and `mix` are float32[2, T] at 44.1 kHz; the mix is their sum."""

    seed: int
    stems: Mapping[str, Pcm]
    mix: Pcm
    sample_rate: int = SAMPLE_RATE


def make_song(seed: int, seconds: float) -> SynthSong:
    """Compose and play the song of `seed`. Each stem has an RMS of -23 dBFS, or less where the mix would clip."""
    rng = np.random.default_rng(seed)
    score = compose(rng, seconds)
    # One generator per player: how much one of them draws does not change what the others play.
    players = zip(PLAYERS.items(), rng.spawn(len(PLAYERS)), strict=True)
    stems = {kind: _level(play(score, own)) for (kind, play), own in players}
    peak = float(np.abs(sum(stems.values())).max())
    gain = min(1.0, PEAK_LIMIT / peak)
    finished = {kind: (stem * gain).astype(np.float32) for kind, stem in stems.items()}
    mix = np.sum(np.stack(list(finished.values())), axis=0, dtype=np.float32)
    return SynthSong(seed=seed, stems=finished, mix=mix)


def demo_song(seconds: float = DEMO_SECONDS) -> SynthSong:
    """The demo's default song, with a seed that training never saw."""
    return make_song(DEMO_SEED, seconds)


def _level(stem: Signal) -> Signal:
    loudness = float(np.sqrt(np.mean(stem**2)))
    return np.asarray(stem * (10.0 ** (STEM_LEVEL_DBFS / 20.0) / max(loudness, 1e-9)))
