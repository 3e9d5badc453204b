"""The process supervisor: circus's arbiter inside this process, driven in phases.

Circus starts, redirects, signals and stops the processes. Three of its habits do not fit here and are changed by
overriding one method each: it looks for ended children with `waitpid(-1)`, which takes other children's status; it
drops what a process printed last; and it starts a crashed process again at once, for ever. Its control sockets are
`inproc`, so nothing listens.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from circus.arbiter import Arbiter
from circus.stream.redirector import Redirector
from circus.watcher import Watcher
from tornado import gen, ioloop

from stack.errors import ProgramDied, ProgramFailed, ProgramNotReady
from stack.ledger import Ledger
from stack.log_stream import LogStream
from stack.program import Program

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
STEADY_SECONDS = 30.0
"""A process that ran this long starts over with the shortest delay."""

_CHECK_SECONDS = 0.25


class Supervisor:
    """Runs programs: restarts those that end by themselves, with a growing delay, and stops them."""

    def __init__(self, log: LogStream, ledger: Ledger) -> None:
        self._log = log
        self._ledger = ledger
        self._units: dict[str, _Unit] = {}
        self._arbiter: Any = None
        self._stopping = False

    async def open(self) -> None:
        """Begin to watch; must run in the main thread, where circus sets its signal handlers."""
        self._arbiter = _OwnChildrenArbiter(
            [],
            "inproc://stemma-control",
            "inproc://stemma-events",
            check_delay=_CHECK_SECONDS,
            loop=ioloop.IOLoop.current(),
        )
        await self._arbiter.start()

    async def start(self, program: Program, *, once: bool = False) -> None:
        """Start a program without waiting for it. `once`: it is meant to end, and is not started again."""
        unit = _Unit(program, once, self._log, self._ledger, self._on_end)
        self._units[program.name] = unit
        unit.watcher.initialize(self._arbiter.evpub_socket, self._arbiter.sockets, self._arbiter)
        self._arbiter.watchers.append(unit.watcher)
        await unit.watcher._start()

    async def ready(self, program: Program) -> None:
        """Wait until the program is ready.

        :raises ProgramDied: it ended three times meanwhile.
        :raises ProgramNotReady: it runs but is not ready within its `ready_seconds`.
        """
        unit = self._units[program.name]
        deadline = time.monotonic() + program.ready_seconds
        while not (unit.watcher.processes and program.is_ready()):
            if unit.ends >= 3:
                raise ProgramDied(program.name, unit.status)
            if time.monotonic() > deadline:
                raise ProgramNotReady(program.name, program.ready_seconds)
            await asyncio.sleep(0.02)

    async def finished(self, program: Program) -> None:
        """Wait for the end of a program that was started `once`.

        :raises ProgramFailed: its status was not 0.
        """
        unit = self._units[program.name]
        await unit.ended.wait()
        if unit.status != 0:
            raise ProgramFailed(program.name, unit.status)

    async def stop(self, names: list[str]) -> None:
        """Stop these programs together; each gets its `stop_seconds` before it is killed. They stay stopped."""
        units = [self._units[name] for name in names if name in self._units]
        for unit in units:
            unit.stay_down()
        await asyncio.gather(*(unit.watcher._stop(True) for unit in units))

    async def close(self) -> None:
        """Stop everything that still runs and let go of circus."""
        self._stopping = True
        await self.stop(list(self._units))
        if self._arbiter is not None:
            self._arbiter.stop_controller_and_close_sockets()

    def _on_end(self, unit: _Unit) -> None:
        if self._stopping or unit.once or unit.watcher.is_stopping():
            return
        delay = unit.next_delay()
        self._log.say(f"{unit.program.name} ended with status {unit.status}; it is started again in {delay:g} s")
        unit.schedule_restart(delay)


class _Unit:
    """One supervised program and its history."""

    def __init__(
        self, program: Program, once: bool, log: LogStream, ledger: Ledger, on_end: Callable[[_Unit], None]
    ) -> None:
        self.program = program
        self.once = once
        self.ended = asyncio.Event()
        self.status: int | None = None
        self.ends = 0
        self._delay = FIRST_DELAY
        self._started = 0.0
        self._restart: asyncio.Task[None] | None = None
        self._ledger = ledger
        self._on_end = on_end
        account = program.account
        stream = log.stream(program.name)
        self.watcher = _DrainedWatcher(
            program.name,
            shlex.quote(program.argv[0]),
            args=list(program.argv[1:]),
            env=dict(program.environment),
            working_dir=str(program.folder),
            uid=account.uid if account else None,
            gid=account.gid if account else None,
            stop_signal=program.stop_signal,
            graceful_timeout=program.stop_seconds,
            stdout_stream={"stream": stream},
            stderr_stream={"stream": stream},
            respawn=False,
            autostart=False,
            max_retry=1,
            hooks={"after_spawn": (self._after_spawn, False), "after_reap": (self._after_reap, False)},
        )

    def next_delay(self) -> float:
        if time.monotonic() - self._started > STEADY_SECONDS:
            self._delay = FIRST_DELAY
        delay, self._delay = self._delay, min(self._delay * 2, LONGEST_DELAY)
        return delay

    def schedule_restart(self, delay: float) -> None:
        self._restart = asyncio.get_running_loop().create_task(self._start_later(delay))

    def stay_down(self) -> None:
        self.once = True
        if self._restart is not None:
            self._restart.cancel()

    async def _start_later(self, delay: float) -> None:
        await asyncio.sleep(delay)
        while self._ledger.is_held(self.program.name):  # noqa: ASYNC110 - a file that another process removes
            await asyncio.sleep(0.1)
        await self.watcher._start()

    def _after_spawn(self, *, pid: int, **_: object) -> bool:
        self._started = time.monotonic()
        self._ledger.add(self.program.name, pid, self.program.stop_signal)
        return True

    def _after_reap(self, *, process_pid: int, exit_code: int | None, **_: object) -> bool:
        # What it left in its process group must not outlive it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process_pid, signal.SIGKILL)
        self._ledger.remove(self.program.name, process_pid)
        self.status = exit_code
        self.ends += 1
        self.ended.set()
        self._on_end(self)
        return True


class _OwnChildrenArbiter(Arbiter):  # type: ignore[misc]
    def reap_processes(self) -> None:
        """Each watcher asks for its own children instead, see `_DrainedWatcher.manage_processes`."""


class _DrainedWatcher(Watcher):  # type: ignore[misc]
    @property
    def _redirector_class(self) -> type[Redirector]:
        return _DrainingRedirector

    @gen.coroutine
    def manage_processes(self) -> Any:
        """Notice the end of the process, by its own id."""
        if self.is_stopped() or self.is_stopping():
            return
        for pid in list(self.processes):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self.stream_redirector.remove_redirections(self.processes[pid])
                self.reap_process(pid, status)
        if not self.processes:
            yield self._stop()


class _DrainingRedirector(Redirector):  # type: ignore[misc]
    def remove_redirections(self, process: Any) -> None:
        """Pass on what the ended process had printed and nobody had read yet."""
        for name, pipe in self.get_process_pipes(process):
            if pipe.closed:
                continue
            os.set_blocking(pipe.fileno(), False)
            while data := _read(pipe.fileno()):
                self.redirect[name]({"data": data, "pid": process.pid, "name": name})
        super().remove_redirections(process)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""
