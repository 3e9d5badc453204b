"""Gas: the bounds that were promised, and the committed snapshot, above which nothing may rise by more than 1 %."""

import json

import pytest

from benchmarks.gas import BOUNDS, SNAPSHOT, measure
from tests.contract_machines.compiler import Artifact

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
