"""From weights files to networks. A file is hashed in full before any of its bytes is interpreted."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from stem_worker.errors import WeightsRefused
from stem_worker.model import StemModel

MEBIBYTE = 1024**2


@dataclass(frozen=True)
class WeightsFile:
    """One published file of weights: the name it has in a model repository, what it must hash to, where to get it."""

    name: str
    sha256: bytes
    max_bytes: int
    url: str
    format: Literal["safetensors", "pickle"]


@dataclass(frozen=True)
class PublishedModel:
    """A model whose weights the operator supplies. `files` are alternatives, best first."""

    name: str
    version: str
    files: tuple[WeightsFile, ...]
    sources: tuple[str, ...]
    arguments: Mapping[str, Any]


HTDEMUCS_6S = PublishedModel(
    name="htdemucs_6s",
    version="demucs-htdemucs-6s",
    files=(
        WeightsFile(
            name="5c90dfd2-34c22ccb.th",
            sha256=bytes.fromhex("34c22ccb381c6f9fdbf324f04e1e2fe21aaaf293f5ded163a162697ff9a02ddd"),
            max_bytes=64 * MEBIBYTE,
            url="https://dl.fbaipublicfiles.com/demucs/hybrid_transformer/5c90dfd2-34c22ccb.th",
            format="pickle",
        ),
        WeightsFile(
            name="5c90dfd2.safetensors",
            sha256=bytes.fromhex("d2a1745f0744721f6b8ca5bf469b67c651ea5ed1b52998cab033b2158609d411"),
            max_bytes=128 * MEBIBYTE,
            url="https://huggingface.co/adefossez/HTDemucs-6s/resolve/"
            "3c5ee475be622df764938de97e4281a7b07ffa58/5c90dfd2.safetensors",
            format="safetensors",
        ),
    ),
    sources=("drums", "bass", "other", "vocals", "guitar", "piano"),
    arguments={
        "channels": 48,
        "depth": 4,
        "nfft": 4096,
        "dconv_mode": 3,
        "dconv_comp": 8,
        "bottom_channels": 0,
        "t_layers": 5,
        "t_heads": 8,
        "t_hidden_scale": 4.0,
        "segment": Fraction(39, 5),
    },
)


def check_hash(data: bytes, expected: bytes, name: str) -> None:
    """Compare the SHA-256 of the whole file.

    Raises:
        WeightsRefused: it differs.
    """
    digest = hashlib.sha256(data).digest()
    if digest != expected:
        raise WeightsRefused(f"{name} has SHA-256 {digest.hex()}, not {expected.hex()}; it was not loaded", file=name)


def load_published(model: PublishedModel, file: WeightsFile, data: bytes) -> StemModel:
    """Build a published model from the bytes of one of its files.

    Raises:
        WeightsRefused: wrong hash, or tensors that do not fit the architecture.
    """
    check_hash(data, file.sha256, file.name)
    network = (
        _from_pickle(data, file.name)
        if file.format == "pickle"
        else _from_tensors(data, list(model.sources), dict(model.arguments), file.name)
    )
    return StemModel(version=model.version, architecture="HTDemucs", weights_sha256=file.sha256, network=network)


def load_folder(folder: Path) -> StemModel:
    """Build the model of a folder with `config.json` and the safetensors file that it names and hashes.

    Raises:
        WeightsRefused: wrong hash, or tensors that do not fit the architecture.
    """
    config = json.loads((folder / "config.json").read_bytes())
    weights = config["weights"]
    data = (folder / weights["file"]).read_bytes()
    digest = bytes.fromhex(weights["sha256"])
    check_hash(data, digest, weights["file"])
    network = _from_tensors(data, config["sources"], config["arguments"], weights["file"])
    return StemModel(version=config["name"], architecture=config["class"], weights_sha256=digest, network=network)


def _from_tensors(data: bytes, sources: list[str], arguments: dict[str, Any], name: str) -> Any:
    from demucs.htdemucs import HTDemucs
    from safetensors import SafetensorError
    from safetensors.torch import load

    network = HTDemucs(sources=sources, **arguments)
    try:
        network.load_state_dict(load(data), strict=True)
    except (RuntimeError, SafetensorError) as error:
        raise WeightsRefused(f"{name} does not fit the architecture: {error}", file=name) from error
    return network.eval()


def _from_pickle(data: bytes, name: str) -> Any:
    """Unpickling runs whatever the file says, so only bytes whose full hash was just checked may come here."""
    import torch
    from demucs.htdemucs import HTDemucs

    package = torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)
    if package["klass"] is not HTDemucs:
        raise WeightsRefused(f"{name} holds a {package['klass'].__name__}, not an HTDemucs", file=name)
    network = HTDemucs(*package["args"], **package["kwargs"])
    try:
        network.load_state_dict(package["state"], strict=True)
    except RuntimeError as error:
        raise WeightsRefused(f"{name} does not fit the architecture: {error}", file=name) from error
    return network.eval()
