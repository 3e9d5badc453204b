"""FLAC files that add up, and previews that play together."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from stemma.audio.ffmpeg import SAMPLE_RATE
from stemma.audio.flac import FULL_SCALE, common_gain, write_flac
from stemma.audio.preview import Window, choose_window, encode_preview
from stemma.audio.probe import AudioLimits, decode


def test_flac_keeps_24_bits(songs, tmp_path) -> None:
    path = tmp_path / "song.flac"
    write_flac(path, songs.pcm)
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (44_100, 2, "PCM_24", songs.pcm.shape[1])
    back, _ = soundfile.read(path, dtype="float64")
    assert np.abs(back.T - songs.pcm).max() <= 2.0**-23


def test_flac_bytes_are_the_same_each_time(songs, tmp_path) -> None:
    for name in ("a", "b"):
        write_flac(tmp_path / name, songs.pcm)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=6))
def test_the_common_gain_keeps_all_below_full_scale_and_raises_none(peaks: list[float]) -> None:
    gain = common_gain(peaks)
    assert 0 < gain <= 1
    assert max(peaks) * gain <= 1
    assert gain == 1 or max(peaks) > FULL_SCALE


def test_stems_with_a_common_gain_still_add_up(songs, tmp_path) -> None:
    stems = [songs.pcm * np.float32(5), songs.pcm * np.float32(-3)]
    gain = common_gain([float(np.abs(stem).max()) for stem in stems])
    assert gain < 1
    total = np.zeros(songs.pcm.shape)
    for number, stem in enumerate(stems):
        write_flac(tmp_path / f"{number}.flac", stem, gain=gain)
        total += soundfile.read(tmp_path / f"{number}.flac")[0].T
    assert np.abs(total / gain - 2 * songs.pcm).max() < 1e-5


@pytest.mark.parametrize("value", [1.5, np.nan])
def test_flac_refuses_to_clip(tmp_path, value) -> None:
    pcm = np.zeros((2, 100), dtype=np.float32)
    pcm[0, 50] = value
    with pytest.raises(ValueError, match="do not fit"):
        write_flac(tmp_path / "x.flac", pcm)


def test_a_preview_shows_the_loudest_part(songs, tmp_path) -> None:
    song = np.zeros((2, 50 * SAMPLE_RATE), dtype=np.float32)
    song[:, 33 * SAMPLE_RATE : 39 * SAMPLE_RATE] = songs.pcm
    window = choose_window(song)
    assert window.stop - window.start == 30 * SAMPLE_RATE
    assert window.start <= 33 * SAMPLE_RATE
    assert window.stop >= 39 * SAMPLE_RATE
    (tmp_path / "p.mp3").write_bytes(encode_preview(song, window))
    facts, pcm = decode(tmp_path / "p.mp3", AudioLimits(), tmp_path / "raw")
    assert facts.samples == 30 * SAMPLE_RATE
    wanted = song[:, window.start : window.stop]
    assert 10 * np.log10(np.sum(wanted**2) / np.sum((pcm - wanted) ** 2)) > 8


def test_a_short_song_is_previewed_whole_without_clipping(songs) -> None:
    assert choose_window(songs.pcm) == Window(0, songs.pcm.shape[1])
    assert encode_preview(songs.pcm * np.float32(10), Window(0, SAMPLE_RATE), gain=1.0)[:3] != b""


def test_previews_are_the_same_each_time(songs) -> None:
    window = Window(0, SAMPLE_RATE)
    assert encode_preview(songs.pcm, window) == encode_preview(songs.pcm, window)
