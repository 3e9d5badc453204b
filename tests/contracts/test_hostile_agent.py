"""A hostile agent: every cap holds, counted in the gross price, and money leaves for nothing but licenses."""

from dataclasses import astuple, replace

import pytest
from market import PRICE
from reverting import reverts, simulate
from sessions import CAP, FUNDS, PER_LICENSE, PER_PERIOD, PERIOD

from stemma.chain.licensing import NATIVE, LicenseKind
from stemma.chain.sessions import kinds_mask

pytestmark = pytest.mark.usefixtures("session")


class TestHostileAgent:
    """With a seller that is its friend it can waste the caps, and no more."""

    def test_buys_for_itself(self, budget, session, can_spend, buyer):
        with reverts("NotForOwner", licensee=budget.agent.address, owner=buyer.address):
            can_spend(session, licensee=budget.agent.address)

    def test_exceeds_the_cap_of_a_license(self, session, can_spend):
        can_spend(session, PER_LICENSE)
        with reverts("OverLicenseCap", price=PER_LICENSE + 1, cap=PER_LICENSE):
            can_spend(session, PER_LICENSE + 1)

    def test_exceeds_the_cap_of_a_window(self, market, session, spend, can_spend):
        market.chain.mine(timestamp=(market.now // PERIOD + 1) * PERIOD)
        spend(session, PER_LICENSE)
        left = PER_PERIOD - PER_LICENSE
        can_spend(session, left)
        with reverts("OverPeriodCap", windowSpent=PER_PERIOD + 1, cap=PER_PERIOD):
            can_spend(session, left + 1)

    def test_waits_for_the_next_window(self, vault, budget, market, session, spend, can_spend):
        """Windows begin at multiples of the period, so around a boundary twice a period's cap may fall, and the total
        cap still holds."""
        boundary = (market.now // PERIOD + 2) * PERIOD  # the next one may be less than a minute away
        market.chain.mine(timestamp=boundary - 60)
        spend(session, PER_LICENSE)
        spend(session, PER_PERIOD - PER_LICENSE)
        market.chain.mine(timestamp=boundary - 1)
        with reverts("OverPeriodCap"):
            can_spend(session, 1)
        market.chain.mine(timestamp=boundary)
        spend(session, PER_LICENSE)
        state = vault.stateOf(budget.id(session))
        assert (state.window, state.windowSpent) == (boundary // PERIOD, PER_LICENSE)
        assert state.spent == PER_PERIOD + PER_LICENSE == CAP
        with reverts("OverSessionCap", spent=CAP + 1, cap=CAP):
            can_spend(session, 1)

    def test_exceeds_the_total_cap(self, budget, spend, can_spend):
        session = budget.session(period=0, per_period_cap=0)
        budget.open(session)
        spend(session, PER_LICENSE)
        spend(session, PER_LICENSE)
        left = CAP - 2 * PER_LICENSE
        can_spend(session, left)
        with reverts("OverSessionCap", spent=CAP + 1, cap=CAP):
            can_spend(session, left + 1)

    def test_counts_no_windows_where_there_are_none(self, vault, budget, spend):
        session = budget.session(period=0, per_period_cap=0)
        budget.open(session)
        spend(session, PER_LICENSE)
        assert tuple(vault.stateOf(budget.id(session))) == (True, False, PER_LICENSE, 0, 0)

    def test_overflows_a_cap(self, budget, vault, usdc, buyer, can_spend):
        """The highest caps there can be, and the highest price."""
        top = 2**128 - 1
        session = budget.session(cap=2**96 - 1, per_license_cap=top, per_period_cap=top)
        budget.open(session)
        with reverts("OverSessionCap", spent=top, cap=2**96 - 1):
            can_spend(session, top)
        with reverts("OverBalance", price=2**96 - 1, balance=FUNDS):
            can_spend(session, 2**96 - 1)

    @pytest.mark.parametrize("kind", [LicenseKind.REMIX, LicenseKind.SYNC, LicenseKind.COMMERCIAL])
    def test_buys_another_kind(self, market, session, can_spend, kind):
        with reverts("KindNotAllowed", kind=kind, kinds=0b11):
            can_spend(session, terms=market.publish(kind))

    def test_buys_every_kind_it_may(self, budget, market, can_spend):
        session = budget.session(kinds=kinds_mask(LicenseKind))
        budget.open(session)
        for kind in LicenseKind:
            can_spend(session, terms=market.publish(kind))

    def test_pays_in_another_token(self, vault, market, usdc, session, buyer, can_spend):
        vault.deposit(buyer, NATIVE, FUNDS, value=FUNDS, sender=buyer)
        with reverts("WrongToken", token=NATIVE, expected=usdc.address):
            can_spend(session, terms=market.publish(token=NATIVE))

    def test_widens_its_session(self, budget, session, can_spend):
        """The session comes with every call; whatever is changed in it makes it one that nobody opened."""
        for change in ({"cap": 2**96 - 1}, {"kinds": 0b11111}, {"expiry": 2**40}, {"salt": 1}):
            wider = replace(session, **change)
            with reverts("UnknownSession", sessionId=budget.id(wider)):
                can_spend(wider)

    def test_uses_a_session_of_another_owner(self, budget, session, stranger, can_spend):
        other = replace(session, owner=stranger.address)
        with reverts("UnknownSession", sessionId=budget.id(other)):
            can_spend(other, licensee=stranger.address)

    def test_buys_after_the_owner_took_the_money_back(self, vault, usdc, session, can_spend, buyer):
        vault.withdraw(usdc, FUNDS, buyer, sender=buyer)
        with reverts("OverBalance", price=PRICE, balance=0):
            can_spend(session)

    def test_lets_a_seller_raise_the_list_price(self, vault, budget, market, terms_id, session):
        """Whatever stands there when it buys is counted."""
        market.attach(terms_id, PER_LICENSE + 1)
        basket = market.at_list_price(terms_id, max_price=2**128 - 1)
        with reverts("OverLicenseCap", price=PER_LICENSE + 1):
            simulate(vault.buy, astuple(session), *basket, sender=budget.agent)

    def test_buys_a_stale_list_price(self, vault, budget, market, terms_id, session, stranger):
        market.attach(terms_id)
        market.mint(market.work, to=stranger)
        with reverts("StaleTitle"):
            simulate(vault.buy, astuple(session), *market.at_list_price(terms_id), sender=budget.agent)

    def test_buys_by_a_forged_offer(self, vault, budget, market, terms_id, session):
        offer = market.offer(terms_id)
        basket = market.by_offer(offer, signed=market.sign(offer, by=budget.agent, signer=market.seller.address))
        with reverts("InvalidSignature", account=market.seller.address):
            simulate(vault.buy, astuple(session), *basket, sender=budget.agent)
