"""The compose files as `docker compose` reads them: variables put in, the second file laid over the first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parents[2]
BASE, GPU = ROOT / "docker-compose.yml", ROOT / "docker-compose.gpu.yml"

# https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md, as much of it as the files use.
_BEGINNING = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(:[-?])?")


class VariableMissing(Exception):
    """A required variable has no value."""


def variables(text: str) -> Iterator[tuple[str, str]]:
    """Yield each variable of a text with its operator: empty, `:-` (a default follows) or `:?` (it is required)."""
    for match in _BEGINNING.finditer(text):
        yield match[1], match[2] or ""


def development() -> dict[str, str]:
    """The settings of docker/development.env."""
    return {name: value or "" for name, value in dotenv_values(ROOT / "docker" / "development.env").items()}


def load(values: Mapping[str, str], *files: Path) -> dict[str, Any]:
    """Read the files, one laid over the other. Raises VariableMissing."""
    merged: dict[str, Any] = {}
    for file in files or (BASE,):
        merged = _over(merged, _interpolated(yaml.safe_load(file.read_text()), values))
    return merged


def image_services(composed: dict[str, Any]) -> dict[str, Any]:
    """The services that run from images of this repository."""
    return {name: service for name, service in composed["services"].items() if "build" in service}


def _over(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {key: _over(below.get(key), above[key]) if key in above else below[key] for key in {**below, **above}}
    return above


def _interpolated(node: Any, values: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _interpolated(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_interpolated(value, values) for value in node]
    return _substituted(node, values) if isinstance(node, str) else node


def _substituted(text: str, values: Mapping[str, str]) -> str:
    match = _BEGINNING.search(text)
    if match is None:
        return text
    end = _end_of(text, match.end())
    name, operator, argument = match[1], match[2], text[match.end() : end]
    value = values.get(name, "")
    if not value and operator == ":?":
        raise VariableMissing(f"{name}: {argument}")
    if not value and operator == ":-":
        value = _substituted(argument, values)
    return text[: match.start()] + value + _substituted(text[end + 1 :], values)


def _end_of(text: str, start: int) -> int:
    """The place of the brace that closes the one before `start`; a default may hold variables of its own."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ValueError(f"no closing brace in {text!r}")
