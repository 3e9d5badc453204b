"""Files on their way in: hashed while they are written, invisible until complete, gone when cut off."""

import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from anyio import to_thread

from stemma.cid import Blob, ContentHasher
from stemma.storage.errors import StorageMisconfigured, TooLarge, Unavailable

# One hop to a thread per this many bytes: hops cost some 50 µs each.
PIECE_SIZE = 1_048_576

Source = Path | bytes | AsyncIterable[bytes]


@asynccontextmanager
async def staged(source: Source, folder: Path, max_bytes: int | None) -> AsyncIterator[tuple[Path, Blob]]:
    """A complete file in ``folder`` with the bytes of ``source``, and its names.

    The file is removed at the end, however it ends, unless it was moved away before.

    Raises:
        TooLarge: the source has more than ``max_bytes`` bytes.
        Unavailable: the folder cannot be written, for instance because the disk is full.
        Exception: whatever the source raises when it is cut off.
    """
    with await to_thread.run_sync(StagedFile, folder) as file:
        async for piece in _pieces(source):
            if max_bytes is not None and file.size + len(piece) > max_bytes:
                raise TooLarge(f"The file is longer than {max_bytes} bytes.", maxBytes=max_bytes)
            await to_thread.run_sync(file.write, piece)
        yield file.path, await to_thread.run_sync(file.finish)


class StagedFile:
    """A temporary file whose owner holds a lock on it, so that anybody can tell a leftover of a killed process."""

    def __init__(self, folder: Path) -> None:
        self.path, self._fd = _create_locked(folder)
        self._hasher = ContentHasher()

    @property
    def size(self) -> int:
        """The bytes written so far."""
        return self._hasher.size

    def write(self, piece: bytes | bytearray) -> None:
        """Append. Raises Unavailable."""
        self._hasher.update(piece)
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise Unavailable(f"Cannot write {self.path}: {error.strerror}") from error

    def finish(self) -> Blob:
        """Force the bytes to the disk and name them. Raises Unavailable."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise Unavailable(f"Cannot write {self.path}: {error.strerror}") from error
        return self._hasher.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._fd)


def temporary_folder() -> Path:
    """The staging folder, shared by this user's processes, for places that are not on this disk.

    Raises:
        StorageMisconfigured: somebody else owns it.
    """
    folder = Path(tempfile.gettempdir()) / f"stemma-incoming-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
        raise StorageMisconfigured(f"{folder} belongs to somebody else; set TMPDIR.")
    sweep(folder)
    return folder


def sweep(folder: Path) -> int:
    """Remove what killed processes left in a staging folder; how many files that were."""
    removed = 0
    for path in folder.iterdir():
        try:
            fd = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue  # its owner finished meanwhile
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
            removed += 1
        except BlockingIOError:
            continue  # its owner lives
        finally:
            os.close(fd)
    return removed


def _create_locked(folder: Path) -> tuple[Path, int]:
    while True:
        path = folder / secrets.token_hex(16)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError as error:
            raise Unavailable(f"Cannot write in {folder}: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)  # a sweep took it for a leftover in the instant before the lock
            continue
        if os.fstat(fd).st_nlink == 1:
            return path, fd
        os.close(fd)


async def _pieces(source: Source) -> AsyncIterator[bytes | bytearray]:
    """The source's bytes, small ones gathered."""
    if isinstance(source, bytes):
        yield source
    elif isinstance(source, Path):
        async for piece in file_pieces(source):
            yield piece
    else:
        gathered = bytearray()
        async for chunk in source:
            gathered += chunk
            if len(gathered) >= PIECE_SIZE:
                yield gathered
                gathered = bytearray()
        if gathered:
            yield gathered


async def file_pieces(path: Path, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
    """The bytes [start, end) of a file on disk in pieces of up to 1 MiB, read in threads. Raises OSError."""
    with await to_thread.run_sync(path.open, "rb") as file:
        await to_thread.run_sync(file.seek, start)
        position = start
        while end is None or position < end:
            piece = await to_thread.run_sync(file.read, PIECE_SIZE if end is None else min(PIECE_SIZE, end - position))
            if not piece:
                return
            position += len(piece)
            yield piece
