"""One program of the stack: how it is started, how it is seen to be ready, how it is stopped."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from stack.errors import ProgramDied, ProgramNotReady


@dataclass(frozen=True, slots=True)
class Account:
    """An operating system account by its numbers."""

    uid: int
    gid: int

    @classmethod
    def nobody(cls) -> Account:
        """The unprivileged account for servers that refuse to run as root."""
        entry = pwd.getpwnam("nobody")
        return cls(entry.pw_uid, entry.pw_gid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A long-running program: its command, its account, its readiness and its way to stop.

    `environment` is the whole environment of the process. `account` is given only to start as another account.
    `is_ready` answers within about a second and never raises for a program that is merely not up yet.
    """

    name: str
    argv: tuple[str, ...]
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path = Path("/")
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 5.0
    ready_seconds: float = 30.0


class RunningProgram:
    """A program started without a supervisor, as tests do. A context manager that stops it at the end."""

    def __init__(self, program: Program, process: subprocess.Popen[bytes]) -> None:
        self.program = program
        self.process = process

    @property
    def pid(self) -> int:
        return self.process.pid

    @classmethod
    def start(cls, program: Program, *, log: IO[bytes] | None = None) -> Self:
        """Start and wait until ready.

        :param log: where standard output and error go; dropped when absent.
        :raises ProgramDied: it ended before it was ready.
        :raises ProgramNotReady: it was not ready within `program.ready_seconds`; it is stopped then.
        """
        account = program.account
        process = subprocess.Popen(
            program.argv,
            env=dict(program.environment),
            cwd=program.folder,
            stdin=subprocess.DEVNULL,
            stdout=log if log is not None else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        running = cls(program, process)
        try:
            running.wait_ready()
        except BaseException:
            running.stop()
            raise
        return running

    def wait_ready(self) -> None:
        """Poll `is_ready`; see `start` for what it raises."""
        deadline = time.monotonic() + self.program.ready_seconds
        while not self.program.is_ready():
            self.require_alive()
            if time.monotonic() > deadline:
                raise ProgramNotReady(self.program.name, self.program.ready_seconds)
            time.sleep(0.03)

    def require_alive(self) -> None:
        """:raises ProgramDied: it has ended."""
        if self.process.poll() is not None:
            raise ProgramDied(self.program.name, self.process.returncode)

    def stop(self) -> None:
        """Ask it to stop, and after `stop_seconds` kill its whole process group."""
        if self.process.poll() is None:
            self.process.send_signal(self.program.stop_signal)
            try:
                self.process.wait(self.program.stop_seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Kill its process group at once and wait for the end."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
