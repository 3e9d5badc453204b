"""The contracts as the machines need them: ABI, code and storage layout. Those of the repository are the ones that ape
tests and deploys; changed ones are compiled by the shim and kept in .build."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from scripts.deployment.compiled import is_current, kept_outputs

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".build" / "contract_machines"
KEPT_BUILDS = 12

HOUSE = ("Roles", "StemRegistry", "IPNFT", "RoyaltySplitter", "Licenses", "LicenseManager", "SessionVault", "Disputes")
"""The house's contracts in their order of creation."""

OUTPUTS = ("abi", "evm.bytecode.object", "storageLayout")


class CompilationFailed(Exception):
    """The compiler refused the sources; the message is the compiler's."""


@dataclass(frozen=True)
class Artifact:
    """One compiled contract. ``layout`` is the compiler's storageLayout."""

    name: str
    abi: list[dict[str, Any]]
    creation_code: str
    layout: dict[str, Any]


@dataclass(frozen=True)
class Sources:
    """Solidity sources by their path in the repository."""

    texts: Mapping[str, str]

    @classmethod
    def of_repository(cls) -> Sources:
        """The sources as they are in the working tree."""
        files = sorted((ROOT / "contracts").rglob("*.sol"))
        return cls({str(file.relative_to(ROOT)): file.read_text() for file in files})

    def replacing(self, path: str, old: str, new: str) -> Sources:
        """The sources with one passage changed.

        Raises:
            ValueError: the passage does not occur exactly once.
        """
        found = self.texts[path].count(old)
        if found != 1:
            raise ValueError(f"{path} holds {old!r} {found} times, not once")
        return Sources({**self.texts, path: self.texts[path].replace(old, new)})

    def path_of(self, contract: str) -> str:
        """Where a contract stands."""
        return next(path for path in self.texts if Path(path).stem == contract)

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(dict(self.texts), sort_keys=True).encode()).hexdigest()[:24]


def compiled(sources: Sources, contracts: Iterable[str]) -> dict[str, Artifact]:
    """The named contracts, from the cache or the compiler.

    Raises:
        CompilationFailed: the sources are not Solidity.
    """
    paths = {sources.path_of(name): name for name in contracts}
    if sources.digest == Sources.of_repository().digest:
        return _of_the_repository(paths)
    settings = _settings(paths)
    key = hashlib.sha256((sources.digest + json.dumps(settings, sort_keys=True)).encode()).hexdigest()[:24]
    cached = CACHE / f"{key}.json"
    if not cached.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = cached.with_suffix(f".{time.time_ns()}")
        fresh.write_text(json.dumps(_compile(sources, settings)))
        fresh.replace(cached)
        _forget_old_builds()
    return {entry["name"]: Artifact(**entry) for entry in json.loads(cached.read_text())}


def _of_the_repository(contracts: dict[str, str]) -> dict[str, Artifact]:
    if not is_current(ROOT):
        subprocess.run([sys.executable, "-m", "scripts.deployment.compiling"], check=True, cwd=ROOT)
    made = kept_outputs(ROOT)
    return {name: Artifact(name, **made[path][name]) for path, name in contracts.items()}


def _settings(contracts: dict[str, str]) -> dict[str, Any]:
    """What ape compiles with, so that a changed contract stands among the others as it would be deployed."""
    config = yaml.safe_load((ROOT / "ape-config.yaml").read_text())["solidity"]
    settings = {
        "optimizer": {"enabled": config.get("optimize", True), "runs": 200},
        "evmVersion": config["evm_version"],
        "remappings": config["import_remapping"],
        "outputSelection": {path: {name: list(OUTPUTS)} for path, name in contracts.items()},
    }
    if "via_ir" in config:
        settings["viaIR"] = config["via_ir"]
    return settings


def _compile(sources: Sources, settings: dict[str, Any]) -> list[dict[str, Any]]:
    order = {
        "language": "Solidity",
        "sources": {path: {"content": text} for path, text in sources.texts.items()},
        "settings": settings,
    }
    [shim] = (ROOT / ".build" / "solc").glob("solc-v*")
    done = subprocess.run(
        [shim, "--standard-json", "--base-path", ROOT],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    answer = json.loads(done.stdout)
    errors = [error["formattedMessage"] for error in answer.get("errors", []) if error["severity"] == "error"]
    if errors:
        raise CompilationFailed("\n".join(errors))
    return list(_entries(answer["contracts"], settings["outputSelection"]))


def _entries(contracts: dict[str, Any], selection: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, names in selection.items():
        for name in names:
            output = contracts[path][name]
            yield {
                "name": name,
                "abi": output["abi"],
                "creation_code": output["evm"]["bytecode"]["object"],
                "layout": output["storageLayout"],
            }


def _forget_old_builds() -> None:
    builds = sorted(CACHE.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in builds[KEPT_BUILDS:]:
        file.unlink(missing_ok=True)
