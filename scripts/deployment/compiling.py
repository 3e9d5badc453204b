"""Compiles the contracts anew when any of them has changed.

ape compares a contract's own file and not the files that it imports, so a change of a library or a base contract would
leave old code in its cache, to be tested and deployed.
"""

import hashlib
import os
from pathlib import Path

from ape import project

_DIGEST = Path(".build") / "compiled.digest"


def compile_if_stale() -> None:
    """Make ape's cache that of the sources as they are."""
    digest = _digest(project.path)
    noted = project.path / _DIGEST
    if noted.exists() and noted.read_text("ascii") == digest:
        return
    project.load_contracts(use_cache=False)
    scratch = noted.with_suffix(".new")
    scratch.write_text(digest, "ascii")
    os.replace(scratch, noted)


def _digest(root: Path) -> str:
    digest = hashlib.sha256()
    for path in [*sorted((root / "contracts").rglob("*.sol")), root / "ape-config.yaml", root / "package-lock.json"]:
        digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    compile_if_stale()
