"""The vault's money: put in by anyone, taken out by its owner alone, at any moment, whatever sessions there are."""

from dataclasses import astuple

import pytest
from market import DOLLAR, ONE_DAY, PRICE
from reverting import reverts, reverts_silently, simulate, simulate_send

from stemma.chain.licensing import NATIVE

ZERO = "0x" + "00" * 20
AMOUNT = 50 * DOLLAR


@pytest.fixture
def filled(usdc, vault, buyer, budget) -> None:
    """The buyer's dollars lie in the vault."""
    vault.deposit(buyer, usdc, AMOUNT, sender=buyer)


class TestDeposit:
    def test_of_a_token(self, vault, usdc, buyer, budget):
        before = usdc.balanceOf(buyer)
        receipt = vault.deposit(buyer, usdc, AMOUNT, sender=buyer)
        assert vault.balanceOf(buyer, usdc) == AMOUNT == usdc.balanceOf(vault) == before - usdc.balanceOf(buyer)
        assert vault.Deposited(buyer, usdc, buyer, AMOUNT, AMOUNT) in receipt.events

    def test_of_native_coin(self, vault, buyer):
        receipt = vault.deposit(buyer, NATIVE, 10**18, value=10**18, sender=buyer)
        assert vault.balanceOf(buyer, NATIVE) == 10**18 == vault.balance
        assert vault.Deposited(buyer, NATIVE, buyer, 10**18, 10**18) in receipt.events

    def test_for_somebody_else(self, vault, usdc, buyer, stranger, budget):
        receipt = vault.deposit(stranger, usdc, AMOUNT, sender=buyer)
        assert vault.balanceOf(stranger, usdc) == AMOUNT
        assert vault.balanceOf(buyer, usdc) == 0
        assert vault.Deposited(stranger, usdc, buyer, AMOUNT, AMOUNT) in receipt.events

    def test_adds_up(self, vault, usdc, buyer, filled):
        receipt = vault.deposit(buyer, usdc, 1, sender=buyer)
        assert vault.Deposited(buyer, usdc, buyer, 1, AMOUNT + 1) in receipt.events

    @pytest.mark.parametrize("value", [0, 99, 101])
    def test_of_native_coin_to_the_unit(self, vault, buyer, value):
        with reverts("WrongValue", given=value, expected=100):
            simulate(vault.deposit, buyer, NATIVE, 100, sender=buyer, value=value)

    def test_of_a_token_with_native_coin_along(self, vault, usdc, buyer, budget):
        with reverts("WrongValue", given=1, expected=0):
            simulate(vault.deposit, buyer, usdc, AMOUNT, sender=buyer, value=1)

    def test_of_nothing(self, vault, usdc, buyer):
        with reverts("ZeroAmount"):
            simulate(vault.deposit, buyer, usdc, 0, sender=buyer)

    def test_for_nobody(self, vault, usdc, buyer, budget):
        with reverts("ZeroAddress"):
            simulate(vault.deposit, ZERO, usdc, AMOUNT, sender=buyer)

    def test_of_what_the_house_does_not_take(self, vault, licenses, buyer):
        with reverts("TokenNotAccepted", token=licenses.address):
            simulate(vault.deposit, buyer, licenses, AMOUNT, sender=buyer)

    def test_of_what_the_house_takes_no_longer(self, vault, usdc, splitter, guardian, buyer, filled):
        splitter.stopToken(usdc, sender=guardian)
        with reverts("TokenNotAccepted", token=usdc.address):
            simulate(vault.deposit, buyer, usdc, AMOUNT, sender=buyer)

    def test_by_a_plain_transfer_is_refused(self, vault, buyer):
        with reverts_silently():
            simulate_send(vault.address, value=1, sender=buyer)


class TestWithdraw:
    def test_to_whom_the_owner_says(self, vault, usdc, buyer, stranger, filled):
        receipt = vault.withdraw(usdc, 20 * DOLLAR, stranger, sender=buyer)
        assert usdc.balanceOf(stranger) == 20 * DOLLAR
        assert vault.balanceOf(buyer, usdc) == AMOUNT - 20 * DOLLAR
        told = vault.VaultWithdrawn(buyer, usdc, stranger, 20 * DOLLAR, AMOUNT - 20 * DOLLAR)
        assert told in receipt.events

    def test_of_native_coin(self, vault, buyer, stranger):
        vault.deposit(buyer, NATIVE, 10**18, value=10**18, sender=buyer)
        before = stranger.balance
        vault.withdraw(NATIVE, 10**18, stranger, sender=buyer)
        assert stranger.balance - before == 10**18
        assert vault.balance == 0

    def test_during_a_session(self, vault, usdc, budget, buyer, filled):
        budget.open(budget.session())
        vault.withdraw(usdc, AMOUNT, buyer, sender=buyer)
        assert vault.balanceOf(buyer, usdc) == 0

    def test_of_a_token_that_takes_no_new_payments(self, vault, usdc, splitter, guardian, buyer, filled):
        splitter.stopToken(usdc, sender=guardian)
        simulate(vault.withdraw, usdc, AMOUNT, buyer, sender=buyer)

    def test_not_more_than_there_is(self, vault, usdc, buyer, filled):
        with reverts("OverBalance", price=AMOUNT + 1, balance=AMOUNT):
            simulate(vault.withdraw, usdc, AMOUNT + 1, buyer, sender=buyer)

    def test_not_what_belongs_to_others(self, vault, usdc, stranger, filled):
        with reverts("OverBalance", price=1, balance=0):
            simulate(vault.withdraw, usdc, 1, stranger, sender=stranger)

    def test_not_another_token(self, vault, buyer, filled):
        with reverts("OverBalance", price=1, balance=0):
            simulate(vault.withdraw, NATIVE, 1, buyer, sender=buyer)

    def test_of_nothing(self, vault, usdc, buyer, filled):
        with reverts("ZeroAmount"):
            simulate(vault.withdraw, usdc, 0, buyer, sender=buyer)

    def test_to_nobody(self, vault, usdc, buyer, filled):
        with reverts("ZeroAddress"):
            simulate(vault.withdraw, usdc, 1, ZERO, sender=buyer)

    def test_not_to_the_vault_itself(self, vault, usdc, buyer, filled):
        """There it would be in nobody's balance."""
        with reverts("TransferFailed", token=usdc.address, to=vault.address, amount=1):
            simulate(vault.withdraw, usdc, 1, vault, sender=buyer)

    def test_not_by_the_agent(self, vault, usdc, budget, filled):
        budget.open(budget.session())
        with reverts("OverBalance", balance=0):
            simulate(vault.withdraw, usdc, 1, budget.agent, sender=budget.agent)

    def test_to_a_payee_that_takes_nothing_harms_nobody_else(self, vault, licenses, buyer, stranger):
        """Licenses takes no coins. The call fails, and the money stays with its owner."""
        for owner in (buyer, stranger):
            vault.deposit(owner, NATIVE, 100, value=100, sender=owner)
        with reverts("TransferFailed", token=NATIVE, to=licenses.address, amount=100):
            simulate(vault.withdraw, NATIVE, 100, licenses, sender=buyer)
        simulate(vault.withdraw, NATIVE, 100, buyer, sender=buyer)
        simulate(vault.withdraw, NATIVE, 100, stranger, sender=stranger)

    def test_for_a_blacklisted_payee_harms_nobody_else(self, vault, usdc, house, accounts, buyer, stranger, filled):
        vault.deposit(stranger, usdc, DOLLAR, sender=buyer)
        usdc.blacklist(buyer, sender=accounts[9])
        with reverts("TransferFailed", to=buyer.address):
            simulate(vault.withdraw, usdc, AMOUNT, buyer, sender=buyer)
        simulate(vault.withdraw, usdc, DOLLAR, stranger, sender=stranger)


class TestOnlyLicensesMoveFunds:
    """There is no way for money to leave but to its owner and, as a price, to a work's account."""

    def test_every_function_that_changes_state(self, vault):
        changing = {method.name for method in vault.contract_type.mutable_methods}
        assert changing == {
            "deposit",
            "withdraw",
            "open",
            "openWithAuthorization",
            "close",
            "buy",
            "buyWithOrder",
        }

    def test_the_splitters_allowance_is_of_no_use_to_others(
        self, vault, manager, splitter, market, usdc, stranger, filled
    ):
        """The splitter may take the vault's tokens; but it makes its caller pay, or whom the manager names, and the
        manager names its caller, or who signed: the vault signs nothing."""
        assert usdc.allowance(vault, splitter) == 2**256 - 1
        terms_id = market.publish()
        purchase, offer, limit = market.by_offer(market.offer(terms_id), licensee=stranger.address)
        order = market.order(purchase, limit, payer=vault.address)
        no_permit = (0, 0, 0, b"\0" * 32, b"\0" * 32)
        with reverts("InvalidSignature", account=vault.address):
            simulate(manager.buyWithOrder, *market.sign_order(order, by=stranger), offer, no_permit, sender=stranger)
        authorization = market.authorize(purchase, PRICE, by=stranger, payer=vault.address)
        with reverts("InvalidSignature", account=vault.address):
            simulate(manager.buyWithAuthorization, purchase, offer, *authorization, sender=stranger)
        with reverts("NotLicenseManager"):
            simulate(splitter.collect, vault, market.work, usdc, PRICE, 0, b"\0" * 32, sender=stranger)
        with reverts("AllowanceTooLow", owner=stranger.address):
            simulate(splitter.pay, market.work, usdc, PRICE, b"\0" * 32, sender=stranger)


class TestManyOwners:
    def test_one_owner_never_spends_anothers_money(self, vault, usdc, budget, market, buyer, stranger, filled):
        vault.deposit(stranger, usdc, 10 * PRICE, sender=buyer)
        vault.withdraw(usdc, AMOUNT - 1, buyer, sender=buyer)
        session = budget.session(expiry=market.now + ONE_DAY)
        budget.open(session)
        basket = market.by_offer(market.offer(market.publish()))
        with reverts("OverBalance", price=PRICE, balance=1):
            simulate(vault.buy, astuple(session), *basket, sender=budget.agent)
