"""Vocals, guitar, piano and the pads that make `other`, on a usual stage: guitar to the left, piano to the right."""

import numpy as np

from stem_worker.synth.score import SAMPLE_RATE, Score
from stem_worker.synth.sound import Signal, add, band, envelope, harmonics, moments, pan, pitch, spiral

# First three formants in Hz of /a e i o u/, after Peterson and Barney (1952), rounded.
VOWELS = ((730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240))
FORMANT_WIDTHS = (90.0, 110.0, 160.0)
FORMANT_GAINS = (1.0, 0.6, 0.35)


def vocals(score: Score, rng: np.random.Generator) -> Signal:
    """A singer: harmonics shaped by vowel formants, vibrato, glides and breath. Returns float64[2, T]."""
    track = np.zeros(score.samples)
    stretch = rng.uniform(0.95, 1.2)
    lowest = int(rng.choice([50, 55, 60]))
    step, at = int(rng.integers(3, 8)), score.beat * float(rng.choice([0, 1, 2]))
    while at < score.seconds:
        length = score.beat * float(rng.choice([0.5, 1.0, 1.0, 1.5, 2.0]))
        if rng.random() < 0.14:
            at += length
            continue
        step = int(np.clip(step + rng.integers(-2, 3), 0, 10))
        vowel = VOWELS[int(rng.integers(len(VOWELS)))]
        note = _sung(rng, pitch(score.degree(step, lowest)), length * 0.97, vowel, stretch)
        add(track, note * rng.uniform(0.7, 1.0), at)
        at += length
    return pan(track, float(rng.uniform(-0.08, 0.08)))


def _sung(
    rng: np.random.Generator, frequency: float, seconds: float, vowel: tuple[int, int, int], stretch: float
) -> Signal:
    t = moments(seconds)
    vibrato = 0.011 * np.minimum(t / 0.25, 1.0) * spiral(seconds, frequency=rng.uniform(4.8, 6.4)).imag
    glide = -0.05 * np.exp(-t / 0.035)
    current = frequency * (1 + vibrato + glide)
    phase = 2 * np.pi * np.cumsum(current) / SAMPLE_RATE
    gains = [
        _formant_gain(harmonic * frequency, vowel, stretch) / harmonic**0.35
        for harmonic in range(1, 40)
        if harmonic * frequency <= 6_000
    ]
    tone = harmonics(np.cos(phase) + 1j * np.sin(phase), [0.0, *gains]).imag
    breath = band(rng.standard_normal(len(t)), 3_000, 8_000) * 0.02
    return np.asarray((tone + breath) * envelope(seconds, attack=0.04, release=0.07))


def _formant_gain(frequency: float, vowel: tuple[int, int, int], stretch: float) -> float:
    resonances = zip(vowel, FORMANT_WIDTHS, FORMANT_GAINS, strict=True)
    return 0.02 + sum(
        gain / (1.0 + ((frequency - centre * stretch) / width) ** 2) for centre, width, gain in resonances
    )


def guitar(score: Score, rng: np.random.Generator) -> Signal:
    """Strummed chords of plucked strings (Karplus and Strong, 1983). Returns float64[2, T]."""
    track = np.zeros(score.samples)
    chance = np.concatenate([[1.0], rng.uniform(0.15, 0.85, 7)])
    decay = rng.uniform(0.990, 0.996)
    for bar in range(score.bars):
        root, third, fifth = score.chord(bar)
        strings = [score.degree(step, 40) for step in (root, fifth, root + 7, third + 7, fifth + 7)]
        for index in range(8):
            if rng.random() > chance[index]:
                continue
            at, up = bar * score.bar + index * score.beat / 2, index % 2 == 1
            for order, midi in enumerate(reversed(strings) if up else strings):
                string = _pluck(rng, pitch(midi), score.beat * 1.2, decay)
                add(track, string * rng.uniform(0.6, 1.0), at + order * 0.011)
    return pan(track, float(rng.uniform(-0.7, -0.4)))


def _pluck(rng: np.random.Generator, frequency: float, seconds: float, decay: float) -> Signal:
    # The averaging filter delays by half a sample, so the loop is one half short of the period.
    period = max(2, round(SAMPLE_RATE / frequency - 0.5))
    length = round(seconds * SAMPLE_RATE)
    loops = length // period + 1
    string = np.zeros(1 + loops * period)  # a sample of silence first
    burst = rng.uniform(-1, 1, period)
    string[1 : 1 + period] = (burst + np.roll(burst, 1) + np.roll(burst, 2)) / 3.0
    for start in range(1 + period, len(string), period):
        turn = string[start : start + period]
        np.add(string[start - period : start], string[start - period - 1 : start - 1], out=turn)
        turn *= decay * 0.5
    return np.asarray(string[1 : 1 + length] * envelope(seconds, attack=0.001, release=0.05))


def piano(score: Score, rng: np.random.Generator) -> Signal:
    """Stiff strings with stretched partials: broken chords with a chord on the one. Returns float64[2, T]."""
    track = np.zeros(score.samples)
    order = rng.permutation(8) % 3
    chance = rng.uniform(0.35, 0.95)
    octave = int(rng.choice([60, 64, 67]))
    for bar in range(score.bars):
        chord = score.chord(bar)
        for step in chord:
            add(track, _struck(rng, score.degree(step, 52), score.beat * 2.5) * 0.6, bar * score.bar)
        for index in range(8):
            if rng.random() > chance:
                continue
            step = chord[order[index]] + (7 if rng.random() < 0.3 else 0)
            note = _struck(rng, score.degree(step, octave), score.beat * 1.6)
            add(track, note * rng.uniform(0.5, 1.0), bar * score.bar + index * score.beat / 2)
    return pan(track, float(rng.uniform(0.35, 0.65)))


def _struck(rng: np.random.Generator, midi: int, seconds: float) -> Signal:
    t = moments(seconds)
    frequency = pitch(midi)
    stiffness = 0.0004 * 2.0 ** ((midi - 60) / 12)
    tone = np.zeros(len(t))
    for partial in range(1, 13):
        stretched = partial * frequency * np.sqrt(1 + stiffness * partial**2)
        if stretched > 9_000:
            break
        decay = 1.4 / (1 + 0.35 * partial) * 2.0 ** ((60 - midi) / 24)
        phase = rng.uniform(0, 2 * np.pi)
        tone += spiral(seconds, frequency=stretched, decay=decay, phase=phase).imag / partial**1.1
    hammer = band(rng.standard_normal(len(t)), 300, 2_500) * np.exp(-t / 0.006) * 0.3
    return np.asarray((tone + hammer) * envelope(seconds, attack=0.002, release=0.12))


def pads(score: Score, rng: np.random.Generator) -> Signal:
    """Slow frequency-modulated chords, wide in the stereo field. Returns float64[2, T]."""
    left, right = np.zeros(score.samples), np.zeros(score.samples)
    timbre = float(rng.choice([1.0, 2.0, 3.0, 1.5])), float(rng.uniform(1.2, 3.2)), float(rng.uniform(0.15, 0.5))
    for bar in range(score.bars):
        for step in score.chord(bar):
            frequency = pitch(score.degree(step + 7, 50))
            for track, detune in ((left, 0.9975), (right, 1.0025)):
                add(track, _swell(rng, frequency * detune, score.bar * 1.08, timbre), bar * score.bar)
    return np.stack([left, right])


def _swell(rng: np.random.Generator, frequency: float, seconds: float, timbre: tuple[float, float, float]) -> Signal:
    ratio, index, sway = timbre
    depth = index * (0.7 + 0.3 * spiral(seconds, frequency=sway, phase=rng.uniform(0, 2 * np.pi)).imag)
    modulation = depth * spiral(seconds, frequency=frequency * ratio).imag
    carrier = np.sin(2 * np.pi * frequency * moments(seconds) + modulation)
    return np.asarray(carrier * envelope(seconds, attack=0.35, release=0.3))
