"""Ceilings of gas on the money's way, a little above what was measured: whoever raises one does it knowingly.

Steady state: the slots that a step writes are written before. All checks are on, and the token is the test dollar.
"""

import pytest
from commits import song
from licensed_family import works_of
from market import DOLLAR

from stemma.chain.licensing import NATIVE
from stemma.chain.royalties import MAX_ANCESTORS, MAX_PARENTS
from stemma.chain.withdrawals import TITLE_SLOT


@pytest.fixture(scope="module")
def titled(chain, domain, registry, ipnft, creator, attestor, relayer):
    """A song with a title."""
    made = song("a song with a title", domain=domain, creator=creator, attestor=attestor, now=chain.pending_timestamp)
    registry.registerAndCommit(*made.arguments, sender=relayer)
    ipnft.mint(made.recording_id, creator, *made.title, sender=creator)
    return made.recording_id


@pytest.fixture(scope="module")
def descendant(family):
    """A remix with as many ancestors as there can be, in as few generations as there can be."""
    remix = family.track("the first of many")
    for generation in range(MAX_ANCESTORS // MAX_PARENTS):
        fresh = [family.track(f"{side} of generation {generation}") for side in ("left", "right")]
        works = [work for recording in (remix, *fresh) for work in works_of(recording)][:MAX_PARENTS]
        remix = family.remix_of(f"generation {generation}", dict.fromkeys(works, 1000))
    assert len(family.tables[remix].entries) == MAX_ANCESTORS
    return remix


def test_pay(usdc, titled, bank):
    bank.pay(titled, usdc, DOLLAR)
    assert bank.pay(titled, usdc, DOLLAR).gas_used <= 62_500


def test_pay_in_native_coin(titled, bank):
    bank.pay(titled, NATIVE, DOLLAR)
    assert bank.pay(titled, NATIVE, DOLLAR).gas_used <= 43_000


def test_claim_out_of_the_largest_table(splitter, usdc, family, descendant, bank, stranger):
    claim = family.claim(descendant, family.tables[descendant].entries[5].work)
    bank.pay(descendant, usdc, DOLLAR)
    splitter.claim(*claim, usdc, sender=stranger)
    bank.pay(descendant, usdc, DOLLAR)
    assert splitter.claim(*claim, usdc, sender=stranger).gas_used <= 55_500


def test_settle(splitter, usdc, titled, bank, stranger):
    bank.income(titled, usdc, DOLLAR)
    bank.pay(titled, usdc, DOLLAR)
    assert splitter.settle(titled, usdc, sender=stranger).gas_used <= 45_000


def test_withdraw_by_the_title(splitter, usdc, titled, bank, creator, buyer):
    usdc.mint(buyer, 1, sender=buyer)
    bank.income(titled, usdc, DOLLAR)
    splitter.withdraw(titled, usdc, TITLE_SLOT, buyer, sender=creator)
    bank.income(titled, usdc, DOLLAR)
    assert splitter.withdraw(titled, usdc, TITLE_SLOT, buyer, sender=creator).gas_used <= 66_500


def test_withdraw_by_a_slot(splitter, usdc, family, bank, stranger, buyer):
    usdc.mint(buyer, 1, sender=buyer)
    track = family.split_track("a track with a slot", [(stranger, 1000)])
    bank.income(track, usdc, DOLLAR)
    splitter.withdraw(track, usdc, 0, buyer, sender=stranger)
    bank.income(track, usdc, DOLLAR)
    assert splitter.withdraw(track, usdc, 0, buyer, sender=stranger).gas_used <= 64_500
