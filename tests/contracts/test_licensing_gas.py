"""Gas and code size of licenses and budgets: ceilings a little above what was measured.

All in the steady state: accounts, work and terms have been used before; the license is new, and so is an offer's
nonce, which costs 17,100 more when it is the first of its eight.
"""

from dataclasses import astuple, replace

import pytest
from market import DOLLAR, PRICE

from stemma.chain.licensing import LicenseKind
from stemma.chain.sessions import Session

EIP_170_BYTES = 24_576
NEXT, FIRST_OF_EIGHT = 101, 2**200


@pytest.mark.parametrize(
    ("contract", "ceiling"), [("LicenseManager", 21_500), ("Licenses", 10_300), ("SessionVault", 12_200)]
)
def test_code_size(project, contract, ceiling):
    size = len(getattr(project, contract).contract_type.runtime_bytecode.to_bytes())
    assert size <= ceiling < EIP_170_BYTES


@pytest.fixture
def used_terms(manager, market, buyer) -> bytes:
    """Terms under which the buyer holds a license of the song."""
    terms_id = market.publish()
    manager.buy(*market.by_offer(market.offer(terms_id, nonce=100)), sender=buyer)
    market.attach(terms_id)
    return terms_id


@pytest.mark.parametrize(("nonce", "ceiling"), [(NEXT, 227_500), (FIRST_OF_EIGHT, 245_000)])
def test_grant_with_offer(manager, market, used_terms, buyer, nonce, ceiling):
    receipt = manager.buy(*market.by_offer(market.offer(used_terms, nonce=nonce)), sender=buyer)
    assert receipt.gas_used <= ceiling


def test_grant_with_offer_of_a_remix_license(manager, market, used_terms, buyer):
    """It keeps its share for the remix, which saves the remix that word."""
    remix_terms = market.publish(LicenseKind.REMIX, remix_ppm=50_000)
    manager.buy(*market.by_offer(market.offer(remix_terms, nonce=NEXT)), sender=buyer)
    offer = market.offer(remix_terms, nonce=NEXT + 1)
    assert manager.buy(*market.by_offer(offer, salt=2), sender=buyer).gas_used <= 258_000


def test_buy_at_list_price(manager, market, used_terms, buyer):
    assert manager.buy(*market.at_list_price(used_terms), sender=buyer).gas_used <= 201_500


def test_buy_with_authorization(manager, market, used_terms, relayer):
    purchase, offer, _ = market.by_offer(market.offer(used_terms, nonce=NEXT))
    receipt = manager.buyWithAuthorization(purchase, offer, *market.authorize(purchase, PRICE), sender=relayer)
    assert receipt.gas_used <= 260_000


def test_grant_many(manager, market, used_terms, accounts, creator):
    receipt = manager.grantMany(market.work, used_terms, accounts[:8], 5, sender=creator)
    assert receipt.gas_used / 8 <= 115_000


class TestSession:
    @pytest.fixture
    def session(self, budget, market, usdc, vault, buyer, used_terms) -> Session:
        """A session that has bought before."""
        vault.deposit(buyer, usdc, 1000 * DOLLAR, sender=buyer)
        session = budget.session(cap=500 * DOLLAR, per_period_cap=100 * DOLLAR)
        budget.open(session)
        first = market.by_offer(market.offer(used_terms, nonce=100, uses=2), salt=102)
        vault.buyWithOrder(*budget.by_order(session, *first), sender=buyer)
        return session

    @pytest.mark.parametrize(("nonce", "ceiling"), [(NEXT, 271_000), (FIRST_OF_EIGHT, 288_000)])
    def test_purchase_by_order_and_offer(self, budget, market, vault, used_terms, session, relayer, nonce, ceiling):
        basket = market.by_offer(market.offer(used_terms, nonce=nonce), salt=103)
        assert vault.buyWithOrder(*budget.by_order(session, *basket), sender=relayer).gas_used <= ceiling

    def test_purchase_by_order_at_list_price(self, budget, market, vault, used_terms, session, relayer):
        arguments = budget.by_order(session, *market.at_list_price(used_terms))
        assert vault.buyWithOrder(*arguments, sender=relayer).gas_used <= 246_000

    def test_purchase_by_the_agent_at_list_price(self, budget, market, vault, used_terms, session):
        receipt = vault.buy(astuple(session), *market.at_list_price(used_terms), sender=budget.agent)
        assert receipt.gas_used <= 240_000

    def test_open_by_signature(self, budget, vault, session, relayer):
        another = replace(session, salt=9)
        assert vault.open(astuple(another), budget.sign(another), sender=relayer).gas_used <= 70_000
