"""A song on paper: tempo, key, chords and sections, all drawn from one seed."""

from dataclasses import dataclass

import numpy as np

SAMPLE_RATE = 44_100
BEATS_PER_BAR = 4

PROGRESSIONS: tuple[tuple[int, ...], ...] = (
    (0, 4, 5, 3),
    (5, 3, 0, 4),
    (0, 5, 3, 4),
    (0, 3, 0, 4),
    (1, 4, 0, 5),
    (0, 2, 3, 4),
)
MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)


@dataclass(frozen=True)
class Score:
    """What the players of one song agree on. `key` is the MIDI pitch class of the tonic, times are in seconds."""

    seconds: float
    beats_per_minute: float
    key: int
    scale: tuple[int, ...]
    progression: tuple[int, ...]

    @property
    def samples(self) -> int:
        return round(self.seconds * SAMPLE_RATE)

    @property
    def beat(self) -> float:
        return 60.0 / self.beats_per_minute

    @property
    def bar(self) -> float:
        return self.beat * BEATS_PER_BAR

    @property
    def bars(self) -> int:
        """Bars that begin inside the song; the last may be cut."""
        return int(np.ceil(self.seconds / self.bar))

    def degree(self, step: int, lowest: int) -> int:
        """MIDI note of scale step `step` (0 is the tonic), counted from the lowest tonic at or above `lowest`."""
        octave, index = divmod(step, len(self.scale))
        tonic = lowest + (self.key - lowest) % 12
        return tonic + 12 * octave + self.scale[index]

    def chord(self, bar: int) -> tuple[int, int, int]:
        """Scale steps of the triad that sounds in this bar."""
        root = self.progression[bar % len(self.progression)]
        return root, root + 2, root + 4


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Draw a score of the given length."""
    return Score(
        seconds=seconds,
        beats_per_minute=float(rng.uniform(84, 138)),
        key=int(rng.integers(12)),
        scale=MAJOR if rng.random() < 0.55 else MINOR,
        progression=PROGRESSIONS[int(rng.integers(len(PROGRESSIONS)))],
    )
