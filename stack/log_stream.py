"""One stream of log lines on the terminal, each with its process's name in its own color."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

COLORS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)
NAME_WIDTH = 15


class LogStream:
    """Writes whole lines; when the terminal is gone it says so once and falls silent."""

    def __init__(self, out: TextIO | None = None, *, on_gone: Callable[[], None] | None = None) -> None:
        self._out = out or sys.stdout
        self._colored = self._out.isatty()
        self._on_gone = on_gone
        self._gone = False
        self._names: list[str] = []

    def say(self, text: str) -> None:
        """A line of the stack itself."""
        for line in text.splitlines():
            self._write(f"{self._prefix('stemma', 1)}{line}\n")

    def stream(self, name: str) -> ProcessStream:
        """A sink for circus that takes the output of the process `name`."""
        if name not in self._names:
            self._names.append(name)
        return ProcessStream(self, name)

    def line(self, name: str, text: str) -> None:
        """A line of the process `name`."""
        color = COLORS[self._names.index(name) % len(COLORS)]
        self._write(f"{self._prefix(name, color)}{text}\n")

    def _prefix(self, name: str, color: int) -> str:
        padded = f"{name:<{NAME_WIDTH}} | "
        return f"\033[{color}m{padded}\033[0m" if self._colored else padded

    def _write(self, text: str) -> None:
        if self._gone:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:
            self._gone = True
            if self._on_gone:
                self._on_gone()


class ProcessStream:
    """Cuts what a process prints into lines; bytes that are no UTF-8 are shown escaped."""

    def __init__(self, log: LogStream, name: str) -> None:
        self._log = log
        self._name = name
        self._rest: dict[str, bytes] = {}

    def __call__(self, data: dict[str, object]) -> None:
        channel, chunk = str(data["name"]), data["data"]
        assert isinstance(chunk, bytes)
        *lines, self._rest[channel] = (self._rest.get(channel, b"") + chunk).split(b"\n")
        for line in lines:
            self._log.line(self._name, line.decode(errors="backslashreplace").rstrip("\r"))

    def close(self) -> None:
        """Show lines that were never ended."""
        for rest in self._rest.values():
            if rest:
                self._log.line(self._name, rest.decode(errors="backslashreplace"))
        self._rest.clear()
