"""halmos: proves the `check_` functions for every value of their arguments, by executing their code symbolically."""

from __future__ import annotations

import json
import shlex
from typing import Any

from scripts.audit.forge import CONTROLS
from scripts.audit.tools import PROJECT, VENV, Outcome, fresh, locked, run

LOOPS = 64
"""Above every loop of the checks; a loop that is cut off short all the same fails the audit."""

CONTRACTS = ("LedgerTest", "TablesTest", "ExclusivitiesTest", "ControlsTest")

# cvc5 over integers: shares are products of two unknowns, which solvers of bit vectors do not get through.
SOLVER = shlex.join([str(VENV / "python"), str(PROJECT / "solver.py")])


def prove() -> Outcome:
    """All `check_` functions; of the controls, that their errors are found."""
    rows: list[tuple[str, ...]] = []
    unexplained: list[str] = []
    proofs = 0
    for contract in CONTRACTS:
        for suite, results in _run(contract).items():
            for result in sorted(results, key=lambda result: str(result["name"])):
                name = f"{contract}.{result['name']}"
                verdict, problem = _judge(suite.startswith(CONTROLS), result)
                proofs += verdict == "proven"
                rows.append((f"`{name}`", verdict))
                if problem:
                    unexplained.append(f"{name}: {problem}")
    if not proofs:
        unexplained.append("halmos proved nothing")
    summary = f"{proofs} properties proven for all values of their arguments"
    return Outcome("halmos", locked("halmos"), summary, rows, unexplained)


def _run(contract: str) -> dict[str, list[dict[str, Any]]]:
    answer = fresh(f"halmos-{contract}.json")
    options = ["--root", ".", "--forge-build-out", ".build/forge/out", "--no-status"]
    limits = ["--loop", str(LOOPS), "--solver-timeout-assertion", "120s", "--solver-command", SOLVER]
    which = ["--match-contract", f"^{contract}$", "--function", "check_", "--json-output", str(answer)]
    run([VENV / "halmos", *options, *limits, *which], accepted=(0, 1))
    results: dict[str, list[dict[str, Any]]] = json.loads(answer.read_text())["test_results"]
    return results


def _judge(planted: bool, result: dict[str, Any]) -> tuple[str, str | None]:
    if planted:
        found = result["exitcode"] == 1 and result["num_models"] > 0
        return ("a planted error, found", None) if found else ("a planted error, NOT FOUND", "halmos did not find it")
    if result["exitcode"] != 0:
        return "NOT PROVEN", f"exit code {result['exitcode']}, {result['num_models']} counterexamples"
    if result["num_bounded_loops"]:
        return "NOT PROVEN", "a loop was cut off"
    return "proven", None
