"""slither: each finding in the contracts must be explained in tests/forge/slither.yaml, and each explanation needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml

from scripts.audit.tools import PROJECT, VENV, Outcome, fresh, locked, run

EXPLANATIONS = PROJECT / "slither.yaml"
PLANTED = "tests/forge/Planted.sol"
MUST_FIND = {"reentrancy-eth", "arbitrary-send-eth", "unchecked-transfer"}
"""In the planted contract."""


@dataclass(frozen=True, order=True)
class Finding:
    """A detector and the first place that it names: `Contract.function`, or a file for what is in no contract."""

    impact: str
    detector: str
    place: str


def check() -> Outcome:
    """Slither's findings against their explanations."""
    answer = fresh("slither.json")
    # From what forge has compiled: slither itself would compile it all again.
    compiled = ["--ignore-compile", "--foundry-build-info-directory", "../../.build/forge/out/build-info"]
    run([VENV / "slither", "tests/forge", *compiled, "--fail-none", "--json", str(answer)])
    raw = json.loads(answer.read_text())["results"]["detectors"]
    planted = {finding["check"] for finding in raw if _file(finding) == PLANTED}
    found = {_finding(finding) for finding in raw if _is_ours(_file(finding))}

    explained = {
        (entry["detector"], place): entry["because"]
        for entry in yaml.safe_load(EXPLANATIONS.read_text())
        for place in entry["where"]
    }
    unexplained = [
        f"{finding.impact} {finding.detector} at {finding.place}: neither mended nor explained in {EXPLANATIONS.name}"
        for finding in sorted(found)
        if (finding.detector, finding.place) not in explained
    ]
    needed = {(finding.detector, finding.place) for finding in found}
    unexplained += [
        f"{EXPLANATIONS.name} explains {detector} at {place}, which slither does not find"
        for detector, place in sorted(explained.keys() - needed)
    ]
    unexplained += [f"slither did not find {detector} in {PLANTED}" for detector in sorted(MUST_FIND - planted)]
    summary = f"{len(found)} findings in the contracts, {len(found & _known(found, explained))} of them explained"
    return Outcome("slither", locked("slither-analyzer"), summary, _rows(found, explained), unexplained)


def _known(found: set[Finding], explained: dict[tuple[str, str], str]) -> set[Finding]:
    return {finding for finding in found if (finding.detector, finding.place) in explained}


def _rows(found: set[Finding], explained: dict[tuple[str, str], str]) -> list[tuple[str, ...]]:
    """One line for each impact, detector and explanation."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for finding in sorted(found):
        because = " ".join(explained.get((finding.detector, finding.place), "NOT EXPLAINED").split())
        places.setdefault((finding.impact, finding.detector, because), []).append(f"`{finding.place}`")
    order = ["High", "Medium", "Low", "Informational", "Optimization"]
    lines = sorted(places.items(), key=lambda item: (order.index(item[0][0]), item[0]))
    return [(impact, detector, ", ".join(where), because) for (impact, detector, because), where in lines]


def _finding(raw: dict[str, Any]) -> Finding:
    element = raw["elements"][0]
    contract = element
    while contract["type"] != "contract" and "parent" in contract.get("type_specific_fields", {}):
        contract = contract["type_specific_fields"]["parent"]
    owner = contract["name"] if contract["type"] == "contract" else _file(raw)
    place = owner if contract is element else f"{owner}.{_name(element)}"
    return Finding(raw["impact"], raw["check"], place)


def _name(element: dict[str, Any]) -> str:
    """A variable of a function or a statement is named with its function."""
    parent = element.get("type_specific_fields", {}).get("parent", {})
    inner = parent["name"] + "." if parent.get("type") == "function" else ""
    return f"{inner}{element['name']}"


def _file(raw: dict[str, Any]) -> str:
    return str(raw["elements"][0]["source_mapping"]["filename_relative"])


def _is_ours(file: str) -> bool:
    return file.startswith("contracts/") and not file.startswith("contracts/dev/")
