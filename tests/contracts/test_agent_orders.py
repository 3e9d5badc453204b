"""An agent's signed orders: anyone may send one, once, and nobody can make it buy anything else."""

from dataclasses import astuple, replace

import pytest
from commits import digest
from market import DOLLAR, ONE_DAY, PRICE
from reverting import reverts, simulate
from sessions import PER_LICENSE

from stemma.chain.sessions import AgentOrder, Session


@pytest.fixture(scope="module", autouse=True)
def session(budget, usdc, vault, buyer) -> Session:
    """An open session, and its owner's dollars in the vault."""
    vault.deposit(buyer, usdc, 100 * DOLLAR, sender=buyer)
    session = budget.session()
    budget.open(session)
    return session


@pytest.fixture
def arguments(budget, market, terms_id, session) -> tuple:
    """What buyWithOrder takes, valid."""
    return budget.by_order(session, *market.by_offer(market.offer(terms_id)))


class TestOrder:
    def test_buys_for_the_owner(self, vault, market, licenses, arguments, relayer, buyer):
        license_id = vault.buyWithOrder.call(*arguments, sender=relayer)
        receipt = vault.buyWithOrder(*arguments, sender=relayer)
        assert licenses.ownerOf(license_id) == buyer
        (purchased,) = receipt.decode_logs(vault.SessionPurchased)
        assert (purchased.licenseId, purchased.price) == (license_id, PRICE)

    def test_at_list_price(self, vault, budget, market, terms_id, session, relayer):
        market.attach(terms_id)
        simulate(vault.buyWithOrder, *budget.by_order(session, *market.at_list_price(terms_id)), sender=relayer)

    def test_of_an_agent_that_is_a_contract(self, vault, budget, market, terms_id, session, wallet, creator, relayer):
        other = replace(session, agent=wallet.address)
        budget.open(other)
        purchase, offer, limit = market.by_offer(market.offer(terms_id))
        order = budget.order(other, purchase, limit)
        signature = budget.sign_order(order, by=creator)
        simulate(vault.buyWithOrder, astuple(other), astuple(order), signature, offer, sender=relayer)

    def test_for_less_than_it_allows(self, vault, budget, market, terms_id, session, relayer):
        basket = market.by_offer(market.offer(terms_id), max_price=3 * PRICE)
        receipt = vault.buyWithOrder(*budget.by_order(session, *basket), sender=relayer)
        (purchased,) = receipt.decode_logs(vault.SessionPurchased)
        assert purchased.spent == PRICE

    def test_until_its_last_second(self, vault, budget, market, terms_id, session, relayer):
        offer = market.offer(terms_id, valid_until=market.now + 2 * ONE_DAY)
        deadline = market.now + ONE_DAY
        arguments = budget.by_order(session, *market.by_offer(offer), deadline=deadline)
        market.chain.mine(timestamp=deadline)
        simulate(vault.buyWithOrder, *arguments, sender=relayer)
        market.pass_time(1)
        with reverts("DeadlinePassed", deadline=deadline, time=deadline + 1):
            simulate(vault.buyWithOrder, *arguments, sender=relayer)


class TestHostileSender:
    def test_sends_it_twice(self, vault, market, arguments, stranger):
        vault.buyWithOrder(*arguments, sender=stranger)
        with reverts("OfferUsedUp"):
            simulate(vault.buyWithOrder, *arguments, sender=stranger)

    def test_sends_it_twice_by_an_offer_of_many_uses(self, vault, budget, market, terms_id, session, stranger):
        basket = market.by_offer(market.offer(terms_id, uses=9))
        arguments = budget.by_order(session, *basket)
        vault.buyWithOrder(*arguments, sender=stranger)
        with reverts("LicenseExists", licenseId=market.license_of(basket[0])):
            simulate(vault.buyWithOrder, *arguments, sender=stranger)

    def test_sends_it_after_the_agent_bought_the_same(self, vault, budget, market, terms_id, session, stranger):
        basket = market.by_offer(market.offer(terms_id, uses=9))
        vault.buy(astuple(session), *basket, sender=budget.agent)
        with reverts("LicenseExists"):
            simulate(vault.buyWithOrder, *budget.by_order(session, *basket), sender=stranger)

    @pytest.mark.parametrize(
        "change",
        [
            {"max_price": 2 * PRICE},
            {"deadline": 2**40},
            {"purchase.basis": digest("other")},
            {"purchase.work": 1},
            {"purchase.coverage": 1},
            {"purchase.version": 1},
            {"purchase.salt": 9},
            {"purchase.licensee": "0x" + "66" * 20},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_changes_it(self, vault, budget, market, terms_id, session, stranger, change):
        purchase, offer, limit = market.by_offer(market.offer(terms_id))
        order = budget.order(session, purchase, limit)
        (field, value), *_ = change.items()
        if field.startswith("purchase."):
            value = replace(order.purchase, **{field.removeprefix("purchase."): value})
        changed: AgentOrder = replace(order, **{field.split(".")[0]: value})
        with reverts("InvalidSignature", account=budget.agent.address):
            signature = budget.sign_order(order)
            simulate(vault.buyWithOrder, astuple(session), astuple(changed), signature, offer, sender=stranger)

    def test_uses_it_in_another_session(self, vault, budget, market, terms_id, session, stranger):
        """Of the same owner and agent, with other caps."""
        other = replace(session, salt=1, cap=2**96 - 1)
        budget.open(other)
        _, order, signature, offer = budget.by_order(session, *market.by_offer(market.offer(terms_id)))
        with reverts("WrongSession", given=budget.id(other), ordered=budget.id(session)):
            simulate(vault.buyWithOrder, astuple(other), order, signature, offer, sender=stranger)

    def test_brings_another_offer(self, vault, budget, market, terms_id, session, arguments, stranger):
        dearer = market.offer(terms_id, price=PER_LICENSE, nonce=2)
        with reverts("PriceTooHigh", price=PER_LICENSE, maxPrice=PRICE):
            simulate(vault.buyWithOrder, *arguments[:3], market.sign(dearer), sender=stranger)
        same_price = market.offer(terms_id, nonce=2)
        with reverts("WrongBasis", expected=market.basis(same_price)):
            simulate(vault.buyWithOrder, *arguments[:3], market.sign(same_price), sender=stranger)

    def test_waits_for_a_higher_price(self, vault, budget, market, terms_id, session, stranger):
        market.attach(terms_id)
        arguments = budget.by_order(session, *market.at_list_price(terms_id))
        market.attach(terms_id, PRICE + 1)
        with reverts("PriceTooHigh", price=PRICE + 1, maxPrice=PRICE):
            simulate(vault.buyWithOrder, *arguments, sender=stranger)

    def test_signs_it_itself(self, vault, budget, market, terms_id, session, stranger):
        purchase, offer, limit = market.by_offer(market.offer(terms_id))
        order = budget.order(session, purchase, limit)
        with reverts("InvalidSignature", account=budget.agent.address):
            signature = budget.sign_order(order, by=stranger)
            simulate(vault.buyWithOrder, astuple(session), astuple(order), signature, offer, sender=stranger)

    def test_lets_the_owner_sign(self, vault, budget, market, terms_id, session, stranger, buyer):
        """Even the owner's signature is no agent's."""
        purchase, offer, limit = market.by_offer(market.offer(terms_id))
        order = budget.order(session, purchase, limit)
        with reverts("InvalidSignature", account=budget.agent.address):
            signature = budget.sign_order(order, by=buyer)
            simulate(vault.buyWithOrder, astuple(session), astuple(order), signature, offer, sender=stranger)

    def test_sends_it_after_the_session_closed(self, vault, session, arguments, stranger, buyer):
        vault.close(astuple(session), sender=buyer)
        with reverts("SessionIsClosed"):
            simulate(vault.buyWithOrder, *arguments, sender=stranger)

    def test_lets_it_exceed_the_caps(self, vault, budget, market, terms_id, session, stranger):
        basket = market.by_offer(market.offer(terms_id, price=PER_LICENSE + 1))
        with reverts("OverLicenseCap", price=PER_LICENSE + 1, cap=PER_LICENSE):
            simulate(vault.buyWithOrder, *budget.by_order(session, *basket), sender=stranger)
