"""The contracts against a reference of design.md's rules, under random acts of everyone: a few hundred steps each.

`make soak-contracts` makes the same machines run for a million steps.
"""

import pytest

from tests.contract_machines.compiler import Artifact
from tests.contract_machines.running import MACHINES, prepared, run

EXAMPLES = 8
STEPS = 50


@pytest.mark.timeout(600)  # a busy machine takes its time
@pytest.mark.parametrize("name", MACHINES)
def test_the_chain_does_what_the_rules_say(name: str, artifacts: dict[str, Artifact]) -> None:
    with prepared(name, artifacts) as (machine, world):
        before = world.acts
        run(machine, examples=EXAMPLES, steps=STEPS)
        assert world.acts - before >= 200
