"""Writing the checkpoint's folder: `weights.safetensors` (half precision), `config.json` and `report.json`."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from stem_worker.training.recipe import SOURCES, Recipe

MODEL_NAME = "demucs-tiny-synth"


def write_checkpoint(model: torch.nn.Module, recipe: Recipe, folder: Path) -> str:
    """Write weights and configuration; returns the SHA-256 of the weights file."""
    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: tensor.detach().to(torch.float16).contiguous() for name, tensor in model.state_dict().items()}
    blob = save(halves)
    digest = hashlib.sha256(blob).hexdigest()
    (folder / "weights.safetensors").write_bytes(blob)
    config = {
        "name": MODEL_NAME,
        "class": "HTDemucs",
        "sources": list(SOURCES),
        "arguments": recipe.architecture,
        "weights": {"file": "weights.safetensors", "sha256": digest, "bytes": len(blob)},
        "license": "MIT",
    }
    write_json(folder / "config.json", config)
    return digest


def write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n")
