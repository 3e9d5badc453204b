"""forge: compiles everything once, for all tools; fuzzes the arithmetic, and lets random acts try the invariants."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import Any

from scripts.audit.tools import BUILD, PROJECT, ROOT, Outcome, forge, locked, run

CONTROLS = "tests/forge/Controls.t.sol"
"""Planted errors: what is here must fail."""


def build() -> None:
    """Compile whole what has changed in part: slither would take what earlier builds have left for the sources of now.

    Raises:
        ToolFailed: with the compiler's words.
    """
    stamp = BUILD / "sources"
    digest = _digest()
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(BUILD, ignore_errors=True)
        run([forge(), "build", "--quiet"])
        stamp.write_text(digest)


def _digest() -> str:
    digest = hashlib.sha256(locked("forge").encode())
    for file in [
        *sorted((ROOT / "contracts").rglob("*.sol")),
        *sorted(PROJECT.glob("*.sol")),
        PROJECT / "foundry.toml",
    ]:
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    digest.update((ROOT / "package-lock.json").read_bytes())
    return digest.hexdigest()


def test() -> Outcome:
    """All fuzz and invariant tests; of the controls, that they fail."""
    suites = json.loads(run([forge(), "test", "--json", "--match-path", "tests/forge/*"], accepted=(0, 1)))
    rows: list[tuple[str, ...]] = []
    unexplained: list[str] = []
    fuzzed, acts = 0, 0
    for suite, content in sorted(suites.items()):
        file, _, contract = suite.partition(":")
        for name, result in sorted(content["test_results"].items()):
            test_name = f"{contract}.{name.partition('(')[0]}"
            unexplained += _judge(file, test_name, result)
            if file == CONTROLS:
                rows.append((f"`{test_name}`", "a planted error", "found" if _failed(result) else "NOT FOUND"))
                continue
            amount = _amount(result["kind"])
            fuzzed += result["kind"].get("Fuzz", {}).get("runs", 0)
            acts += result["kind"].get("Invariant", {}).get("calls", 0)
            rows.append((f"`{test_name}`", amount, "FAILED" if _failed(result) else "holds"))
    if not acts or not fuzzed:
        unexplained.append("forge ran no invariant or no fuzz test: nothing was shown")
    summary = f"{fuzzed:,} fuzzed cases and {acts:,} random acts, after each of which the books are compared"
    return Outcome("forge", locked("forge"), summary, rows, unexplained)


def _failed(result: dict[str, Any]) -> bool:
    return bool(result["status"] != "Success")


def _judge(file: str, name: str, result: dict[str, Any]) -> list[str]:
    if file == CONTROLS:
        return [] if _failed(result) else [f"forge did not find the error planted in {name}"]
    if _failed(result):
        return [f"{name}: {result['reason']}; counterexample: {json.dumps(result.get('counterexample'))[:600]}"]
    idle = [
        act
        for act, metrics in result["kind"].get("Invariant", {}).get("metrics", {}).items()
        if metrics["calls"] == metrics["reverts"]
    ]
    return [f"{name}: the act {act} never went through" for act in idle]


def _amount(kind: dict[str, Any]) -> str:
    if "Invariant" in kind:
        invariant = kind["Invariant"]
        return f"{invariant['runs']} runs, {invariant['calls']:,} acts of {len(invariant['metrics'])} kinds"
    if "Fuzz" in kind:
        return f"{kind['Fuzz']['runs']:,} cases"
    return "once"
