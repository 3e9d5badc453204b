"""Ceilings of gas on the money's way, a little above what was measured: whoever raises one does it knowingly.

Steady state: the slots that a step writes are written before. All checks are on, and the token is the test dollar.
"""

import pytest
from commits import song
from licensed_family import works_of
from market import DOLLAR
from money import REFERENCE, own_splitter
from remixes import Family

from stemma.chain.intents import SigningDomain
from stemma.chain.licensing import NATIVE
from stemma.chain.royalties import MAX_ANCESTORS, MAX_PARENTS, Entry
from stemma.chain.withdrawals import TITLE_SLOT


@pytest.fixture(scope="module")
def titled(chain, domain, registry, ipnft, creator, attestor, relayer):
    """A song with a title."""
    made = song("a song with a title", domain=domain, creator=creator, attestor=attestor, now=chain.pending_timestamp)
    registry.registerAndCommit(*made.arguments, sender=relayer)
    ipnft.mint(made.recording_id, creator, *made.title, sender=creator)
    return made.recording_id


@pytest.fixture(scope="module")
def deep_family(project, house, chain, admin, creator, attestor):
    """A registry of its own for which every license is there."""
    licenses = admin.deploy(project.GenerousLicenses)
    peers = (house["Roles"], house["IPNFT"], house["RoyaltySplitter"], licenses)
    registry = admin.deploy(project.StemRegistry, *peers)
    domain = SigningDomain(chain_id=chain.chain_id, registry=registry.address)
    return Family(registry, domain, creator, attestor, chain.pending_timestamp)


@pytest.fixture(scope="module")
def descendant(deep_family):
    """A remix with as many ancestors as there can be, in as few generations as there can be."""
    remix, ppm = deep_family.track("the first of many"), 1000
    for generation in range(MAX_ANCESTORS // MAX_PARENTS):
        fresh = [deep_family.track(f"{side} of generation {generation}") for side in ("left", "right")]
        works = [work for recording in (remix, *fresh) for work in works_of(recording)][:MAX_PARENTS]
        entries = [Entry(work, ppm) for work in sorted(works)]
        remix, _ = deep_family.remix(f"generation {generation}", entries, [ppm] * MAX_PARENTS)
    return remix


def test_pay(usdc, titled, bank):
    bank.pay(titled, usdc, DOLLAR)
    assert bank.pay(titled, usdc, DOLLAR).gas_used <= 62_000


def test_pay_in_native_coin(titled, bank):
    bank.pay(titled, NATIVE, DOLLAR)
    assert bank.pay(titled, NATIVE, DOLLAR).gas_used <= 43_000


def test_claim_out_of_the_largest_table(project, house, admin, payer, stranger, deep_family, descendant):
    usdc, registry = house.usdc, deep_family.registry
    splitter = own_splitter(project, house, admin, manager=admin, tokens=[usdc], registry=registry)
    usdc.approve(splitter, DOLLAR, sender=payer)
    table = deep_family.tables[descendant]
    assert len(table.entries) == MAX_ANCESTORS
    ancestor, ppm = table.entries[5]
    gas = []
    for _ in range(2):
        splitter.pay(descendant, usdc, 1000, REFERENCE, sender=payer)
        gas.append(splitter.claim(descendant, ancestor, ppm, table.proof(ancestor), usdc, sender=stranger).gas_used)
    assert gas[1] <= 55_500


def test_settle(splitter, usdc, titled, bank, stranger):
    bank.income(titled, usdc, DOLLAR)
    bank.pay(titled, usdc, DOLLAR)
    assert splitter.settle(titled, usdc, sender=stranger).gas_used <= 45_000


def test_withdraw_by_the_title(splitter, usdc, titled, bank, creator, buyer):
    for account in (buyer, splitter):
        usdc.mint(account, 1, sender=buyer)  # no balance becomes zero, nor was it
    bank.income(titled, usdc, DOLLAR)
    splitter.withdraw(titled, usdc, TITLE_SLOT, buyer, sender=creator)
    bank.income(titled, usdc, DOLLAR)
    assert splitter.withdraw(titled, usdc, TITLE_SLOT, buyer, sender=creator).gas_used <= 68_000


def test_withdraw_by_a_slot(splitter, usdc, family, bank, stranger, buyer):
    for account in (buyer, splitter):
        usdc.mint(account, 1, sender=buyer)
    track = family.split_track("a track with a slot", [(stranger, 1000)])
    bank.income(track, usdc, DOLLAR)
    splitter.withdraw(track, usdc, 0, buyer, sender=stranger)
    bank.income(track, usdc, DOLLAR)
    assert splitter.withdraw(track, usdc, 0, buyer, sender=stranger).gas_used <= 66_000
