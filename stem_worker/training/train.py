"""The training loop and the judgement on songs that were held out."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from demucs.htdemucs import HTDemucs

from stem_worker.synth.measure import sdr, si_sdr
from stem_worker.synth.song import HELD_OUT_SEEDS, Pcm, make_song
from stem_worker.training.excerpts import Excerpts, training_songs
from stem_worker.training.recipe import SOURCES, Recipe

Say = Callable[[str], None]


def new_model(recipe: Recipe) -> HTDemucs:
    """An untrained HTDemucs, its first weights drawn from the recipe's seed."""
    torch.manual_seed(recipe.seed)
    model: HTDemucs = HTDemucs(sources=list(SOURCES), **recipe.architecture)
    return model


def train(recipe: Recipe, say: Say) -> HTDemucs:
    """Train on one thread, so that a run can be repeated. Takes about a quarter of an hour."""
    torch.set_num_threads(1)
    # Denormal numbers in the tails of the decays make CPU training several times slower.
    torch.set_flush_denormal(True)
    say("playing the training songs")
    excerpts = Excerpts(training_songs(recipe), recipe)
    model = new_model(recipe)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate, betas=recipe.betas)
    model.train()
    began, running = time.monotonic(), 0.0
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step)
        mix, stems = excerpts.batch()
        loss = torch.nn.functional.l1_loss(model(mix), stems)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
        optimizer.step()
        running = loss.item() if step == 0 else 0.98 * running + 0.02 * loss.item()
        if (step + 1) % 25 == 0:
            say(f"step {step + 1}/{recipe.steps}  loss {running:.5f}  {time.monotonic() - began:.0f} s")
    model.eval()
    return model


def learning_rate(recipe: Recipe, step: int) -> float:
    """Constant for the first half, then a cosine down to the final rate."""
    half = recipe.steps / 2
    if step < half:
        return recipe.learning_rate
    fall = 0.5 * (1 + math.cos(math.pi * (step - half) / half))
    return recipe.final_learning_rate + (recipe.learning_rate - recipe.final_learning_rate) * fall


def judge(separate: Callable[[Pcm], Mapping[str, Pcm]], recipe: Recipe) -> dict[str, Any]:
    """Mean SDR and SI-SDR in dB over the held-out songs, per stem, beside what the unseparated mix would score."""
    rows: dict[str, list[tuple[float, float, float, float]]] = {kind: [] for kind in SOURCES}
    for seed in HELD_OUT_SEEDS:
        song = make_song(seed, recipe.held_out_seconds)
        stems = separate(song.mix)
        for kind, truth in song.stems.items():
            rows[kind].append(
                (sdr(song.mix, truth), sdr(stems[kind], truth), si_sdr(song.mix, truth), si_sdr(stems[kind], truth))
            )
    names = ("mixSdr", "sdr", "mixSiSdr", "siSdr")
    table = {
        kind: dict(zip(names, np.mean(scores, axis=0).round(2).tolist(), strict=True)) for kind, scores in rows.items()
    }
    table["mean"] = {name: round(float(np.mean([table[kind][name] for kind in SOURCES])), 2) for name in names}
    return table
