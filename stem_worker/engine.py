"""Separation of a whole song with a model that sees a few seconds at a time.

The same mathematics as demucs 4.1.0 `apply_model(shifts=0, overlap=0.25)` inside `Separator`, with three differences:
no random shift, so a run can be repeated; no segment at the end that the one before covers already; and finished
samples leave at once, so memory does not grow with the length of the song.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from stem_worker.errors import SeparationCancelled
from stem_worker.model import StemModel
from stemma.audio.errors import AudioEmpty

Pcm = npt.NDArray[np.float32]

OVERLAP = 0.25
BLOCK = 1 << 18


@dataclass(frozen=True)
class Level:
    """Mean and standard deviation of the mono mix; songs enter the network with mean 0 and deviation 1."""

    mean: float
    deviation: float


class Engine:
    """One model on one device. Not for use by several threads at once.

    Args:
        model: what separates.
        threads: CPU threads of one separation.
        device: a torch device.
        batch: segments that go through the network together; more than one pays only on a GPU.
    """

    def __init__(self, model: StemModel, *, threads: int = 1, device: str = "cpu", batch: int | None = None) -> None:
        self.model = model
        self.threads = threads
        self.device = torch.device(device)
        self._batch = batch or (1 if self.device.type == "cpu" else 8)
        # Slower on CPUs by a sixth, and no closer to the mathematics.
        torch.backends.mha.set_fastpath_enabled(False)
        if isinstance(model.network, torch.nn.Module):
            model.network.to(self.device).eval()

    @property
    def parameters(self) -> dict[str, Any]:
        """What decides the output besides input, weights and runtime."""
        return {
            "overlap": OVERLAP,
            "segmentSamples": self.model.segment_samples,
            "shifts": 0,
            "transition": "triangle",
            "normalization": "mono mean and standard deviation",
        }

    @property
    def runtime(self) -> dict[str, Any]:
        """Where it runs. Other threads, versions or processors give results that differ in the last bits."""
        return {
            "torch": torch.__version__,
            "device": str(self.device),
            "threads": self.threads,
            "cpuCapability": torch.backends.cpu.get_cpu_capability(),
        }

    def separate(
        self,
        pcm: Pcm,
        *,
        on_progress: Callable[[float], None] | None = None,
        cancel: Callable[[], bool] | None = None,
        out: npt.NDArray[np.float32] | None = None,
    ) -> dict[str, Pcm]:
        """Separate float32[2, T] at 44.1 kHz into one float32[2, T] per source.

        Args:
            pcm: the song; finite samples. May be mapped from a file.
            on_progress: called after each segment with the finished share, 0..1.
            cancel: asked before each segment; when it says True the separation ends.
            out: float32[sources, 2, T] to write to, for instance mapped to a file; allocated where None.

        Raises:
            AudioEmpty: there is not a single sample.
            SeparationCancelled: `cancel` said so.
        """
        samples, sources = pcm.shape[1], len(self.model.sources)
        if samples == 0:
            raise AudioEmpty("there are no samples to separate")
        stems = np.empty((sources, 2, samples), dtype=np.float32) if out is None else out
        with self._thread_settings():
            level = _level(pcm)
            overlap_add = _OverlapAdd(self.model.segment_samples, sources)
            offsets = segment_offsets(samples, self.model.segment_samples)
            for index, segment in enumerate(self._segments(pcm, level, offsets, cancel)):
                offset = offsets[index]
                stop = offsets[index + 1] if index + 1 < len(offsets) else samples
                finished = overlap_add.add(segment, stop - offset)
                stems[:, :, offset:stop] = finished * (level.deviation + 1e-8) + level.mean
                if on_progress is not None:
                    on_progress((index + 1) / len(offsets))
        return {source: stems[index] for index, source in enumerate(self.model.sources)}

    @contextmanager
    def _thread_settings(self) -> Iterator[None]:
        """Both belong to the calling thread. OpenMP threads that are too many only wait for each other."""
        torch.set_num_threads(self.threads)
        torch.set_flush_denormal(True)
        try:
            yield
        finally:
            # Whatever runs in this thread next has a right to all floating point numbers.
            torch.set_flush_denormal(False)

    def _segments(
        self, pcm: Pcm, level: Level, offsets: list[int], cancel: Callable[[], bool] | None
    ) -> Iterator[npt.NDArray[np.float32]]:
        """The network's output for each segment: float32[sources, 2, n], n < segment only where the song is shorter."""
        length, samples = self.model.segment_samples, pcm.shape[1]
        remaining = iter(offsets)
        while group := list(islice(remaining, self._batch)):
            if cancel is not None and cancel():
                raise SeparationCancelled("the worker is stopping")
            excerpts = [_excerpt(pcm, level, offset, length) for offset in group]
            with torch.inference_mode():
                output = self.model.network(torch.from_numpy(np.stack(excerpts)).to(self.device)).cpu().numpy()
            for offset, separated in zip(group, output, strict=True):
                wanted = min(length, samples - offset)
                start = (length - wanted) // 2
                yield separated[..., start : start + wanted]


def segment_offsets(samples: int, segment: int) -> list[int]:
    """First samples of the segments that cover a song, each overlapping the one before by a quarter, none needless."""
    stride = int((1 - OVERLAP) * segment)
    count = 1 + max(0, -(-(samples - segment) // stride))
    return [index * stride for index in range(count)]


def _level(pcm: Pcm) -> Level:
    """Level of the mono mix, with the sample standard deviation (n - 1), in two passes over blocks."""
    samples = pcm.shape[1]
    mean = sum(float(block.sum()) for block in _mono(pcm)) / samples
    squares = sum(float(np.square(block - mean).sum()) for block in _mono(pcm))
    return Level(mean, float(np.sqrt(squares / max(samples - 1, 1))))


def _mono(pcm: Pcm) -> Iterator[npt.NDArray[np.float64]]:
    for start in range(0, pcm.shape[1], BLOCK):
        yield pcm[:, start : start + BLOCK].mean(axis=0, dtype=np.float64)


def _excerpt(pcm: Pcm, level: Level, offset: int, length: int) -> npt.NDArray[np.float32]:
    """`length` normalized samples around the segment at `offset`.

    A last segment that is short is centred: it gets what comes before it as context, and zeros behind the song's end.
    """
    samples = pcm.shape[1]
    start = offset - (length - min(length, samples - offset)) // 2
    first, last = max(start, 0), min(start + length, samples)
    excerpt = np.zeros((2, length), dtype=np.float32)
    excerpt[:, first - start : last - start] = (pcm[:, first:last] - level.mean) / (level.deviation + 1e-8)
    return excerpt


class _OverlapAdd:
    """Adds overlapping segments under a triangle, and gives out what no later segment can change."""

    def __init__(self, segment: int, sources: int) -> None:
        rising = np.arange(1, segment // 2 + 1)
        falling = np.arange(segment - segment // 2, 0, -1)
        triangle = np.concatenate([rising, falling]).astype(np.float32)
        self._window = triangle / triangle.max()
        self._sum = np.zeros((sources, 2, segment), dtype=np.float32)
        self._weight = np.zeros(segment, dtype=np.float32)

    def add(self, segment: npt.NDArray[np.float32], finished: int) -> npt.NDArray[np.float32]:
        """Add a segment at the current place; return its first `finished` samples and move on by as many."""
        length = segment.shape[-1]
        self._sum[..., :length] += self._window[:length] * segment
        self._weight[:length] += self._window[:length]
        done = self._sum[..., :finished] / self._weight[:finished]
        rest = self._sum.shape[-1] - finished
        self._sum[..., :rest] = self._sum[..., finished:].copy()
        self._sum[..., rest:] = 0
        self._weight[:rest] = self._weight[finished:].copy()
        self._weight[rest:] = 0
        return done
