"""The Pub/Sub emulator as a program of the stack."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from stack.ports import LOOPBACK
from stack.program import Program


def stemma_command(*arguments: str) -> tuple[str, ...]:
    """The command line of a `stemma` subcommand of this virtual environment."""
    return (str(Path(sys.executable).with_name("stemma")), *arguments)


def pubsub_program(data: Path, port: int) -> Program:
    """The emulator, its messages in the SQLite file `data`."""
    data.parent.mkdir(parents=True, exist_ok=True)
    return Program(
        name="pubsub",
        argv=stemma_command("pubsub-emulator", "--host", LOOPBACK, "--port", str(port), "--database", str(data)),
        folder=data.parent,
        is_ready=lambda: accepts_connections(port),
    )


def accepts_connections(port: int) -> bool:
    """Whether something listens on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
