"""Scratch folders of jobs, which can hold gigabytes: gone with the job, or with the next start after a kill."""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stem_worker.errors import WorkspaceRefused


class Workspaces:
    """Folders below one root, each locked (flock on the folder itself) by the process that works in it."""

    def __init__(self, root: Path | None = None) -> None:
        """Make the root.

        Raises:
            WorkspaceRefused: it is somebody else's, who could read the originals that are decoded in it.
        """
        self.root = root or Path(tempfile.gettempdir()) / f"stemma-worker-{os.getuid()}"
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_own(self.root)

    def sweep(self) -> int:
        """Remove what killed workers left; how many folders that were."""
        removed = 0
        for path in self.root.iterdir():
            descriptor = _lock(path)
            if descriptor is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(descriptor)
                removed += 1
        return removed

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder for one job."""
        path, descriptor = self._create()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)

    def _create(self) -> tuple[Path, int]:
        while True:
            path = Path(tempfile.mkdtemp(dir=self.root))
            descriptor = _lock(path)
            # A sweep may have taken it for a leftover in the instant before the lock.
            if descriptor is not None:
                if path.exists():
                    return path, descriptor
                os.close(descriptor)


def _require_own(root: Path) -> None:
    status = root.lstat()
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
        raise WorkspaceRefused(f"{root} belongs to somebody else, or is no folder; remove it or set TMPDIR")
    root.chmod(0o700)


def _lock(path: Path) -> int | None:
    """The descriptor that holds the folder's lock; None when another process holds it, or no folder is there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
