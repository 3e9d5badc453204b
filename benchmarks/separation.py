"""Claim: the worker's segment loop costs no more CPU than demucs' own `apply_model` and gives the same stems.

Both run in this process, in turns, on the same song and the same network, without random shifts:

    python benchmarks/separation.py [--seconds 30] [--rounds 3] [--threads 1] [--large]

`--large` takes the architecture of htdemucs_6s with random weights: its time is that of the real model, its sound is
not. Where the song's length makes apply_model compute one more, needless segment, the stems' ends differ a little.
Trust the CPU seconds; wall times depend on what else the machine does. The last line is one JSON object.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from demucs.apply import apply_model
from demucs.htdemucs import HTDemucs

from stem_worker.engine import Engine, segment_offsets
from stem_worker.model import StemModel
from stem_worker.model_repository import TINY_FOLDER
from stem_worker.synth import demo_song, si_sdr_gain
from stem_worker.weights import HTDEMUCS_6S, load_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--large", action="store_true")
    arguments = parser.parse_args()

    model = _large() if arguments.large else load_folder(TINY_FOLDER)
    engine = Engine(model, threads=arguments.threads)
    song = demo_song(arguments.seconds)
    runs: dict[str, list[tuple[float, float]]] = {"engine": [], "applyModel": []}
    stems: dict[str, dict[str, Any]] = {}
    for turn in range(arguments.rounds):
        for name, separate in (("engine", engine.separate), ("applyModel", lambda pcm: _reference(model, pcm))):
            stems[name], wall, cpu = _timed(lambda: separate(song.mix))  # noqa: B023 - called before the loop goes on
            runs[name].append((wall, cpu))
            print(f"round {turn + 1}  {name:10}  {wall:6.2f} s wall  {cpu:6.2f} s CPU", flush=True)

    samples, segment = song.mix.shape[1], model.segment_samples
    print(
        json.dumps(
            {
                "benchmark": "separation",
                "model": model.version,
                "audioSeconds": arguments.seconds,
                "threads": arguments.threads,
                "engine": _summary(runs["engine"], arguments.seconds),
                "applyModel": _summary(runs["applyModel"], arguments.seconds),
                "segments": {
                    "engine": len(segment_offsets(samples, segment)),
                    "applyModel": len(range(0, samples, int(0.75 * segment))),
                },
                "largestDifference": max(
                    float(np.abs(stem - stems["applyModel"][kind]).max()) for kind, stem in stems["engine"].items()
                ),
                "siSdrGainDb": None if arguments.large else si_sdr_gain(stems["engine"], song.stems, song.mix),
                "torch": torch.__version__,
                "machine": platform.machine(),
            }
        )
    )


def _large() -> StemModel:
    torch.manual_seed(1)
    network = HTDemucs(sources=list(HTDEMUCS_6S.sources), **HTDEMUCS_6S.arguments).eval()
    return replace(load_folder(TINY_FOLDER), version="htdemucs-6s-random-weights", network=network)


def _reference(model: StemModel, pcm: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    mix = torch.from_numpy(pcm.copy())
    mono = mix.mean(0)
    scaled = (mix - mono.mean()) / (mono.std() + 1e-8)
    out = apply_model(model.network, scaled[None], shifts=0, overlap=0.25)[0]
    out = out * (mono.std() + 1e-8) + mono.mean()
    return {source: out[index].numpy() for index, source in enumerate(model.sources)}


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def _summary(runs: list[tuple[float, float]], seconds: float) -> dict[str, float]:
    return {
        "realTimeFactor": round(statistics.median(wall for wall, _ in runs) / seconds, 4),
        "cpuSecondsPerAudioSecond": round(statistics.median(cpu for _, cpu in runs) / seconds, 4),
    }


if __name__ == "__main__":
    main()
