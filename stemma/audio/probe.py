"""Is this file a song that can be taken, and what is in it?"""

import math
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stemma.audio.errors import (
    AudioEmpty,
    AudioNotFinite,
    AudioOutOfRange,
    AudioSilent,
    AudioTooLong,
    AudioTooShort,
    AudioTruncated,
)
from stemma.audio.ffmpeg import CHANNELS, SAMPLE_RATE, Decoding
from stemma.audio.meter import AudioMeter, Measurement

SILENCE_DBFS = -72.0
LOUDEST_DBFS = 60.0
TRUNCATION_SECONDS = 0.5

Pcm = npt.NDArray[np.float32]


@dataclass(frozen=True)
class AudioLimits:
    """What is taken, in seconds of audio, and how many seconds decoding may last."""

    max_seconds: float = 20 * 60
    min_seconds: float = 1.0
    decode_seconds: float = 180.0


@dataclass(frozen=True)
class AudioFacts:
    """A decoded file. `samples` counts frames at 44.1 kHz, `duration` is seconds, `peak` an amplitude (full scale 1).

    `format`, `codec`, `source_rate` (Hz) and `layout` describe the file; `pcm_sha256` hashes the decoded interleaved
    little-endian float32 stereo frames, so that two files with the same samples are recognized.
    """

    samples: int
    duration: float
    format: str
    codec: str
    source_rate: int
    layout: str
    peak: float
    peak_dbfs: float
    loudness_lufs: float | None
    pcm_sha256: bytes


def probe(path: Path, limits: AudioLimits) -> AudioFacts:
    """Decode the whole file once, keeping nothing.

    Raises:
        AudioEmpty, AudioUnreadable, AudioTruncated, AudioTooShort, AudioTooLong, AudioSilent, AudioNotFinite,
        AudioOutOfRange: as named.
        FileNotFoundError: there is no such file.
    """
    decoding = Decoding(path, timeout=limits.decode_seconds)
    meter = AudioMeter()
    with closing(decoding.blocks()) as blocks:
        for block in _bounded(blocks, limits):
            meter.update(block)
    return _facts(decoding, meter.finish(), limits)


def decode(path: Path, limits: AudioLimits, into: Path) -> tuple[AudioFacts, Pcm]:
    """Decode the file into the raw file `into`, and return its facts and its samples as a view of that file.

    The samples are float32[2, T] at 44.1 kHz, mapped read-only: memory does not grow with the length of the song.

    Raises:
        The same as `probe`.
    """
    decoding = Decoding(path, timeout=limits.decode_seconds)
    meter = AudioMeter()
    # Closed at once when the song is too long: an exception that is kept would keep ffmpeg waiting.
    with into.open("wb") as raw, closing(decoding.blocks()) as blocks:
        for block in _bounded(blocks, limits):
            meter.update(block)
            raw.write(block.data)
    facts = _facts(decoding, meter.finish(), limits)
    return facts, np.memmap(into, dtype="<f4", mode="r", shape=(facts.samples, CHANNELS)).T


def _bounded(blocks: Iterable[Pcm], limits: AudioLimits) -> Iterator[Pcm]:
    frames, most = 0, limits.max_seconds * SAMPLE_RATE
    for block in blocks:
        frames += len(block)
        if frames > most:
            raise AudioTooLong(
                f"the audio is longer than {limits.max_seconds:g} seconds", maxSeconds=limits.max_seconds
            )
        yield block


def _facts(decoding: Decoding, seen: Measurement, limits: AudioLimits) -> AudioFacts:
    duration = seen.samples / SAMPLE_RATE
    if seen.samples == 0:
        raise AudioEmpty(f"the {decoding.container or 'audio'} file holds no samples")
    if decoding.declared_seconds is not None and duration < decoding.declared_seconds - TRUNCATION_SECONDS:
        raise AudioTruncated(
            f"the file says it lasts {decoding.declared_seconds:.2f} seconds but ends after {duration:.2f}",
            seconds=duration,
        )
    if seen.first_not_finite is not None:
        where = seen.first_not_finite / SAMPLE_RATE
        raise AudioNotFinite(f"the sample at {where:.4f} seconds is not a finite number", seconds=where)
    if duration < limits.min_seconds:
        raise AudioTooShort(
            f"the audio lasts {duration:.3f} seconds, at least {limits.min_seconds:g} are needed", seconds=duration
        )
    level = seen.peak_dbfs if seen.peak_dbfs is not None else -math.inf
    if level < SILENCE_DBFS:
        raise AudioSilent(f"nothing in {duration:.1f} seconds is louder than {SILENCE_DBFS:g} dBFS")
    if level > LOUDEST_DBFS:
        raise AudioOutOfRange(f"the peak of {level:.0f} dBFS is beyond {LOUDEST_DBFS:g} dBFS", peakDbfs=level)
    return AudioFacts(
        samples=seen.samples,
        duration=duration,
        format=decoding.container,
        codec=decoding.codec,
        source_rate=decoding.source_rate,
        layout=decoding.layout,
        peak=seen.peak,
        peak_dbfs=level,
        loudness_lufs=seen.loudness_lufs,
        pcm_sha256=seen.pcm_sha256,
    )
