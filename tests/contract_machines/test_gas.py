"""Gas: the bounds that were promised, the committed snapshot, and what the largest allowed calls cost."""

import json

import pytest

from benchmarks.gas import BOUNDS, SNAPSHOT, measure
from tests.contract_machines.compiler import Artifact

RISE_ALLOWED_PPM = 10_000


@pytest.fixture(scope="module")
def figures(artifacts: dict[str, Artifact]) -> dict[str, int]:
    return measure(artifacts)


@pytest.mark.parametrize("key", BOUNDS)
def test_gas_is_within_its_bound(figures: dict[str, int], key: str) -> None:
    assert figures[key] <= BOUNDS[key]


@pytest.mark.parametrize("key", BOUNDS)
def test_gas_has_not_risen(figures: dict[str, int], key: str) -> None:
    accepted = json.loads(SNAPSHOT.read_text())[key]
    risen = figures[key] * 1_000_000 > accepted * (1_000_000 + RISE_ALLOWED_PPM)
    assert not risen, (
        f"{key} costs {figures[key]:,} gas, more than 1 % above the {accepted:,} of {SNAPSHOT.name}. "
        f"If that is meant, accept it by `make bench-gas ACCEPT=1` and commit the file."
    )
