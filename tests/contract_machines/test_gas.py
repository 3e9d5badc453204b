"""Gas: the bounds that were promised, and the committed snapshot, above which nothing may rise by more than 1 %."""

import json

import pytest

from benchmarks.gas import BOUNDS, DOLLAR, SNAPSHOT, TITLE, Scene, measure
from tests.contract_machines.compiler import Artifact
from tests.contract_machines.reference.messages import Claim
from tests.contract_machines.reference.words import table_proof
from tests.contract_machines.scenery import Scenery, build_family
from tests.contract_machines.world import running_world

RISE_ALLOWED_PPM = 10_000


@pytest.fixture(scope="module")
def figures(artifacts: dict[str, Artifact]) -> dict[str, int]:
    return measure(artifacts)


@pytest.fixture(scope="module")
def accepted() -> dict[str, int]:
    content: dict[str, int] = json.loads(SNAPSHOT.read_text())
    return content


def test_every_act_is_measured_and_in_the_snapshot(figures: dict[str, int], accepted: dict[str, int]) -> None:
    assert list(figures) == list(accepted) == list(BOUNDS)


@pytest.mark.parametrize("key", BOUNDS)
def test_gas_is_within_its_bound(figures: dict[str, int], key: str) -> None:
    assert 0 < figures[key] <= BOUNDS[key]


@pytest.mark.parametrize("key", BOUNDS)
def test_gas_has_not_risen(figures: dict[str, int], accepted: dict[str, int], key: str) -> None:
    risen = figures[key] * 1_000_000 > accepted[key] * (1_000_000 + RISE_ALLOWED_PPM)
    assert not risen, (
        f"{key} costs {figures[key]:,} gas, more than 1 % above the {accepted[key]:,} of {SNAPSHOT.name}. "
        f"If that is meant, accept it by `make bench-gas ACCEPT=1` and commit the file."
    )


class TestAtTheLimits:
    """Sixteen parents, 128 ancestors, all seven works at once, with real licenses; a transaction may have 2^24 gas."""

    @pytest.fixture(scope="class")
    def largest(self, artifacts: dict[str, Artifact]) -> dict[str, int]:
        with running_world(artifacts) as world:
            scenery = Scenery(world)
            scene = Scene(world, scenery, build_family(scenery))
            crown = scene.works_with_ancestors(128)
            world.chain.node.drain()
            registering = world.gas
            table = dict(world.house.registry.full_tables[crown])
            assert len(table) == 128
            assert list(world.house.state.remixes.values()).count(crown) == 16
            works = [crown | kind for kind in range(7)]
            for work in works:
                world.must("RoyaltySplitter", "pay", scene.buyer, work, scene.usdc, 10_000 * DOLLAR, 1)
            claims = [Claim(crown, ancestor, ppm, table_proof(table, ancestor)) for ancestor, ppm in table.items()]
            return {
                "registerAndCommit": registering,
                "claimMany": world.measure("RoyaltySplitter", "claimMany", scene.relayer, claims, scene.usdc),
                "settleMany": world.measure("RoyaltySplitter", "settleMany", scene.relayer, works, scene.usdc),
                "withdrawMany": world.measure(
                    "RoyaltySplitter", "withdrawMany", scene.creator, crown, 127, scene.usdc, TITLE, scene.creator
                ),
            }

    @pytest.mark.parametrize(
        ("call", "ceiling"),
        [
            ("registerAndCommit", 1_375_000),
            ("claimMany", 7_580_000),
            ("settleMany", 262_000),
            ("withdrawMany", 163_000),
        ],
    )
    def test_ceiling(self, largest: dict[str, int], call: str, ceiling: int) -> None:
        assert largest[call] <= ceiling < 2**24
