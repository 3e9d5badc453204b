"""Tries the misreadings of design.md: each mutant must be caught, or the machines prove nothing.

`python -m tests.contract_machines.mutants` compiles each mutant, runs its machine until it fails, prints the table,
and writes it to docs/security/mutants.md. The last line is one JSON object; the exit status is 1 when one survived. A
run that was interrupted goes on: what was caught is kept in .build, while contracts and machines stay as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from hypothesis.errors import HypothesisException

from tests.contract_machines import misreadings
from tests.contract_machines.compiler import CACHE, ROOT, Sources, compiled
from tests.contract_machines.misreadings import MUTANTS, Mutant
from tests.contract_machines.running import MACHINES, prepared, run
from tests.contract_machines.world import CONTRACTS

TABLE = ROOT / "docs" / "security" / "mutants.md"

EXAMPLES = 400
STEPS = 80


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: the machine's finding, or None if it survived, after so many steps."""

    misreading: str
    machine: str
    finding: str | None
    steps: int
    seconds: float


def try_mutant(mutant: Mutant, examples: int = EXAMPLES) -> Verdict:
    """Run a mutant's machine until it fails."""
    start = time.monotonic()
    whole = compiled(Sources.of_repository(), CONTRACTS)
    artifacts = whole | compiled(mutant.sources(), [mutant.contract])
    finding, steps = None, 0
    try:
        with prepared(mutant.machine, artifacts) as (machine, world):
            before = world.acts
            try:
                run(machine, examples=examples, steps=STEPS, shrinks=False)
            except (AssertionError, HypothesisException) as error:
                finding = str(error).split("\n", 1)[0]
            steps = world.acts - before
    except AssertionError as error:
        finding = str(error).split("\n", 1)[0]  # already while the family was registered
    return Verdict(mutant.misreading, mutant.machine, finding, steps, time.monotonic() - start)


def verdict_on(mutant: Mutant) -> Verdict:
    """What became of a mutant, in an earlier run if it was caught there, or else in this one."""
    kept = CACHE / "verdicts" / f"{_key(mutant)}.json"
    if kept.exists():
        return Verdict(**json.loads(kept.read_text()))
    verdict = try_mutant(mutant)
    if verdict.finding is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(asdict(verdict)))
    return verdict


def _key(mutant: Mutant) -> str:
    """Stands for all that a verdict hangs on: the mutant's sources, its machine's code and the effort."""
    others = {Path(__file__).parent / "machines" / f"{name}.py" for name in MACHINES if name != mutant.machine}
    digest = hashlib.sha256(f"{mutant.sources().digest} {mutant.machine} {EXAMPLES} {STEPS}".encode())
    no_part = {Path(__file__), Path(misreadings.__file__), *others}
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        if not file.name.startswith("test_") and file not in no_part:
            digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:24]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="mutants whose misreading holds this")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if not options.only or options.only in mutant.misreading]
    compiled(Sources.of_repository(), CONTRACTS)
    verdicts = []
    with ProcessPoolExecutor(options.processes) as pool:
        for verdict in pool.map(verdict_on, chosen):
            verdicts.append(verdict)
            print(row(verdict), flush=True)
    survivors = sum(verdict.finding is None for verdict in verdicts)
    if len(chosen) == len(MUTANTS):
        TABLE.write_text(table(verdicts))
    print(json.dumps({"mutants": len(chosen), "caught": len(chosen) - survivors, "survived": survivors}))
    sys.exit(1 if survivors else 0)


def table(verdicts: Sequence[Verdict]) -> str:
    """What is committed: without steps and words of findings, which differ from run to run."""
    lines = [
        "# The mutants",
        "",
        "Written by `make mutants`; do not edit. The contracts with one rule broken at a time, and the state machine",
        "that has to notice it on a real chain.",
        "",
        "| broken rule | machine | |",
        "|---|---|---|",
    ]
    for verdict in verdicts:
        lines.append(
            f"| {verdict.misreading} | {verdict.machine} | {'SURVIVED' if verdict.finding is None else 'caught'} |"
        )
    return "\n".join(lines) + "\n"


def row(verdict: Verdict) -> str:
    """A line of the table that is printed."""
    finding = "SURVIVED" if verdict.finding is None else _shortened(verdict.finding)
    return f"{verdict.misreading:62} {verdict.machine:9} {verdict.steps:6} steps {verdict.seconds:5.0f} s  {finding}"


def _shortened(finding: str, width: int = 110) -> str:
    return finding if len(finding) <= width else f"{finding[: width // 2]} … {finding[-width // 2 :]}"


if __name__ == "__main__":
    main()
