"""Which machines there are, and how one is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract_machines.compiler import Artifact
from tests.contract_machines.machines.ancestry import AncestryMachine
from tests.contract_machines.machines.disputes import DisputeMachine
from tests.contract_machines.machines.licenses import LicenseMachine
from tests.contract_machines.machines.machine import HouseMachine
from tests.contract_machines.machines.money import MoneyMachine
from tests.contract_machines.machines.sessions import SessionMachine
from tests.contract_machines.scenery import Scenery, build_family
from tests.contract_machines.world import World, running_world

MACHINES: dict[str, type[HouseMachine]] = {
    "money": MoneyMachine,
    "licenses": LicenseMachine,
    "sessions": SessionMachine,
    "disputes": DisputeMachine,
    "ancestry": AncestryMachine,
}


@contextmanager
def prepared(name: str, artifacts: Mapping[str, Artifact]) -> Iterator[tuple[type[HouseMachine], World]]:
    """A machine in a world of its own, ready for its examples."""
    with running_world(artifacts) as world:
        scenery = Scenery(world)
        family = build_family(scenery)
        splitter = world.house.ledger
        works = [recording | kind for recording in family.recordings for kind in range(7)]
        receivers = world.chain.read_many([(splitter.address, "receiverOf", (work,)) for work in works])
        splitter.receivers.update(zip(works, receivers, strict=True))
        base = MACHINES[name]
        machine = type(base.__name__, (base,), {"world": world, "scenery": scenery, "family": family})
        machine.prepare()
        world.check()
        yield machine, world


def run(machine: type[HouseMachine], *, examples: int, steps: int, shrinks: bool = True) -> None:
    """Run examples of at most so many steps. Raises whatever breaks, shrunk to the least steps that break it."""
    phases = [Phase.generate, Phase.shrink] if shrinks else [Phase.generate]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
