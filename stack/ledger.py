"""Which processes a stack has started: one small file each, so that they can be found when the stack itself dies.

This module is also the program of the guardian: run as `python ledger.py FOLDER OWNER` it waits for the end of its
standard input, which is the end of the stack however that comes about, and then stops what is still there.
It uses the standard library alone and is started without site-packages, so that it is up in a moment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

GRACE_SECONDS = 6.0


@dataclass(frozen=True)
class Entry:
    """A process: its id could be given to another one later, so its start time tells them apart."""

    name: str
    pid: int
    born: str
    stop_signal: int
    owner: int
    """The process id of the stack that started it."""

    def is_alive(self) -> bool:
        return birth(self.pid) == self.born


class Ledger:
    """The files of one stack, in `<home>/run`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, pid: int, stop_signal: int) -> None:
        born = birth(pid)
        if born is not None:
            draft = self.folder / f".{name}.new"
            draft.write_text(f"{pid} {int(stop_signal)} {os.getpid()} {born}\n")
            draft.replace(self.folder / f"{name}.pid")

    def remove(self, name: str, pid: int) -> None:
        entry = self.find(name)
        if entry is not None and entry.pid == pid:
            (self.folder / f"{name}.pid").unlink(missing_ok=True)

    def find(self, name: str) -> Entry | None:
        """The process of this name, dead or alive, as last noted."""
        try:
            pid, stop_signal, owner, born = (self.folder / f"{name}.pid").read_text().strip().split(" ", 3)
            return Entry(name, int(pid), born, int(stop_signal), int(owner))
        except (FileNotFoundError, ValueError):
            return None

    def entries(self) -> list[Entry]:
        found = [self.find(file.stem) for file in sorted(self.folder.glob("*.pid"))]
        return [entry for entry in found if entry is not None]

    def hold(self, name: str, held: bool) -> None:
        """Keep a program from being started again when it ends, or let it be again."""
        marker = self.folder / f"{name}.hold"
        if held:
            marker.touch()
        else:
            marker.unlink(missing_ok=True)

    def is_held(self, name: str) -> bool:
        return (self.folder / f"{name}.hold").exists()

    def sweep(self, owner: int | None = None, grace: float = GRACE_SECONDS) -> list[Entry]:
        """Stop every noted process that still lives: by its signal, after `grace` seconds by SIGKILL to its group.

        :param owner: only what this stack started; its guardian must not touch what a following stack starts.
        :return: those that were alive.
        """
        noted = [entry for entry in self.entries() if owner is None or entry.owner == owner]
        alive = [entry for entry in noted if entry.is_alive()]
        for entry in alive:
            _signal(entry.pid, entry.stop_signal)
        deadline = time.monotonic() + grace
        waiting = alive
        while waiting:
            overdue = time.monotonic() > deadline
            for entry in [entry for entry in waiting if overdue or not entry.is_alive()]:
                # Every program leads its own process group; this also ends what it left behind. At once, before the
                # number of an ended process can become somebody else's.
                _signal_group(entry.pid)
                waiting = [other for other in waiting if other is not entry]
            time.sleep(0.02)
        for entry in noted:
            self.remove(entry.name, entry.pid)
        return alive


def birth(pid: int) -> str | None:
    """When a process started, in a form that only serves to be compared; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        return _ask_ps("lstart", pid) or None
    except ProcessLookupError:
        return None
    # proc(5): the name in parentheses may hold spaces; after it come the state (3rd) and the start time (22nd field).
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{_boot()}:{fields[19]}"


@lru_cache(maxsize=1)
def _boot() -> str:
    # Start times count from the boot, so that the same pair may come again after the next one.
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def command_line(pid: int) -> str:
    """The arguments of a process, separated by blanks; empty when it is not there."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return "" if Path("/proc/self/stat").exists() else _ask_ps("args", pid)


def start_guardian(folder: Path) -> subprocess.Popen[bytes]:
    """Start the guardian. It acts when this process has ended, or when its `stdin` is closed."""
    return subprocess.Popen(
        [sys.executable, "-S", "-E", str(Path(__file__).resolve()), str(folder), str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def _ask_ps(column: str, pid: int) -> str:
    done = subprocess.run(["ps", "-o", f"{column}=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _signal_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _guard(folder: Path, owner: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    Ledger(folder).sweep(owner)


if __name__ == "__main__":
    _guard(Path(sys.argv[1]), int(sys.argv[2]))
