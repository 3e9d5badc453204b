"""Files in a folder."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

from anyio import to_thread

from stemma.cid import DAG_PB, Blob, Cid
from stemma.storage.errors import NotFound, StorageMisconfigured, Unavailable
from stemma.storage.staging import StagedFile, file_pieces, sweep


class LocalBackend:
    """Keeps each file at ``files/<last two characters>/<cid>`` and each directory's block under ``directories/``.

    A file appears by one rename after it was forced to the disk: it is there whole or not at all, whatever is killed.
    """

    def __init__(self, root: Path, *, private: bool) -> None:
        """Create the folders. Raises StorageMisconfigured when that is not possible."""
        self._root = root
        self._staging = root / "incoming"
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
            self._staging.mkdir(exist_ok=True)
            sweep(self._staging)
        except OSError as error:
            raise StorageMisconfigured(f"The folder {root} cannot be used: {error.strerror}") from error

    @property
    def staging(self) -> Path:
        return self._staging

    async def publish(self, staged: Path, blob: Blob) -> None:
        await to_thread.run_sync(_move, staged, self._file(blob.cid))

    async def publish_directory(self, cid: Cid, block: bytes) -> None:
        def write() -> None:
            with StagedFile(self._staging) as file:
                file.write(block)
                file.finish()
                _move(file.path, self._directory(cid))

        await to_thread.run_sync(write)

    async def size(self, cid: Cid) -> int:
        path = self._file(cid)
        try:
            return (await to_thread.run_sync(path.stat)).st_size
        except FileNotFoundError as error:
            raise NotFound(f"No file {cid} is stored here.") from error
        except OSError as error:
            raise Unavailable(f"Cannot read {path}: {error.strerror}") from error

    async def read(self, cid: Cid, start: int, end: int) -> AsyncIterator[bytes]:
        path = self._file(cid)
        try:
            async for piece in file_pieces(path, start, end):
                yield piece
        except FileNotFoundError as error:
            raise NotFound(f"No file {cid} is stored here.") from error
        except OSError as error:
            raise Unavailable(f"Cannot read {path}: {error.strerror}") from error

    async def directory(self, cid: Cid) -> bytes:
        path = self._directory(cid)
        try:
            return await to_thread.run_sync(path.read_bytes)
        except FileNotFoundError as error:
            raise NotFound(f"No directory {cid} is stored here.") from error
        except OSError as error:
            raise Unavailable(f"Cannot read {path}: {error.strerror}") from error

    async def holds(self, cid: Cid) -> bool:
        places = [self._file(cid), self._directory(cid)] if cid.codec == DAG_PB else [self._file(cid)]
        return await to_thread.run_sync(lambda: any(path.is_file() for path in places))

    async def delete(self, cid: Cid) -> None:
        def remove() -> None:
            for path in (self._file(cid), self._directory(cid)):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise Unavailable(f"Cannot delete {path}: {error.strerror}") from error

        await to_thread.run_sync(remove)

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _file(self, cid: Cid) -> Path:
        return self._root / "files" / str(cid)[-2:] / str(cid)

    def _directory(self, cid: Cid) -> Path:
        return self._root / "directories" / str(cid)[-2:] / str(cid)


def _move(staged: Path, target: Path) -> None:
    """Rename over whatever is at the target (the same bytes, or a damaged copy of them), durably."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(target)
        for folder in (target.parent, target.parent.parent):
            _sync_folder(folder)
    except OSError as error:
        raise Unavailable(f"Cannot write {target}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
