"""Decoding gives exactly the song, in every format, sample for sample."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemma.audio.ffmpeg import SAMPLE_RATE
from stemma.audio.probe import AudioLimits, decode, probe

LIMITS = AudioLimits()


@pytest.mark.parametrize(
    ("suffix", "found", "lowest_snr_db"),
    [
        ("flac", "flac/flac", 110.0),
        ("aiff", "aiff/pcm_s24be", 110.0),
        ("mp3", "mp3/mp3", 15.0),
        ("ogg", "ogg/vorbis", 15.0),
        ("m4a", "mov/aac", 15.0),
        ("opus", "ogg/opus", 5.0),
        ("webm", "matroska/opus", 5.0),
    ],
)
def test_each_format_keeps_length_and_position(songs, tmp_path, suffix, found, lowest_snr_db) -> None:
    facts, pcm = decode(songs.path(suffix), LIMITS, tmp_path / "raw")
    assert (facts.samples, f"{facts.format}/{facts.codec}") == (songs.pcm.shape[1], found)
    noise = pcm.astype(np.float64) - songs.pcm
    # A shift by one encoder delay would leave about -3 dB.
    snr = 10 * np.log10(np.sum(songs.pcm.astype(np.float64) ** 2) / np.sum(noise**2))
    assert snr > lowest_snr_db


def test_float_wav_comes_back_bit_for_bit(songs, tmp_path) -> None:
    facts, pcm = decode(songs.path("wav"), LIMITS, tmp_path / "raw")
    assert np.array_equal(pcm, songs.pcm)
    assert facts.duration == songs.pcm.shape[1] / SAMPLE_RATE
    assert facts.peak == np.abs(songs.pcm).max()


def test_probe_and_decode_agree(songs, tmp_path) -> None:
    facts, _ = decode(songs.path("mp3"), LIMITS, tmp_path / "raw")
    assert probe(songs.path("mp3"), LIMITS) == facts


def test_the_same_samples_have_the_same_hash_in_another_container(songs) -> None:
    flac, aiff = probe(songs.path("flac"), LIMITS), probe(songs.path("aiff"), LIMITS)
    assert flac.pcm_sha256 != probe(songs.path("mp3"), LIMITS).pcm_sha256
    assert len(aiff.pcm_sha256) == 32


def test_mono_is_copied_to_both_channels_unchanged(songs, tmp_path) -> None:
    path = tmp_path / "mono.wav"
    soundfile.write(path, songs.pcm[0], SAMPLE_RATE, subtype="FLOAT")
    facts, pcm = decode(path, LIMITS, tmp_path / "raw")
    assert facts.layout == "mono"
    assert np.array_equal(pcm[0], songs.pcm[0])
    assert np.array_equal(pcm[1], songs.pcm[0])


@pytest.mark.parametrize("rate", [22_050, 48_000, 96_000])
def test_other_rates_are_resampled_to_the_same_duration(songs, tmp_path, rate) -> None:
    path = tmp_path / "other.wav"
    soundfile.write(path, songs.pcm.T, rate, subtype="PCM_16")
    facts = probe(path, LIMITS)
    assert facts.source_rate == rate
    assert abs(facts.samples - songs.pcm.shape[1] * SAMPLE_RATE / rate) <= 2


def test_surround_is_mixed_down_to_stereo(songs, tmp_path) -> None:
    path = tmp_path / "surround.wav"
    soundfile.write(path, np.tile(songs.pcm[0][:, None] * 0.2, (1, 6)), SAMPLE_RATE)
    facts, pcm = decode(path, LIMITS, tmp_path / "raw")
    assert facts.layout.startswith("5.1")
    assert pcm.shape == songs.pcm.shape


def test_a_song_with_a_cover_picture_is_only_sound(songs, tmp_path) -> None:
    import subprocess

    from stemma.audio.ffmpeg import executable

    path = tmp_path / "covered.mp3"
    picture = ["-f", "lavfi", "-i", "color=red:s=64x64:d=0.04"]
    mapping = [
        "-map",
        "0:a",
        "-map",
        "1:v",
        "-c:a",
        "copy",
        "-c:v",
        "mjpeg",
        "-disposition:v",
        "attached_pic",
    ]
    subprocess.run([executable(), "-v", "error", "-i", songs.path("mp3"), *picture, *mapping, path], check=True)
    assert probe(path, LIMITS).pcm_sha256 == probe(songs.path("mp3"), LIMITS).pcm_sha256


def test_a_missing_file_is_not_an_audio_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        probe(tmp_path / "nothing.wav", LIMITS)
