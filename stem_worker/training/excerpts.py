"""Training batches: short excerpts of synthesized songs, some of them remixed from several songs."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from stem_worker.synth.score import SAMPLE_RATE
from stem_worker.synth.song import TRAINING_SEEDS, make_song
from stem_worker.training.recipe import SOURCES, Recipe

Song = npt.NDArray[np.float16]


def training_songs(recipe: Recipe, seeds: Sequence[int] = TRAINING_SEEDS) -> list[Song]:
    """One float16[6, 2, T] per seed, in the order of SOURCES (half precision halves a gigabyte)."""
    songs = (make_song(seed, recipe.song_seconds) for seed in seeds)
    return [np.stack([song.stems[kind] for kind in SOURCES]).astype(np.float16) for song in songs]


class Excerpts:
    """An endless, seeded supply of (mix [B, 2, T], stems [B, 6, 2, T])."""

    def __init__(self, songs: Sequence[Song], recipe: Recipe) -> None:
        self._songs = songs
        self._recipe = recipe
        self._rng = np.random.default_rng(recipe.seed)
        self._length = round(recipe.excerpt_seconds * SAMPLE_RATE)

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        stems = torch.from_numpy(np.stack([self._excerpt() for _ in range(self._recipe.batch)]))
        return stems.sum(dim=1), stems

    def _excerpt(self) -> npt.NDArray[np.float32]:
        remix = self._rng.random() < self._recipe.remix_chance
        song, start = self._place()
        parts = []
        for index in range(len(SOURCES)):
            if remix:
                song, start = self._place()
            part = song[index, :, start : start + self._length].astype(np.float32)
            parts.append(part * np.float32(self._rng.uniform(*self._recipe.gains)))
        return np.stack(parts)

    def _place(self) -> tuple[Song, int]:
        song = self._songs[int(self._rng.integers(len(self._songs)))]
        return song, int(self._rng.integers(song.shape[-1] - self._length))
