"""The first half of the simulation's seeds."""

import pytest

from tests.indexer.simulation import TIMEOUT_SECONDS, seeds, simulate_all

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(TIMEOUT_SECONDS)]


async def test_the_index_equals_a_fresh_one_after_reorgs_faults_and_crashes(database) -> None:
    chosen = seeds(0)
    seen = await simulate_all(chosen, database)
    assert seen.reorgs > len(chosen) // 4, "the simulation hardly reorganizes: it proves nothing"
    assert seen.crashes > len(chosen), "the simulation hardly crashes: it proves nothing"
    assert seen.recordings > len(chosen)
