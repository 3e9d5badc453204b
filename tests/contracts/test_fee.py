"""The protocol fee: raised slowly, lowered at once, never above five percent."""

import pytest
from market import PRICE
from reverting import reverts, simulate

CAP = 50_000


def test_is_nothing_at_first(manager):
    assert manager.feePpm() == 0


class TestRaise:
    def test_by_the_timelock(self, manager, set_fee):
        set_fee(CAP)
        assert manager.feePpm() == CAP

    def test_is_told(self, manager, roles, chain, admin):
        from timelock import carry_out, order

        receipt = carry_out(chain, order(roles, manager.setFee, 10_000), admin)
        assert manager.FeeChanged(10_000) in receipt.events

    @pytest.mark.parametrize("who", ["guardian", "admin", "stranger"])
    def test_by_nobody_at_once(self, manager, request, who):
        caller = request.getfixturevalue(who)
        error = "FeeNotLower" if who == "guardian" else "NotGuardian"
        with reverts(error):
            simulate(manager.setFee, 1, sender=caller)

    def test_above_five_percent_by_nobody(self, manager, guardian):
        with reverts("FeeTooHigh", feePpm=CAP + 1, cap=CAP):
            simulate(manager.setFee, CAP + 1, sender=guardian)


class TestLower:
    def test_by_the_guardian_at_once(self, manager, set_fee, guardian):
        set_fee(20_000)
        receipt = manager.setFee(19_999, sender=guardian)
        assert list(receipt.events) == [manager.FeeChanged(19_999)]
        assert manager.feePpm() == 19_999

    def test_not_back_up(self, manager, set_fee, guardian):
        set_fee(20_000)
        manager.setFee(1, sender=guardian)
        for fee in (1, 2, 20_000):
            with reverts("FeeNotLower", feePpm=fee, current=1):
                simulate(manager.setFee, fee, sender=guardian)

    @pytest.mark.parametrize("who", ["admin", "stranger", "arbiter", "attestor"])
    def test_by_nobody_else(self, manager, set_fee, request, who):
        set_fee(20_000)
        caller = request.getfixturevalue(who)
        with reverts("NotGuardian", caller=caller.address):
            simulate(manager.setFee, 0, sender=caller)


class TestAtListPrice:
    def test_is_the_sellers_and_not_the_buyers(self, manager, market, splitter, usdc, terms_id, set_fee, buyer):
        market.attach(terms_id)
        set_fee(CAP)
        before = usdc.balanceOf(buyer)
        manager.buy(*market.at_list_price(terms_id), sender=buyer)
        assert before - usdc.balanceOf(buyer) == PRICE
        assert splitter.accountOf(market.work, usdc).received == PRICE * 95 // 100
        assert tuple(splitter.feesOf(usdc)) == (PRICE * 5 // 100, 0)

    def test_of_one_unit_rounds_down_to_nothing(self, manager, market, splitter, usdc, terms_id, set_fee, buyer):
        market.attach(terms_id, 1)
        set_fee(CAP)
        manager.buy(*market.at_list_price(terms_id), sender=buyer)
        assert splitter.accountOf(market.work, usdc).received == 1
        assert tuple(splitter.feesOf(usdc)) == (0, 0)
