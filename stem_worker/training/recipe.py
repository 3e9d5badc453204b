"""Everything that decides how the small model comes out."""

from dataclasses import dataclass, field
from typing import Any

SOURCES = ("vocals", "drums", "bass", "guitar", "piano", "other")


@dataclass(frozen=True)
class Recipe:
    """The seeded training run. Lengths are seconds; `architecture` holds the arguments of demucs' HTDemucs."""

    seed: int = 6
    song_seconds: float = 20.0
    held_out_seconds: float = 10.0
    steps: int = 1_600
    batch: int = 2
    excerpt_seconds: float = 1.5
    remix_chance: float = 0.6
    gains: tuple[float, float] = (0.6, 1.3)
    learning_rate: float = 3e-3
    final_learning_rate: float = 3e-5
    betas: tuple[float, float] = (0.9, 0.99)
    clip_norm: float = 5.0
    architecture: dict[str, Any] = field(
        default_factory=lambda: {
            "audio_channels": 2,
            "samplerate": 44_100,
            "segment": 2,
            "channels": 8,
            "depth": 4,
            "nfft": 4_096,
            "t_layers": 1,
            "t_heads": 4,
            "t_hidden_scale": 2.0,
            "dconv_comp": 4,
        }
    )
