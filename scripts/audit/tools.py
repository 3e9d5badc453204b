"""Where the audit's tools are, and how one is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "tests" / "forge"
BUILD = ROOT / ".build" / "forge"
VENV = ROOT / ".venv-audit" / "bin"


class ToolFailed(Exception):
    """A tool could not do its work, which is not the same as finding something; the message is its own."""


@dataclass
class Outcome:
    """What a tool says.

    ``unexplained`` are findings that fail the audit. ``rows`` are lines of its table in the report, ``summary`` is one
    sentence. Neither depends on the time or on the machine.
    """

    tool: str
    version: str
    summary: str
    rows: list[tuple[str, ...]]
    unexplained: list[str] = field(default_factory=list)


def run(command: Sequence[str | Path], accepted: tuple[int, ...] = (0,)) -> str:
    """Run a tool in the repository's root; its standard output.

    Raises:
        ToolFailed: it is not there, or ended with another status than an ``accepted`` one.
    """
    try:
        done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        raise ToolFailed(f"{command[0]} is not there; scripts/audit/install.sh installs it") from missing
    if done.returncode not in accepted:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise ToolFailed("\n".join([f"{Path(command[0]).name} ended with {done.returncode}:", *said[-40:]]))
    return done.stdout


def forge() -> Path:
    """The native program: the launcher of the npm package would outlive a kill."""
    found = sorted((PROJECT / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge"))
    if not found:
        raise ToolFailed("forge is not installed for this platform; only Linux on x86_64 is in the lock file")
    return found[0]


def fresh(name: str) -> Path:
    """A file that a tool is to write, and that no earlier run has left."""
    path = BUILD / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path


def locked(package: str) -> str:
    """The version of a tool as tests/forge locks it."""
    if package == "forge":
        lock = json.loads((PROJECT / "package.json").read_text())
        return str(lock["optionalDependencies"]["@foundry-rs/forge-linux-amd64"])
    for line in (PROJECT / "requirements.in").read_text().splitlines():
        name, _, version = line.partition("==")
        if name == package:
            return version
    raise ToolFailed(f"{package} is not in tests/forge/requirements.in")


def say(text: str) -> None:
    """One line of progress."""
    print(f"audit: {text}", flush=True)


def _environment() -> dict[str, str]:
    [compiler] = (ROOT / ".build" / "solc").glob("solc-v*")
    return {
        **os.environ,
        "FOUNDRY_CONFIG": str(PROJECT / "foundry.toml"),
        "FOUNDRY_SOLC": str(compiler),
        "PATH": os.pathsep.join([str(VENV), str(forge().parent), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "NO_COLOR": "1",
    }
