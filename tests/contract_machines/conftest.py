"""The contracts, compiled once."""

import pytest

from tests.contract_machines.compiler import Artifact, Sources, compiled
from tests.contract_machines.world import CONTRACTS


@pytest.fixture(scope="session")
def artifacts() -> dict[str, Artifact]:
    return compiled(Sources.of_repository(), CONTRACTS)
