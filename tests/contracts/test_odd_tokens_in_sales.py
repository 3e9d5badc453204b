"""Odd tokens in the vault and in sales, though the house had accepted them: refused or harmless."""

from dataclasses import astuple

import pytest
from market import NO_PERMIT, PRICE
from reverting import reverts, simulate
from timelock import carry_out, order

AMOUNT = 10 * PRICE


@pytest.fixture
def accept(project, admin, roles, splitter, vault, chain, buyer):
    """Deploys an odd token, lets the house accept it, and gives the buyer of it, which the vault may take."""

    def accept(name: str):
        token = admin.deploy(getattr(project, name))
        carry_out(chain, order(roles, splitter.acceptToken, token), admin)
        token.mint(buyer, AMOUNT, sender=buyer)
        token.approve(vault, AMOUNT, sender=buyer)
        return token

    return accept


def test_that_keeps_a_part(vault, accept, buyer):
    token = accept("FeeOnTransferToken")
    with reverts("BalanceMismatch", token=token.address, grew=AMOUNT - AMOUNT // 100, expected=AMOUNT):
        simulate(vault.deposit, buyer, token, AMOUNT, sender=buyer)


def test_that_lies(vault, accept, buyer):
    token = accept("LyingToken")
    token.setOn(True, sender=buyer)
    with reverts("BalanceMismatch", grew=0, expected=AMOUNT):
        simulate(vault.deposit, buyer, token, AMOUNT, sender=buyer)


def test_that_says_no(vault, accept, buyer):
    token = accept("FalseReturningToken")
    vault.deposit(buyer, token, AMOUNT // 2, sender=buyer)
    token.setOn(True, sender=buyer)
    with reverts("SafeERC20FailedOperation", token=token.address):
        simulate(vault.deposit, buyer, token, 1, sender=buyer)
    with reverts("TransferFailed", token=token.address, to=buyer.address, amount=1):
        simulate(vault.withdraw, token, 1, buyer, sender=buyer)


def test_that_says_nothing(vault, budget, market, accept, licenses, splitter, buyer):
    token = accept("NoReturnToken")
    vault.deposit(buyer, token, AMOUNT, sender=buyer)
    session = budget.session(token=token.address)
    budget.open(session)
    basket = market.by_offer(market.offer(market.publish(token=token.address)))
    vault.buy(astuple(session), *basket, sender=budget.agent)
    vault.withdraw(token, AMOUNT - PRICE, buyer, sender=buyer)
    assert token.balanceOf(buyer) == AMOUNT - PRICE
    assert token.balanceOf(splitter) == PRICE == splitter.accountOf(market.work, token).received
    assert token.balanceOf(vault) == 0


def test_that_calls_back(vault, manager, budget, market, accept, buyer):
    """Into whatever moves money in the vault, while it is deposited or spent."""
    token = accept("ReenteringToken")
    vault.deposit(buyer, token, AMOUNT // 2, sender=buyer)
    session = budget.session(token=token.address)
    budget.open(session)
    basket = market.by_offer(market.offer(market.publish(token=token.address)))
    calls = (
        vault.deposit.encode_input(buyer, token, 1),
        vault.withdraw.encode_input(token, 1, buyer),
        vault.open.encode_input(astuple(budget.session(salt=2)), b""),
        vault.buy.encode_input(astuple(session), *basket),
    )
    for call in calls:
        token.aim(vault, call, sender=buyer)
        with reverts("ReentrancyGuardReentrantCall"):
            simulate(vault.deposit, buyer, token, 1, sender=buyer)
        with reverts("ReentrancyGuardReentrantCall"):
            simulate(vault.buy, astuple(session), *basket, sender=budget.agent)
    token.aim(manager, manager.buy.encode_input(*basket), sender=buyer)
    with reverts("ReentrancyGuardReentrantCall"):
        simulate(vault.buy, astuple(session), *basket, sender=budget.agent)


def test_that_knows_no_permit(manager, market, accept, splitter, buyer, relayer):
    """The order goes through by the allowance."""
    token = accept("NoReturnToken")
    token.approve(splitter, PRICE, sender=buyer)
    purchase, offer, limit = market.by_offer(market.offer(market.publish(token=token.address)))
    signed = market.sign_order(market.order(purchase, limit))
    simulate(manager.buyWithOrder, *signed, offer, market.permit(PRICE), sender=relayer)


class TestObliging:
    """A token that takes a call it does not know for a good one checks no signature: the money must really come."""

    @pytest.fixture
    def token(self, accept):
        return accept("ObligingToken")

    def test_opens_no_session(self, vault, budget, token, stranger):
        session = budget.session(token=token.address)
        with reverts("BalanceMismatch", token=token.address, grew=0, expected=1):
            simulate(vault.openWithAuthorization, astuple(session), 1, 0, 2**255, b"", sender=stranger)

    def test_buys_nothing(self, manager, market, token, buyer, stranger):
        purchase, offer, _ = market.by_offer(market.offer(market.publish(token=token.address)))
        with reverts("BalanceMismatch", token=token.address, grew=0, expected=PRICE):
            simulate(manager.buyWithAuthorization, purchase, offer, buyer, 0, 2**255, b"", sender=stranger)

    def test_permits_nothing(self, manager, market, splitter, token, buyer, relayer):
        purchase, offer, limit = market.by_offer(market.offer(market.publish(token=token.address)))
        signed = market.sign_order(market.order(purchase, limit))
        for permit in (NO_PERMIT, market.permit(PRICE)):
            with reverts("AllowanceTooLow", owner=buyer.address, spender=splitter.address, allowed=0):
                simulate(manager.buyWithOrder, *signed, offer, permit, sender=relayer)
