"""Runs the machines until so many steps are done in all: `python -m tests.contract_machines.soak --steps 1000000`.

A step is one transaction, or one call that the rules forbid, on a real chain. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor

from tests.contract_machines.compiler import Sources, compiled
from tests.contract_machines.running import MACHINES, prepared, run
from tests.contract_machines.world import CONTRACTS

EXAMPLES_AT_ONCE = 40
STEPS_OF_AN_EXAMPLE = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--machine", choices=MACHINES, action="append", help="only this one; may be given again")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    names = options.machine or list(MACHINES)
    compiled(Sources.of_repository(), CONTRACTS)  # once, before the processes want it
    start = time.monotonic()
    with ProcessPoolExecutor(options.processes) as pool:
        shares = [options.steps // len(names)] * len(names)
        done = dict(zip(names, pool.map(soak, names, shares), strict=True))
    report(done, time.monotonic() - start)


def soak(name: str, steps: int) -> int:
    """How many steps a machine has done, at least ``steps``. Raises AssertionError for what it found."""
    artifacts = compiled(Sources.of_repository(), CONTRACTS)
    with prepared(name, artifacts) as (machine, world):
        before = world.acts
        while world.acts - before < steps:
            run(machine, examples=EXAMPLES_AT_ONCE, steps=STEPS_OF_AN_EXAMPLE)
            print(f"{name}: {world.acts - before:,} steps", flush=True)
        return world.acts - before


def report(done: dict[str, int], seconds: float) -> None:
    """What was done, for people and, in the last line, for programs."""
    total = sum(done.values())
    print(f"{total:,} steps in {seconds:,.0f} s, and nothing found")
    print(json.dumps({"steps": total, "seconds": round(seconds), **dict(sorted(done.items()))}))


if __name__ == "__main__":
    main()
