"""What modules import, read from their source: also what a function imports only when it is called."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import files, packages_distributions
from pathlib import Path

from tests.docker.compose import ROOT

_DISTRIBUTIONS = packages_distributions()


def third_parties(places: Iterable[str]) -> dict[str, set[str]]:
    """What rooms or files of ours need: module of somebody else -> our files that import it, of any room."""
    found: dict[str, set[str]] = {}
    seen: set[Path] = set()
    waiting = [
        file for place in places for file in (ROOT.glob(place) if "." in place else ROOT.glob(f"{place}/**/*.py"))
    ]
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for module in _imports(file):
            ours = _our_files(module)
            waiting += ours
            if not ours and module.partition(".")[0] not in sys.stdlib_module_names:
                found.setdefault(module, set()).add(str(file.relative_to(ROOT)))
    return found


def owners(module: str) -> set[str]:
    """The installed distributions that a module may come from, by their normalized names."""
    names = set(_DISTRIBUTIONS.get(module.partition(".")[0], ()))
    if len(names) > 1:  # a namespace of many, as `google` is
        path = module.replace(".", "/")
        names = {
            name for name in names if any(str(file).startswith((f"{path}/", f"{path}.")) for file in files(name) or ())
        }
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            # What is imported from a package may be a module of it.
            yield from (
                f"{node.module}.{alias.name}" for alias in node.names if _our_files(f"{node.module}.{alias.name}")
            )


def _our_files(module: str) -> list[Path]:
    """The file of a module of ours, and the packages that it lies in, which are imported on the way."""
    parts = module.split(".")
    if not (ROOT / parts[0]).is_dir() or parts[0] in ("docker", "node_modules"):
        return []
    place = ROOT.joinpath(*parts)
    file = place.with_suffix(".py")
    own = [file] if file.is_file() else [place / "__init__.py"] if (place / "__init__.py").is_file() else []
    if not own and not place.is_dir():
        return []
    above = [ROOT.joinpath(*parts[:depth]) / "__init__.py" for depth in range(1, len(parts))]
    return own + [package for package in above if package.is_file()]
