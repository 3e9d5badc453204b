"""A loaded model and where it came from."""

from dataclasses import dataclass
from typing import Protocol

import torch


class HybridDemucs(Protocol):
    """The part of demucs' HTDemucs that the engine uses."""

    samplerate: int
    segment: float
    sources: list[str]

    def __call__(self, mix: torch.Tensor) -> torch.Tensor:
        """Separate float32[B, 2, segment] into float32[B, sources, 2, segment]."""
        ...


@dataclass(frozen=True)
class StemModel:
    """A model ready to run. `version` is the name that results carry; `weights_sha256` hashes the weights file."""

    version: str
    architecture: str
    weights_sha256: bytes
    network: HybridDemucs

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self.network.sources)

    @property
    def segment_samples(self) -> int:
        """Length of the excerpt that the network was trained on."""
        return int(self.network.samplerate * self.network.segment)
