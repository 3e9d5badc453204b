"""Every event of the contracts reaches a table, whatever it says."""

from indexer.projections import RAW_ONLY, STEMMA
from tests.indexer.scripted_chain import EVENTS


def test_every_event_of_the_contracts_is_projected_or_meant_to_stay_raw() -> None:
    projected = {(contract, event.__name__) for contract, event in STEMMA.by_event}
    assert not projected & set(RAW_ONLY)
    assert projected | set(RAW_ONLY) == set(EVENTS)
