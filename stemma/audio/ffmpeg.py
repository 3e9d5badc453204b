"""Running ffmpeg on files that strangers sent.

The input is handed over as an open descriptor and `fd` is the only protocol allowed, so nothing inside a file can make
ffmpeg open another file or a connection; only audio containers are allowed, so playlists and scripts are not even
parsed; memory and time are capped, and the keys in this process's environment are kept from it.
"""

import os
import re
import resource
import struct
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from stemma.audio.errors import AudioEmpty, AudioUnreadable

SAMPLE_RATE = 44_100
CHANNELS = 2

CONTAINERS = (
    "wav,w64,aiff,caf,flac,mp3,aac,ogg,asf,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,"
    "mov\\,mp4\\,m4a\\,3gp\\,3g2\\,mj2,matroska\\,webm"
)
MEMORY_BYTES = 2 * 1024**3
BLOCK_FRAMES = 1 << 16
LOG_BYTES = 64 * 1024

_SUN_HEADER = struct.Struct(">4sIIIII")
_SUN_FLOAT = 6
# Anchored, because the file's own tags stand in the log, too, further to the right.
_STREAM = re.compile(r"(?m)^  Stream #\d+:\d+.*?: Audio: (?P<codec>\w+).*?, (?P<rate>\d+) Hz, (?P<layout>[^,\n]+)")
_CONTAINER = re.compile(r"(?m)^Input #0, (?P<names>[\w,]+), from")
_DURATION = re.compile(r"(?m)^  Duration: (?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d\.\d+)")
# These say their exact length up front; ffmpeg only estimates that of others, and says so of a cut MP3.
_EXACT_CONTAINERS = frozenset({"wav", "w64", "aiff", "caf", "flac"})
_MP3_TOO_SHORT = "filesize and duration do not match"

# All that ffmpeg gets of this process's environment, which holds keys: nothing.
_ENVIRONMENT = {"LC_ALL": "C"}

Block = npt.NDArray[np.float32]


@lru_cache(maxsize=1)
def executable() -> str:
    """Path of the ffmpeg binary (version 6 or later): the one of imageio-ffmpeg, or what IMAGEIO_FFMPEG_EXE names."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


class Decoding:
    """One run of ffmpeg over a file, as blocks of float32[frames, 2] at 44.1 kHz.

    `container`, `codec`, `source_rate` (Hz) and `layout` describe the source once the blocks are exhausted;
    `declared_seconds` is the length that the file claims to have, None where it claims none that can be trusted.
    """

    def __init__(self, path: Path, *, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self.container = self.codec = self.layout = ""
        self.source_rate = 0
        self.declared_seconds: float | None = None

    def blocks(self) -> Generator[Block, None, None]:
        """Yield what is decoded; closing the generator ends ffmpeg.

        Raises:
            AudioEmpty: the file has no bytes.
            AudioUnreadable: no audio is found, no sample can be decoded, or it takes longer than `timeout` seconds.
        """
        if self._path.stat().st_size == 0:
            raise AudioEmpty("the file has no bytes")
        frames = 0
        with self._path.open("rb") as source, _running(source.fileno()) as (process, log):
            deadline = _Deadline(process, self._timeout)
            try:
                for block in _read_blocks(process.stdout):
                    frames += len(block)
                    yield block
                process.wait()
            finally:
                deadline.cancel()
            text = log.text()
        self._describe(text)
        if deadline.passed:
            raise AudioUnreadable(f"decoding did not end within {self._timeout:.0f} seconds")
        if frames == 0 and (process.returncode != 0 or not self.codec):
            raise AudioUnreadable(_reason(text, str(self._path)))

    def _describe(self, log: str) -> None:
        if container := _CONTAINER.search(log):
            self.container = container["names"].split(",")[0]
        if stream := _STREAM.search(log):
            self.codec, self.layout = stream["codec"], stream["layout"].strip()
            self.source_rate = int(stream["rate"])
        exact = self.container in _EXACT_CONTAINERS or (self.container == "mp3" and _MP3_TOO_SHORT in log)
        if exact and (length := _DURATION.search(log)):
            minutes = 60 * int(length["hours"]) + int(length["minutes"])
            self.declared_seconds = 60 * minutes + float(length["seconds"])


def encode(pcm: npt.NDArray[np.float32], arguments: list[str], *, timeout: float = 120.0) -> bytes:
    """Encode float32[2, T] at 44.1 kHz to a file's bytes with the output `arguments` (codec, bit rate, `-f` container).

    Raises:
        RuntimeError: ffmpeg failed; the message ends with its log.
        subprocess.TimeoutExpired: it did not end in time; it is dead.
    """
    source = ["-protocol_whitelist", "pipe", "-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", str(CHANNELS)]
    command = [executable(), "-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1", *source]
    command += ["-i", "pipe:0", "-map_metadata", "-1", "-bitexact", "-threads", "1", *arguments]
    interleaved = np.ascontiguousarray(pcm.T, dtype="<f4").tobytes()
    # A file, because an MP3's length and delay are written to its start at the end; one without a name, so that a
    # killed process leaves nothing.
    with tempfile.TemporaryFile() as target:
        done = subprocess.run(  # noqa: S603
            [*command, "-fd", str(target.fileno()), "fd:"],
            input=interleaved,
            capture_output=True,
            check=False,
            timeout=timeout,
            pass_fds=(target.fileno(),),
            env=_ENVIRONMENT,
        )
        target.seek(0)
        encoded = target.read()
    if done.returncode != 0 or not encoded:
        raise RuntimeError(f"ffmpeg could not encode: {done.stderr.decode(errors='replace')[-400:]}")
    return encoded


def _command(descriptor: int) -> list[str]:
    safety = ["-protocol_whitelist", "fd", "-format_whitelist", CONTAINERS, "-fd", str(descriptor)]
    # Mono stays mono here: ffmpeg would spread it over two channels at -3 dB, and a decoded WAV would not be itself.
    output = ["-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-af", "aformat=channel_layouts=mono|stereo"]
    # Sun audio, because its header is the shortest that tells the number of channels.
    pcm = ["-ar", str(SAMPLE_RATE), "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    return [executable(), "-hide_banner", "-nostdin", "-nostats", "-threads", "1", *safety, "-i", "fd:", *output, *pcm]


@contextmanager
def _running(descriptor: int) -> Iterator[tuple[subprocess.Popen[bytes], "_Log"]]:
    """Start ffmpeg on an open file; at the end it is dead and its pipes are closed."""
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603
        _command(descriptor),
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        pass_fds=(descriptor,),
        env=_ENVIRONMENT,
    ) as process:
        log = _Log(process.stderr)
        try:
            _cap(process.pid)
            yield process, log
        finally:
            process.kill()
            # Its thread must be done with the pipe before that is closed and its number is given to another file.
            log.text()


def _cap(pid: int) -> None:
    """Cap the child's memory and forbid it to write files. A child that has already ended needs no cap."""
    for limit, value in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        try:
            resource.prlimit(pid, limit, (value, value))
        except ProcessLookupError:
            return


def _read_blocks(pipe: IO[bytes] | None) -> Iterator[Block]:
    """The frames of a Sun audio stream of big-endian floats; a single channel is copied to both."""
    assert pipe is not None
    header = pipe.read(_SUN_HEADER.size)
    if len(header) < _SUN_HEADER.size:
        return
    magic, data_offset, _, encoding, rate, channels = _SUN_HEADER.unpack(header)
    if (magic, encoding, rate) != (b".snd", _SUN_FLOAT, SAMPLE_RATE) or channels not in (1, CHANNELS):
        raise AudioUnreadable(f"ffmpeg produced {channels} channels at {rate} Hz in encoding {encoding}")
    pipe.read(data_offset - _SUN_HEADER.size)
    frame_bytes = 4 * channels
    while data := pipe.read(BLOCK_FRAMES * frame_bytes):
        whole = len(data) - len(data) % frame_bytes
        frames = np.frombuffer(data[:whole], dtype=">f4").reshape(-1, channels).astype("<f4")
        yield frames if channels == CHANNELS else np.repeat(frames, CHANNELS, axis=1)


class _Deadline:
    """Kills the process when its time is over."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.passed = False
        self._process = process
        self._timer = threading.Timer(seconds, self._kill)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def _kill(self) -> None:
        self.passed = True
        self._process.kill()


class _Log:
    """Drains a pipe beside the main one; keeps its first bytes (the source's description) and its last (the error)."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        assert pipe is not None
        self._pipe = pipe
        self._head, self._tail = b"", b""
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """All of it; waits until ffmpeg has ended."""
        self._thread.join()
        return (self._head + self._tail).decode(errors="replace")

    def _drain(self) -> None:
        descriptor = self._pipe.fileno()
        while data := os.read(descriptor, 8192):
            room = LOG_BYTES - len(self._head)
            self._head += data[:room]
            self._tail = (self._tail + data[room:])[-LOG_BYTES:] if len(data) > room else self._tail


def _reason(log: str, path: str) -> str:
    lines = [line.strip() for line in log.replace(path, "the file").splitlines() if line.strip()]
    noted = [line for line in lines if "Error" in line or "Invalid" in line or "not on whitelist" in line]
    known = noted[0] if noted else "no audio stream was found"
    return f"ffmpeg says: {re.sub(r'^.*?] ', '', known)[:200]}"
