"""The `stemma` command in processes that begin with the services loaded, as a start costs seconds of CPU time else.

Each is forked by a server that has imported them once: a process of its own, with an id, an environment and an end,
that is killed and waited for as any other, and ends with the one that started it, however that ends. End-to-end tests
start the commands cold, as `stemma up` does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing import connection
from pathlib import Path

_SERVER = multiprocessing.get_context("forkserver")
_LOADED = {__name__, "stemma.command"}


def load(*modules: str) -> None:
    """Let these be there in whatever is started; said before the first start."""
    if missing := [each for each in modules if find_spec(each) is None]:
        raise ModuleNotFoundError(f"the server would leave out without a word: {missing}")
    _LOADED.update(modules)
    _SERVER.set_forkserver_preload(sorted(_LOADED))


class Process:
    """A running command, by the names that `subprocess.Popen` has for the same."""

    def __init__(
        self, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path, output: Path, errors: Path
    ) -> None:
        for each in (output, errors):
            each.touch()  # as it may be read before the process has begun
        parts = (arguments, dict(environment), str(folder), str(output), str(errors))
        self._process = _SERVER.Process(target=_become, args=parts, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return code

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # the server waits for it sooner than it says so
                os.kill(self.pid, number)


def start(*arguments: str, environment: Mapping[str, str], log: Path, folder: Path = Path("/")) -> Process:
    """Start `stemma` with these arguments; all that it says is added to the log."""
    return Process(arguments, environment, folder, log, log)


def run(*arguments: str, environment: Mapping[str, str], seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Run `stemma` to its end.

    :raises subprocess.TimeoutExpired: it takes longer; it is killed then.
    """
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        process = Process(arguments, environment, Path("/"), output, errors)
        try:
            code = process.wait(seconds)
        finally:
            process.kill()
        return subprocess.CompletedProcess(arguments, code, output.read_text(), errors.read_text())


def _become(arguments: tuple[str, ...], environment: dict[str, str], folder: str, output: str, errors: str) -> None:
    """What a new process does."""
    from stemma.command import main

    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    for name, descriptor in ((output, 1), (errors, 2)):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    sys.argv = ["stemma", *arguments]
    main()


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
