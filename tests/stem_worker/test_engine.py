"""The segment loop: equal to the reference, repeatable, cancellable, frugal."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import torch
from demucs.apply import apply_model
from hypothesis import given
from hypothesis import strategies as st

from stem_worker.engine import Engine, segment_offsets
from stem_worker.errors import SeparationCancelled
from stemma.audio.errors import AudioEmpty

SEGMENT = 88_200
STRIDE = 66_150


def reference(engine: Engine, pcm):
    """What demucs' Separator does around apply_model, without the random shift."""
    mix = torch.from_numpy(pcm.copy())
    mono = mix.mean(0)
    scaled = (mix - mono.mean()) / (mono.std() + 1e-8)
    out = apply_model(engine.model.network, scaled[None], shifts=0, overlap=0.25)[0]
    out = out * (mono.std() + 1e-8) + mono.mean()
    return {source: out[index].numpy() for index, source in enumerate(engine.model.sources)}


@pytest.mark.parametrize("samples", [2 * STRIDE + 44_100, 3 * STRIDE + 60_000, STRIDE + 22_051, 50_000, 4_410])
def test_equal_to_demucs_where_the_grid_is_the_same(engine, song, samples) -> None:
    pcm = song.mix[:, 44_100 : 44_100 + samples]
    assert len(segment_offsets(samples, SEGMENT)) == len(range(0, samples, STRIDE))
    expected, found = reference(engine, pcm), engine.separate(pcm)
    for source, stem in found.items():
        assert np.abs(stem - expected[source]).max() < 1e-5


@given(samples=st.integers(1, 2_000_000), segment=st.integers(8, 400_000))
def test_the_grid_covers_all_and_has_no_needless_segment(samples: int, segment: int) -> None:
    offsets = segment_offsets(samples, segment)
    assert offsets[0] == 0
    assert all(after - before < segment for before, after in pairwise(offsets))
    assert offsets[-1] < samples <= offsets[-1] + segment
    if len(offsets) > 1:
        assert offsets[-2] + segment < samples


def test_two_runs_are_bit_for_bit_the_same(engine, song) -> None:
    part = song.mix[:, :300_000]
    once, again = engine.separate(part), engine.separate(part)
    assert all(np.array_equal(stem, again[kind]) for kind, stem in once.items())


def test_segments_in_batches_give_the_same(engine, model, song, separated) -> None:
    batched = Engine(model, batch=4).separate(song.mix)
    for kind, stem in separated.items():
        assert np.abs(stem - batched[kind]).max() < 1e-5


def test_a_song_mapped_from_files_gives_the_same(engine, song, separated, tmp_path) -> None:
    source = np.memmap(tmp_path / "mix", dtype="<f4", mode="w+", shape=(song.mix.shape[1], 2))
    source[:] = song.mix.T
    shape = (6, song.mix.shape[1], 2)
    out = np.memmap(tmp_path / "stems", dtype="<f4", mode="w+", shape=shape).transpose(0, 2, 1)
    found = engine.separate(source.T, out=out)
    assert all(np.array_equal(stem, found[kind]) for kind, stem in separated.items())
    assert np.shares_memory(found["drums"], out)


def test_progress_goes_up_to_one(engine, song) -> None:
    seen: list[float] = []
    engine.separate(song.mix[:, :300_000], on_progress=seen.append)
    assert seen == sorted(seen)
    assert len(seen) == len(segment_offsets(300_000, SEGMENT))
    assert seen[-1] == 1.0


def test_cancelling_ends_before_the_next_segment(engine, song) -> None:
    seen: list[float] = []
    with pytest.raises(SeparationCancelled):
        engine.separate(song.mix, on_progress=seen.append, cancel=lambda: len(seen) >= 2)
    assert len(seen) == 2


def test_silence_is_separated_into_finite_stems(engine) -> None:
    stems = engine.separate(np.zeros((2, 44_100), dtype=np.float32))
    assert all(np.isfinite(stem).all() for stem in stems.values())


def test_nothing_cannot_be_separated(engine) -> None:
    with pytest.raises(AudioEmpty):
        engine.separate(np.zeros((2, 0), dtype=np.float32))


def test_a_song_shorter_than_a_segment_keeps_its_length(engine, song) -> None:
    assert engine.separate(song.mix[:, :1])["bass"].shape == (2, 1)


def test_loudness_of_the_song_does_not_matter(engine, song, separated) -> None:
    quiet = engine.separate(song.mix * np.float32(0.01))
    for kind, stem in separated.items():
        assert np.abs(quiet[kind] * 100 - stem).max() < 1e-3


def test_a_thread_that_used_torch_before_keeps_to_the_number_of_threads(model, song) -> None:
    """OpenMP keeps the number per thread, and threads of a pool are used again."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(torch.set_num_threads, 2).result()
        pool.submit(lambda: torch.ones(300, 300) @ torch.ones(300, 300)).result()
        pool.submit(Engine(model, threads=1).separate, song.mix[:, :10_000]).result()
        assert pool.submit(torch.get_num_threads).result() == 1


def test_the_calling_thread_keeps_its_smallest_numbers(engine, song) -> None:
    engine.separate(song.mix[:, :1_000])
    assert 5e-324 / 1 > 0
    assert np.float64(2.3e-308) / np.float64(4) > 0
