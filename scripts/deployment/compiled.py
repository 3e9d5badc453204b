"""What the compiler last made of the contracts, and whether the sources are still those."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

_NOTE = Path(".build") / "compiled.digest"
_OUTPUTS = Path(".build") / "compiled.json"


def is_current(root: Path) -> bool:
    """Whether nothing has changed since the sources under ``root`` were compiled."""
    note, outputs = root / _NOTE, root / _OUTPUTS
    return note.exists() and outputs.exists() and note.read_text("ascii") == source_digest(root)


def keep(root: Path, digest: str, outputs: dict[str, Any]) -> None:
    """Keep what the compiler made of the sources of this digest: by source and contract ABI, code and layout."""
    _write(root / _OUTPUTS, json.dumps(outputs))
    _write(root / _NOTE, digest)


def kept_outputs(root: Path) -> dict[str, Any]:
    """What was kept."""
    outputs: dict[str, Any] = json.loads((root / _OUTPUTS).read_text("ascii"))
    return outputs


def source_digest(root: Path) -> str:
    """Stands for all that the compiler's outputs hang on."""
    digest = hashlib.sha256()
    for path in [*sorted((root / "contracts").rglob("*.sol")), root / "ape-config.yaml", root / "package-lock.json"]:
        digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _write(path: Path, content: str) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_text(content, "ascii")
    os.replace(scratch, path)
