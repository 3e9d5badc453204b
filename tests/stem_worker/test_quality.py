"""What the small model can do on songs that it was not trained on, and that the record of it is true."""

import json

import numpy as np
import pytest

from stem_worker.model_repository import TINY_FOLDER
from stem_worker.synth import make_song, si_sdr, si_sdr_gain
from stem_worker.synth.song import HELD_OUT_SEEDS
from stem_worker.training.recipe import SOURCES, Recipe
from stem_worker.training.train import new_model
from stemma.works import STEM_KINDS


def test_si_sdr_gain_on_the_demo_song_is_at_least_8_db(song, separated, record_property, capsys) -> None:
    gain = si_sdr_gain(separated, song.stems, song.mix)
    per_stem = {kind: round(si_sdr(separated[kind], truth), 2) for kind, truth in song.stems.items()}
    record_property("siSdrGainDb", gain)
    with capsys.disabled():
        print(f"\n  SI-SDR gain of demucs-tiny-synth on the demo song: {gain:.2f} dB; SI-SDR by stem {per_stem}")  # noqa: T201
    assert gain >= 8.0


def test_each_stem_is_nearest_to_its_own_truth(song, separated) -> None:
    """Catches exchanged labels, which no sum of stems would show."""
    for kind, stem in separated.items():
        scores = {other: si_sdr(stem, truth) for other, truth in song.stems.items()}
        assert max(scores, key=scores.__getitem__) == kind


def test_the_sum_of_the_stems_is_near_the_song(song, separated) -> None:
    rest = song.mix - np.sum(np.stack(list(separated.values())), axis=0)
    assert 10 * np.log10(np.sum(song.mix**2) / np.sum(rest**2)) > 8


def test_the_committed_report_is_about_the_committed_weights(model) -> None:
    report = json.loads((TINY_FOLDER / "report.json").read_text())
    assert report["weightsSha256"] == model.weights_sha256.hex()
    assert report["recipe"] == json.loads(json.dumps(Recipe().__dict__))
    assert report["parameters"] == 345_100
    mean = report["heldOut"]["mean"]
    assert mean["siSdr"] - mean["mixSiSdr"] >= 8.0


def test_the_report_repeats_on_a_held_out_song(engine) -> None:
    report = json.loads((TINY_FOLDER / "report.json").read_text())
    song = make_song(HELD_OUT_SEEDS[0], 10.0)
    gain = si_sdr_gain(engine.separate(song.mix), song.stems, song.mix)
    mean = report["heldOut"]["mean"]
    assert gain == pytest.approx(mean["siSdr"] - mean["mixSiSdr"], abs=4.0)


def test_the_checkpoint_is_small_and_has_the_six_sources(model) -> None:
    assert sum(file.stat().st_size for file in TINY_FOLDER.iterdir()) < 1_000_000
    assert set(model.sources) == {kind.label for kind in STEM_KINDS} == set(SOURCES)


def test_an_untrained_model_would_not_pass(song, model) -> None:
    from dataclasses import replace

    from stem_worker.engine import Engine

    untrained = Engine(replace(model, network=new_model(Recipe()).eval()))
    pcm = song.mix[:, : 4 * 44_100]
    truths = {kind: stem[:, : 4 * 44_100] for kind, stem in song.stems.items()}
    assert si_sdr_gain(untrained.separate(pcm), truths, pcm) < 0
