"""The Dockerfiles as far as tests ask: stages with their instructions, and what an ignore file lets in."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from tests.docker.compose import ROOT

SERVICES = ROOT / "docker" / "services.Dockerfile"
DEVELOPMENT = ROOT / "docker" / "development.Dockerfile"


@dataclass(slots=True)
class Stage:
    """One stage: its name, the image or stage that it begins with, and (instruction, rest) in order."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        """What stands behind each instruction of a kind."""
        return [rest for name, rest in self.instructions if name == instruction]

    def copied(self) -> list[tuple[str, list[str]]]:
        """Each COPY: the stage that it copies from, empty for the context, and its sources."""
        found = []
        for rest in self.all("COPY"):
            words = shlex.split(rest)
            flags = dict(word.removeprefix("--").split("=", 1) for word in words if word.startswith("--"))
            found.append((flags.get("from", ""), [word for word in words if not word.startswith("--")][:-1]))
        return found


def read(file: Path) -> dict[str, Stage]:
    """The stages of a Dockerfile by name; arguments before the first stage are put in where it begins."""
    stages: dict[str, Stage] = {}
    arguments: dict[str, str] = {}
    text = "\n".join(line for line in file.read_text().splitlines() if not line.lstrip().startswith("#"))
    for line in text.replace("\\\n", " ").splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            base = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], base)
            stages[name] = Stage(name, base)
        elif instruction and not stages:
            assert instruction == "ARG"
            name, _, arguments_value = rest.partition("=")
            arguments[name] = arguments_value
        elif instruction:
            list(stages.values())[-1].instructions.append((instruction, rest.strip()))
    return stages


def lineage(stages: dict[str, Stage], name: str) -> list[Stage]:
    """A stage and those that it begins with, the stage itself first."""
    found = [stages[name]]
    while found[-1].base in stages:
        found.append(stages[found[-1].base])
    return found


def is_let_in(dockerfile: Path, path: str) -> bool:
    """Whether the ignore file beside a Dockerfile lets a path of the context in; the last pattern that fits decides."""
    let_in = True
    for line in dockerfile.with_name(f"{dockerfile.name}.dockerignore").read_text().splitlines():
        pattern = line.strip().removeprefix("!").rstrip("/")
        if pattern and _fits(path, pattern):
            let_in = line.startswith("!")
    return let_in


def _fits(path: str, pattern: str) -> bool:
    """A pattern fits a path or a folder above it; `*` stops at a slash, `**` does not."""
    folders = path.split("/")
    for depth in range(1, len(folders) + 1):
        head = folders[:depth]
        if pattern.startswith("**/") and fnmatch(head[-1], pattern.removeprefix("**/")):
            return True
        parts = pattern.split("/")
        if len(parts) == depth and all(fnmatch(name, part) for name, part in zip(head, parts, strict=True)):
            return True
    return False
