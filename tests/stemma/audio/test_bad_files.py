"""Every way in which a file can be no song has its own error and code."""

import os
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemma.audio import ffmpeg
from stemma.audio.errors import (
    AudioEmpty,
    AudioError,
    AudioNotFinite,
    AudioOutOfRange,
    AudioSilent,
    AudioTooLong,
    AudioTooShort,
    AudioTruncated,
    AudioUnreadable,
)
from stemma.audio.ffmpeg import SAMPLE_RATE
from stemma.audio.probe import AudioLimits, probe

LIMITS = AudioLimits()


def rejection(path: Path, limits: AudioLimits = LIMITS) -> AudioError:
    with pytest.raises(AudioError) as caught:
        probe(path, limits)
    assert caught.value.status == 422
    assert str(path.parent) not in caught.value.detail
    return caught.value


def test_text_named_wav(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_text("This is not a song.\n" * 100)
    error = rejection(path)
    assert (type(error), error.code) == (AudioUnreadable, "audio_unreadable")


def test_random_bytes(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(np.random.default_rng(1).bytes(200_000))
    assert isinstance(rejection(path), AudioError)


def test_zero_length_file(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(b"")
    error = rejection(path)
    assert (type(error), error.code) == (AudioEmpty, "audio_empty")


def test_header_without_samples(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, np.zeros((0, 2)), SAMPLE_RATE)
    assert type(rejection(path)) is AudioEmpty


def test_thirty_seconds_of_silence(tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    soundfile.write(path, np.zeros((30 * SAMPLE_RATE, 2)), SAMPLE_RATE)
    error = rejection(path)
    assert (type(error), error.code) == (AudioSilent, "audio_silent")


def test_dither_is_silence_too(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    noise = np.random.default_rng(1).integers(-1, 2, (5 * SAMPLE_RATE, 2)).astype(np.int16)
    soundfile.write(path, noise, SAMPLE_RATE)
    assert type(rejection(path)) is AudioSilent


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(songs, tmp_path: Path, value: float) -> None:
    pcm = songs.pcm.T.copy()
    pcm[3 * SAMPLE_RATE, 1] = value
    path = tmp_path / "song.wav"
    soundfile.write(path, pcm, SAMPLE_RATE, subtype="FLOAT")
    error = rejection(path)
    assert (type(error), error.code, error.extra["seconds"]) == (AudioNotFinite, "audio_not_finite", 3.0)


def test_absurdly_loud_samples(songs, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, songs.pcm.T * np.float32(1e20), SAMPLE_RATE, subtype="FLOAT")
    assert type(rejection(path)) is AudioOutOfRange


def test_a_float_file_slightly_over_full_scale_is_fine(songs, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, songs.pcm.T * np.float32(4), SAMPLE_RATE, subtype="FLOAT")
    assert probe(path, LIMITS).peak_dbfs > 0


def test_too_long_and_too_short(songs) -> None:
    error = rejection(songs.path("wav"), AudioLimits(max_seconds=5.9))
    assert (type(error), error.code) == (AudioTooLong, "audio_too_long")
    error = rejection(songs.path("wav"), AudioLimits(min_seconds=6.1))
    assert (type(error), error.code) == (AudioTooShort, "audio_too_short")
    assert probe(songs.path("wav"), AudioLimits(min_seconds=6.0, max_seconds=6.0)).duration == 6.0


def test_a_long_file_is_left_as_soon_as_it_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 2) as file:
        for _ in range(40):
            file.write(np.full((60 * SAMPLE_RATE, 2), 0.1))
    began = time.monotonic()
    assert type(rejection(path, AudioLimits(max_seconds=20))) is AudioTooLong
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff", "mp3"])
def test_a_file_cut_in_half(songs, tmp_path: Path, suffix: str) -> None:
    data = songs.path(suffix).read_bytes()
    path = tmp_path / f"half.{suffix}"
    path.write_bytes(data[: len(data) // 2])
    error = rejection(path)
    assert (type(error), error.code) == (AudioTruncated, "audio_truncated")


def test_an_m4a_cut_in_half_has_lost_its_index(songs, tmp_path: Path) -> None:
    data = songs.path("m4a").read_bytes()
    path = tmp_path / "half.m4a"
    path.write_bytes(data[: len(data) // 2])
    assert type(rejection(path)) is AudioUnreadable


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    ],
    ids=["hls", "concat", "sdp"],
)
@pytest.mark.parametrize("suffix", ["wav", "m3u8", "mp3"])
def test_playlists_cannot_reach_other_files(songs, tmp_path: Path, text: str, suffix: str) -> None:
    path = tmp_path / f"list.{suffix}"
    path.write_text(text.format(songs.path("wav")))
    assert type(rejection(path)) is AudioUnreadable


def test_a_quicktime_reference_to_another_file_is_not_followed(songs, tmp_path: Path) -> None:
    data = bytearray(songs.path("m4a").read_bytes())
    at = data.index(b"url ")
    # Clear "the media is in this file"; what follows would be read as the place of another one.
    assert data[at + 4 : at + 8] == b"\0\0\0\1"
    data[at + 7] = 0
    path = tmp_path / "reference.m4a"
    path.write_bytes(data)
    try:
        facts = probe(path, LIMITS)
    except AudioUnreadable:
        return
    assert facts.samples == songs.pcm.shape[1]


def test_decoding_that_does_not_end_is_ended(songs) -> None:
    began = time.monotonic()
    error = rejection(songs.path("wav"), AudioLimits(decode_seconds=0.0))
    assert type(error) is AudioUnreadable
    assert time.monotonic() - began < 5


def test_a_lying_header_costs_no_memory(tmp_path: Path) -> None:
    """A WAV header that announces 65535 channels at 4 GHz."""
    path = tmp_path / "liar.wav"
    fmt = struct.pack("<HHIIHH", 1, 65_535, 4_000_000_000, 4_000_000_000, 65_535, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", 0x7FFFFFFF) + b"\1" * 70_000
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert isinstance(rejection(path), AudioError)


def test_no_descriptor_and_no_process_is_left_behind(songs) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        rejection(songs.path("wav"), AudioLimits(max_seconds=2))
    assert len(os.listdir("/proc/self/fd")) <= before
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    names = [Path(f"/proc/{child}/comm").read_text() for child in children]
    assert not [name for name in names if name.startswith("ffmpeg")]


def test_ffmpeg_does_not_get_the_keys_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = tmp_path / "ffmpeg"
    spy.write_text('#!/bin/sh\necho "Error: ${ATTESTOR_PRIVATE_KEY:-no key}" >&2\nexit 1\n')
    spy.chmod(0o755)
    monkeypatch.setattr(ffmpeg, "executable", lambda: str(spy))
    monkeypatch.setenv("ATTESTOR_PRIVATE_KEY", "0x1234")
    song = tmp_path / "song.wav"
    song.write_bytes(b"RIFF")
    assert rejection(song).detail == "ffmpeg says: Error: no key"
    with pytest.raises(RuntimeError, match="Error: no key"):
        ffmpeg.encode(np.zeros((2, 100), dtype=np.float32), ["-f", "mp3"])


def test_tags_in_a_file_are_not_taken_for_what_ffmpeg_says_of_it(songs, tmp_path: Path) -> None:
    path = tmp_path / "tagged.flac"
    lies = [
        "title=  Duration: 01:00:00.00",
        "artist=  Stream #0:0: Audio: lie, 1 Hz, lies",
        "album=Input #0, lie, from",
    ]
    tags = [part for lie in lies for part in ("-metadata", lie)]
    command = [ffmpeg.executable(), "-v", "error", "-i", songs.path("flac"), *tags, "-c:a", "copy", path]
    subprocess.run(command, check=True)
    assert probe(path, LIMITS) == probe(songs.path("flac"), LIMITS)
