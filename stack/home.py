"""The stack's own folder, `STEMMA_HOME`: everything that the embedded parts keep, and the lock on it."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from stack.errors import AlreadyRunning, DataFolderUnusable, StackError
from stack.postgres_folders import outside_folder

ROOT = Path(__file__).resolve().parent.parent

KEPT = (
    *("anvil", "deployments", "ipfs", "lock", "models", "ports*", "postgres", "postgres.location*"),
    *("pubsub.sqlite*", "redis", "run", "secrets", "storage", "up.log"),
)
"""Patterns of everything that a stack makes in its home."""


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


def clean(home: Path) -> None:
    """`make clean`: remove the home, but never a folder in which somebody keeps other things.

    :raises DataFolderUnusable: it holds what no stack makes.
    :raises AlreadyRunning: a stack runs on it.
    """
    if not home.exists():
        return
    strange = sorted(name for name in os.listdir(home) if not any(fnmatch(name, pattern) for pattern in KEPT))
    if strange:
        raise DataFolderUnusable(f"{home} also holds {', '.join(strange)}: remove it yourself")
    remove_home(home.resolve())


if __name__ == "__main__":
    try:
        clean(default_home())
    except StackError as error:
        sys.exit(f"clean: {error.detail}")
