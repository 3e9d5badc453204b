"""A running stack as a program sees it: the tests and the demo start one here, or join one that runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stack.errors import AlreadyRunning, StackError
from stack.home import locked_home
from stack.ledger import Ledger
from stack.pubsub_program import stemma_command

START_SECONDS = 600.0
"""The first start also compiles the contracts: a minute on an idle machine, several on a busy one."""

RESTART_SECONDS = 60.0


class RunningStack:
    """A stack that is ready: its URLs, the settings of its processes, and a hand on each of them."""

    def __init__(self, home: Path, process: subprocess.Popen[bytes] | None, log_file: Path | None) -> None:
        self.home = home
        self.log_file = log_file
        self._process = process
        self._ledger = Ledger(home / "run")
        self._facts: dict[str, Any] = json.loads((home / "run" / "ready.json").read_text())

    @property
    def is_joined(self) -> bool:
        """Whether somebody else started it, who also stops it."""
        return self._process is None

    @property
    def api_url(self) -> str:
        return str(self._facts["urls"]["API"])

    @property
    def urls(self) -> dict[str, str]:
        return dict(self._facts["urls"])

    @property
    def ports(self) -> dict[str, int]:
        """The ports of the embedded parts by name, as in `ports.json`."""
        ports: dict[str, int] = json.loads((self.home / "ports.json").read_text())
        return ports

    @property
    def supervisor_pid(self) -> int:
        return int(self._facts["pid"])

    def environment(self, name: str) -> dict[str, str]:
        """The whole environment of a service (`api`, `api-jobs`, `indexer`, `worker`) or of `prepare`, whose
        `DATABASE_URL` is the administrator's."""
        return dict(self._facts["environments"][name])

    def pid(self, name: str) -> int:
        """The process id of a program. :raises StackError: it does not run now."""
        entry = self._ledger.find(name)
        if entry is None or not entry.is_alive():
            raise StackError(f"{name} does not run")
        return entry.pid

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to a program, by default SIGKILL, and return its process id. The stack starts it again."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def restart(self, name: str) -> int:
        """Let a program end by itself (SIGTERM), wait until it runs again and return its new process id."""
        return self.wait_for_restart(name, self.kill(name, signal.SIGTERM))

    def wait_for_restart(self, name: str, old_pid: int, seconds: float = RESTART_SECONDS) -> int:
        """Wait until a program runs under another process id than `old_pid`, and return that one.

        :raises StackError: it does not within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            entry = self._ledger.find(name)
            if entry is not None and entry.pid != old_pid and entry.is_alive():
                return entry.pid
            time.sleep(0.05)
        raise StackError(f"{name} was not started again within {seconds:g} seconds")

    @contextmanager
    def held_down(self, name: str, number: int = signal.SIGKILL) -> Iterator[None]:
        """Kill a program and keep it from being started again until the end of the block."""
        self._ledger.hold(name, True)
        try:
            pid = self.kill(name, number)
            yield
        finally:
            self._ledger.hold(name, False)
        self.wait_for_restart(name, pid)

    def stop(self) -> int:
        """Stop the whole stack as Ctrl-C does and return its exit status.

        :raises StackError: it was only joined, so it is not ours to stop.
        """
        if self._process is None:
            raise StackError("this stack was started by somebody else")
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(30)


@contextmanager
def running_stack(
    home: Path,
    *,
    environment: Mapping[str, str] | None = None,
    env_file: Path | None = None,
    log_file: Path | None = None,
    join: bool = False,
) -> Iterator[RunningStack]:
    """Run `stemma up` on `home` for the length of the block. It ends with the block, and with this process.

    :param environment: the whole environment to start with; this process's when absent.
    :param env_file: a `.env` to read; none when absent.
    :param log_file: where its log goes; `<home>/up.log` when absent.
    :param join: when a stack runs on `home` already, or is starting, use that one and leave it running.
    :raises StackError: it did not become ready; carries the end of its log.
    """
    if join and (found := joined(home)) is not None:
        yield found
        return
    home.mkdir(parents=True, exist_ok=True)
    (home / "run" / "ready.json").unlink(missing_ok=True)
    log_file = log_file or home / "up.log"
    options = ("--home", str(home), "--env-file", str(env_file or os.devnull), "--until-stdin-ends")
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            stemma_command("up", *options),
            env=dict(os.environ if environment is None else environment),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_ready(home, process, log_file)
        yield RunningStack(home, process, log_file)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


def joined(home: Path) -> RunningStack | None:
    """The stack that runs on `home`, once it is ready; None when none does.

    :raises StackError: one is starting and does not become ready.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with locked_home(home):
                return None
        except AlreadyRunning:
            if (home / "run" / "ready.json").exists():
                return RunningStack(home, None, None)
            time.sleep(0.1)
    raise StackError(f"the stack that was starting on {home} did not become ready; its log is {home / 'up.log'}")


def _wait_ready(home: Path, process: subprocess.Popen[bytes], log_file: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not (home / "run" / "ready.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            end = "\n".join(log_file.read_text(errors="replace").splitlines()[-30:])
            raise StackError(f"the stack on {home} did not become ready; the end of {log_file}:\n{end}")
        time.sleep(0.03)
