"""Purchases by a session's agent: the license and the money's way, and what each of several sessions counts."""

from dataclasses import astuple, replace

import pytest
from market import ONE_DAY, PRICE
from reverting import reverts, simulate
from sessions import FUNDS, PER_LICENSE, PERIOD

from stemma.chain.licensing import NATIVE
from stemma.works import Kind

pytestmark = pytest.mark.usefixtures("session")


class TestPurchase:
    def test_license_money_and_event(self, vault, budget, market, licenses, splitter, usdc, terms_id, session, buyer):
        basket = market.by_offer(market.offer(terms_id))
        license_id = market.license_of(basket[0])
        assert vault.buy.call(astuple(session), *basket, sender=budget.agent) == license_id
        receipt = vault.buy(astuple(session), *basket, sender=budget.agent)
        assert licenses.ownerOf(license_id) == buyer
        assert splitter.accountOf(market.work, usdc).received == PRICE
        assert vault.balanceOf(buyer, usdc) == FUNDS - PRICE == usdc.balanceOf(vault)
        window = market.chain.blocks[receipt.block_number].timestamp // PERIOD
        (purchased,) = receipt.decode_logs(vault.SessionPurchased)
        expected = (budget.id(session), license_id, market.work, PRICE, PRICE, window, PRICE, FUNDS - PRICE)
        assert tuple(purchased.event_arguments.values()) == expected
        assert tuple(vault.stateOf(budget.id(session))) == (True, False, PRICE, window, PRICE)

    def test_at_list_price(self, vault, budget, market, licenses, terms_id, session, buyer):
        market.attach(terms_id)
        basket = market.at_list_price(terms_id)
        vault.buy(astuple(session), *basket, sender=budget.agent)
        assert licenses.ownerOf(market.license_of(basket[0])) == buyer

    def test_in_native_coin(self, vault, budget, market, licenses, splitter, buyer):
        session = budget.session(token=NATIVE)
        vault.open(astuple(session), b"", value=FUNDS, sender=buyer)
        native = market.publish(token=NATIVE)
        market.attach(native)
        for basket in (market.at_list_price(native), market.by_offer(market.offer(native), salt=2)):
            vault.buy(astuple(session), *basket, sender=budget.agent)
            assert licenses.ownerOf(market.license_of(basket[0])) == buyer
        assert splitter.accountOf(market.work, NATIVE).received == 2 * PRICE
        assert vault.balance == FUNDS - 2 * PRICE == vault.balanceOf(buyer, NATIVE)

    def test_for_nothing(self, vault, budget, session, spend):
        spend(session, 0)
        assert vault.stateOf(budget.id(session)).spent == 0

    def test_by_the_agent_only(self, budget, session, can_spend, buyer):
        with reverts("NotAgent", caller=buyer.address, agent=budget.agent.address):
            can_spend(session, caller=buyer)

    def test_of_another_agent(self, vault, budget, market, terms_id, session, stranger, can_spend):
        """A session that names the stranger is another session, and nobody opened it."""
        other = replace(session, agent=stranger.address)
        with reverts("UnknownSession", sessionId=budget.id(other)):
            can_spend(other, caller=stranger)

    def test_until_its_last_second(self, budget, market, terms_id, session, vault):
        offer = market.offer(terms_id, valid_from=session.expiry - ONE_DAY, valid_until=session.expiry + ONE_DAY)
        basket = market.by_offer(offer)
        market.chain.mine(timestamp=session.expiry)
        simulate(vault.buy, astuple(session), *basket, sender=budget.agent)
        market.pass_time(1)
        with reverts("SessionExpired", sessionId=budget.id(session), expiry=session.expiry):
            simulate(vault.buy, astuple(session), *basket, sender=budget.agent)

    def test_for_the_price_the_agent_named(self, session, can_spend):
        with reverts("PriceTooHigh", price=PRICE, maxPrice=PRICE - 1):
            can_spend(session, max_price=PRICE - 1)

    def test_with_the_fee_inside(self, vault, budget, market, splitter, usdc, set_fee, terms_id, session, spend):
        """Caps count what the owner pays."""
        set_fee(50_000)
        spend(session)
        assert vault.stateOf(budget.id(session)).spent == PRICE
        assert splitter.accountOf(market.work, usdc).received == PRICE * 95 // 100

    def test_refused_by_the_manager_changes_nothing(self, vault, budget, market, disputes, arbiter, session, can_spend):
        disputes.flag(market.work, market.now + ONE_DAY, b"\1" * 32, sender=arbiter)
        with reverts("RecordingFlagged"):
            can_spend(session)


class TestTwoSessions:
    def test_draw_on_one_balance_each_under_its_caps(self, vault, budget, usdc, session, spend, can_spend, buyer):
        other = replace(session, salt=1)
        budget.open(other)
        for each in (session, other):
            spend(each, PER_LICENSE)
        assert vault.balanceOf(buyer, usdc) == FUNDS - 2 * PER_LICENSE
        for each in (session, other):
            assert vault.stateOf(budget.id(each)).spent == PER_LICENSE

    def test_one_closed_leaves_the_other(self, vault, budget, session, can_spend, buyer):
        other = replace(session, salt=1)
        budget.open(other)
        vault.close(astuple(session), sender=buyer)
        can_spend(other)

    def test_of_a_stem(self, vault, budget, market, terms_id, session):
        basket = market.by_offer(market.offer(terms_id, work=market.work | Kind.VOCALS))
        simulate(vault.buy, astuple(session), *basket, sender=budget.agent)
