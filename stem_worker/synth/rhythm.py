"""Drums and bass."""

import numpy as np

from stem_worker.synth.score import Score
from stem_worker.synth.sound import Signal, add, band, envelope, harmonics, moments, pan, pitch, spiral

STEPS_PER_BAR = 16


def drums(score: Score, rng: np.random.Generator) -> Signal:
    """Kick, snare and hi-hat on a sixteenth grid. Returns float64[2, T]."""
    kick, snare = _kick(rng), _snare(rng)
    closed, opened = _hat(rng, 0.045), _hat(rng, 0.22)
    kick_chance = np.zeros(STEPS_PER_BAR)
    kick_chance[[0, 8]] = 1.0
    kick_chance[[3, 6, 10, 11, 14]] = rng.random(5) * 0.7
    every = int(rng.choice([1, 2, 2, 4]))
    low, high = np.zeros(score.samples), np.zeros(score.samples)
    step = score.bar / STEPS_PER_BAR
    for bar in range(score.bars):
        for index in range(STEPS_PER_BAR):
            at = bar * score.bar + index * step
            if rng.random() < kick_chance[index]:
                add(low, kick * rng.uniform(0.85, 1.0), at)
            if index in (4, 12) or rng.random() < 0.03:
                add(low, snare * rng.uniform(0.75, 1.0), at)
            if index % every == 0:
                hat = opened if index == 14 and rng.random() < 0.5 else closed
                add(high, hat * rng.uniform(0.4, 1.0), at)
    return pan(low, 0.0) + pan(high, float(rng.uniform(-0.2, 0.2)))


def _kick(rng: np.random.Generator) -> Signal:
    t = moments(0.32)
    base, drop = rng.uniform(42, 58), rng.uniform(90, 180)
    phase = 2 * np.pi * (base * t + drop * 0.035 * (1 - np.exp(-t / 0.035)))
    click = rng.standard_normal(len(t)) * np.exp(-t / 0.002) * 0.2
    return np.asarray(1.4 * np.sin(phase) * np.exp(-t / rng.uniform(0.08, 0.14)) + click)


def _snare(rng: np.random.Generator) -> Signal:
    t = moments(0.26)
    noise = band(rng.standard_normal(len(t)), 900, 9_000) * np.exp(-t / rng.uniform(0.05, 0.09))
    shell = np.sin(2 * np.pi * rng.uniform(170, 230) * t) * np.exp(-t / 0.05)
    return np.asarray(0.8 * noise + 0.6 * shell)


def _hat(rng: np.random.Generator, decay: float) -> Signal:
    t = moments(decay * 4)
    return np.asarray(0.5 * band(rng.standard_normal(len(t)), 6_500, 16_000) * np.exp(-t / decay))


def bass(score: Score, rng: np.random.Generator) -> Signal:
    """A band-limited saw through a closing filter, on the chord's root and fifth. Returns float64[2, T]."""
    track = np.zeros(score.samples)
    brightness = rng.uniform(2.0, 5.0)
    length = score.beat * float(rng.choice([0.5, 1.0]))
    per_bar = round(score.bar / length)
    for bar in range(score.bars):
        root, _, fifth = score.chord(bar)
        for index in range(per_bar):
            if index and rng.random() < 0.15:
                continue
            step = root if index == 0 or rng.random() < 0.7 else fifth - 7 if rng.random() < 0.5 else fifth
            note = _bass_note(pitch(score.degree(step, 28)), length * rng.uniform(0.8, 0.98), brightness)
            add(track, note * rng.uniform(0.85, 1.0), bar * score.bar + index * length)
    return pan(track, 0.0)


def _bass_note(frequency: float, seconds: float, brightness: float) -> Signal:
    closing = 0.6 + 0.4 * np.exp(-moments(seconds) / 0.15)
    turn = spiral(seconds, frequency=frequency)
    gains = [harmonic**-0.5 for harmonic in range(1, 15) if harmonic * frequency <= 2_500]
    tone = (turn * harmonics(turn * np.exp(-1 / (brightness * closing)), gains)).imag
    return np.asarray(tone * envelope(seconds, attack=0.006, release=0.04))
