"""RoyaltySplitter.pay: `received` and liabilities grow by exactly what came, or nothing happens."""

import pytest
from commits import digest
from market import DOLLAR
from money import REFERENCE, events_of, own_splitter
from reverting import reverts, simulate, simulate_send

from stemma.chain.licensing import NATIVE
from stemma.works import Kind, recording_id, stem_id

MOST = 2**120 - 1


@pytest.fixture(scope="module")
def track(family):
    return family.track("a track that is paid")


@pytest.fixture(scope="module")
def vocals(track):
    return stem_id(track, Kind.VOCALS)


class TestToken:
    def test_grows_what_the_work_received(self, splitter, usdc, track, payer, bank):
        bank.pay(track, usdc, 5 * DOLLAR)
        receipt = bank.pay(track, usdc, 7 * DOLLAR)
        assert splitter.accountOf(track, usdc) == (12 * DOLLAR, 0, 0, 0)
        assert splitter.liabilitiesOf(usdc) == usdc.balanceOf(splitter) == 12 * DOLLAR
        assert splitter.surplusOf(usdc) == 0
        expected = {"workId": track, "token": usdc, "payer": payer, "amount": 7 * DOLLAR}
        assert events_of(receipt, splitter) == [
            splitter.Paid(**expected, received=12 * DOLLAR, paymentReference=REFERENCE)
        ]

    def test_each_work_has_its_own_account(self, splitter, usdc, track, vocals, bank):
        bank.pay(track, usdc, 1)
        bank.pay(vocals, usdc, 2)
        assert splitter.accountOf(track, usdc).received == 1
        assert splitter.accountOf(vocals, usdc).received == 2
        assert splitter.liabilitiesOf(usdc) == 3

    def test_each_token_has_its_own_account(self, splitter, usdc, track, bank):
        bank.pay(track, usdc, 3)
        bank.pay(track, NATIVE, 4)
        assert splitter.accountOf(track, usdc).received == 3
        assert splitter.accountOf(track, NATIVE).received == 4

    def test_nothing(self, splitter, usdc, track, payer):
        with reverts("ZeroAmount"):
            simulate(splitter.pay, track, usdc, 0, REFERENCE, sender=payer)

    def test_works_that_are_none(self, splitter, usdc, track, payer):
        for work in (0, track | 7, recording_id(digest("never registered"))):
            with reverts("UnknownWork", work=work):
                simulate(splitter.pay, work, usdc, 1, REFERENCE, sender=payer)

    def test_token_that_is_not_accepted(self, splitter, project, admin, track, payer):
        token = admin.deploy(project.PlainToken)
        with reverts("TokenNotAccepted", token=token.address):
            simulate(splitter.pay, track, token, 1, REFERENCE, sender=payer)

    def test_with_native_coin_along(self, splitter, usdc, track, payer):
        with reverts("WrongValue", given=1, expected=0):
            simulate(splitter.pay, track, usdc, 1, REFERENCE, sender=payer, value=1)

    def test_without_allowance(self, splitter, usdc, track, stranger):
        usdc.mint(stranger, 1, sender=stranger)
        with reverts("AllowanceTooLow", owner=stranger.address, allowed=0, needed=1):
            simulate(splitter.pay, track, usdc, 1, REFERENCE, sender=stranger)

    def test_without_the_money(self, splitter, usdc, track, stranger):
        usdc.approve(splitter, 1, sender=stranger)
        with reverts("BalanceTooLow", account=stranger.address, balance=0, needed=1):
            simulate(splitter.pay, track, usdc, 1, REFERENCE, sender=stranger)

    def test_more_than_the_ledger_can_hold(self, project, house, admin, track, payer):
        token = admin.deploy(project.PlainToken)
        splitter = own_splitter(project, house, admin, manager=admin, tokens=[token])
        token.mint(payer, 2**200, sender=payer)
        token.approve(splitter, 2**200, sender=payer)
        for amount in (MOST + 1, 2**128, 2**200):
            with reverts("AmountTooLarge", amount=amount):
                simulate(splitter.pay, track, token, amount, REFERENCE, sender=payer)
        splitter.pay(track, token, MOST, REFERENCE, sender=payer)
        splitter.settle(track, token, sender=payer)
        with reverts("AmountTooLarge", amount=1):
            simulate(splitter.pay, track, token, 1, REFERENCE, sender=payer)
        assert splitter.accountOf(track, token).income == splitter.liabilitiesOf(token) == MOST


class TestNative:
    def test_grows_what_the_work_received(self, splitter, track, payer, bank):
        receipt = bank.pay(track, NATIVE, 10**18)
        assert splitter.accountOf(track, NATIVE) == (10**18, 0, 0, 0)
        assert splitter.liabilitiesOf(NATIVE) == splitter.balance == 10**18
        expected = {"workId": track, "token": NATIVE, "payer": payer, "amount": 10**18}
        assert receipt.events == [splitter.Paid(**expected, received=10**18, paymentReference=REFERENCE)]

    def test_value_that_is_not_the_amount(self, splitter, track, payer):
        for value in (0, 9, 11):
            with reverts("WrongValue", given=value, expected=10):
                simulate(splitter.pay, track, NATIVE, 10, REFERENCE, sender=payer, value=value)

    def test_without_a_call(self, splitter, payer):
        with reverts("WrongValue", given=5, expected=0):
            simulate_send(splitter.address, value=5, sender=payer)


def test_forced_sends_are_surplus_and_nobodys(splitter, usdc, project, admin, payer, track, bank):
    bank.pay(track, NATIVE, 10)
    bank.pay(track, usdc, 20)
    admin.deploy(project.ForcedSend, splitter, value=3)
    usdc.transfer(splitter, 4, sender=payer)
    assert (splitter.surplusOf(NATIVE), splitter.surplusOf(usdc)) == (3, 4)
    assert (splitter.liabilitiesOf(NATIVE), splitter.liabilitiesOf(usdc)) == (10, 20)
    assert splitter.accountOf(track, NATIVE).received == 10
    assert splitter.accountOf(track, usdc).received == 20
