"""The stack's own folder, `STEMMA_HOME`: everything that the embedded parts keep, and the lock on it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.errors import AlreadyRunning
from stack.postgres_folders import outside_folder

ROOT = Path(__file__).resolve().parent.parent


def default_home() -> Path:
    """`STEMMA_HOME`, or `.stemma` in the checkout; absolute."""
    return Path(os.environ.get("STEMMA_HOME") or ROOT / ".stemma").absolute()


@contextmanager
def locked_home(home: Path) -> Iterator[None]:
    """Hold the folder for one stack; the kernel lets go of the lock when the process ends, however it ends.

    :raises AlreadyRunning: another stack holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            raise AlreadyRunning(str(home), int(holder) if holder.isdigit() else None) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def remove_home(home: Path) -> None:
    """Remove the folder and what root had to keep outside of it; no stack may run on it."""
    with locked_home(home):
        outside = outside_folder(home)
        if outside is not None:
            shutil.rmtree(outside, ignore_errors=True)
        shutil.rmtree(home)


if __name__ == "__main__":
    # `make clean`
    if default_home().exists():
        remove_home(default_home())
