"""Tokens that do not do what ERC-20 says, if one were accepted: refused, or harmless to everybody else."""

import pytest
from money import REFERENCE, own_splitter
from reverting import reverts, simulate

from stemma.chain.licensing import NATIVE
from stemma.chain.withdrawals import TITLE_SLOT

ODD = (
    "FeeOnTransferToken",
    "FeeOnSenderToken",
    "RebasingToken",
    "NoReturnToken",
    "FalseReturningToken",
    "ZeroRevertingToken",
    "LyingToken",
    "ReenteringToken",
)


@pytest.fixture(scope="module")
def track(family):
    return family.track("a track paid in odd tokens")


@pytest.fixture(scope="module")
def other(family):
    return family.track("another track paid in odd tokens")


@pytest.fixture(scope="module")
def tokens(project, admin):
    return {name: admin.deploy(getattr(project, name)) for name in ODD}


@pytest.fixture(scope="module")
def splitter(project, house, admin, tokens, payer):
    """A splitter that accepts them all; the payer stands in for the license manager."""
    splitter = own_splitter(project, house, admin, manager=payer, tokens=[NATIVE, *tokens.values()])
    for token in tokens.values():
        token.mint(payer, 10**6, sender=payer)
        token.approve(splitter, 10**6, sender=payer)
    return splitter


@pytest.fixture
def income(splitter, payer):
    """Pays a work and settles it."""

    def income(work, token, amount: int) -> None:
        splitter.pay(work, token, amount, REFERENCE, sender=payer, value=amount if token == NATIVE else 0)
        splitter.settle(work, token, sender=payer)

    return income


class TestFeeOnTransfer:
    @pytest.fixture
    def token(self, tokens):
        return tokens["FeeOnTransferToken"]

    def test_payments_are_refused(self, splitter, token, track, payer):
        expected = {"token": token.address, "grew": 990, "expected": 1000}
        with reverts("BalanceMismatch", **expected):
            simulate(splitter.pay, track, token, 1000, REFERENCE, sender=payer)
        with reverts("BalanceMismatch", **expected):
            simulate(splitter.collect, payer, track, token, 1000, 1, REFERENCE, sender=payer)

    def test_sweeps_are_refused(self, splitter, token, track, payer):
        token.mint(splitter.receiverOf(track), 1000, sender=payer)
        with reverts("BalanceMismatch", grew=990, expected=1000):
            simulate(splitter.sweep, track, token, sender=payer)

    def test_begun_later_it_is_the_payees_loss(self, splitter, token, track, other, income, payer, creator, stranger):
        token.setOn(False, sender=payer)
        for work in (track, other):
            income(work, token, 1000)
        token.setOn(True, sender=payer)
        splitter.withdraw(track, token, TITLE_SLOT, stranger, sender=creator)
        assert token.balanceOf(stranger) == 990
        assert splitter.liabilitiesOf(token) == token.balanceOf(splitter) == 1000


class TestFeeOnSender:
    def test_losses_stay_within_the_token(self, splitter, tokens, track, other, income, payer, creator):
        """It takes from everybody's money what it was not told to: such a token must not be accepted."""
        token = tokens["FeeOnSenderToken"]
        for work, each in ((track, token), (other, token), (other, NATIVE)):
            income(work, each, 1000)
        token.setOn(True, sender=payer)
        splitter.withdraw(track, token, TITLE_SLOT, creator, sender=creator)
        assert splitter.liabilitiesOf(token) - token.balanceOf(splitter) == 10
        with reverts("TransferFailed", token=token.address, amount=1000):
            simulate(splitter.withdraw, other, token, TITLE_SLOT, creator, sender=creator)
        splitter.withdraw(other, NATIVE, TITLE_SLOT, creator, sender=creator)


class TestRebasing:
    @pytest.fixture
    def token(self, tokens):
        return tokens["RebasingToken"]

    def test_gains_are_surplus(self, splitter, token, track, income, payer, creator):
        income(track, token, 1000)
        token.rebase(150, sender=payer)
        assert splitter.surplusOf(token) == 500
        splitter.withdraw(track, token, TITLE_SLOT, creator, sender=creator)
        assert token.balanceOf(creator) in (999, 1000)

    def test_losses_stay_within_the_token(self, splitter, token, track, other, income, payer, creator):
        """Who comes last finds too little; no other token and no later step is the worse for it."""
        for work in (track, other):
            income(work, token, 1000)
        token.rebase(50, sender=payer)
        assert splitter.surplusOf(token) == 0
        splitter.withdraw(track, token, TITLE_SLOT, creator, sender=creator)
        with reverts("TransferFailed", token=token.address, amount=1000):
            simulate(splitter.withdraw, other, token, TITLE_SLOT, creator, sender=creator)
        token.rebase(100, sender=payer)
        token.mint(splitter, 1000, sender=payer)
        splitter.withdraw(other, token, TITLE_SLOT, creator, sender=creator)


class TestReturnValues:
    def test_a_missing_one_is_fine(self, splitter, tokens, track, income, payer, creator):
        token = tokens["NoReturnToken"]
        income(track, token, 1000)
        token.mint(splitter.receiverOf(track), 7, sender=payer)
        splitter.sweep(track, token, sender=payer)
        splitter.settle(track, token, sender=payer)
        splitter.withdraw(track, token, TITLE_SLOT, creator, sender=creator)
        assert token.balanceOf(creator) == 1007

    def test_false_is_a_failure(self, splitter, tokens, track, income, payer, creator):
        token = tokens["FalseReturningToken"]
        income(track, token, 1000)
        token.mint(splitter.receiverOf(track), 7, sender=payer)
        token.setOn(True, sender=payer)
        with reverts("SafeERC20FailedOperation", token=token.address):
            simulate(splitter.pay, track, token, 1, REFERENCE, sender=payer)
        with reverts("TransferFailed", token=token.address, to=splitter.address, amount=7):
            simulate(splitter.sweep, track, token, sender=payer)
        with reverts("TransferFailed", token=token.address, to=creator.address, amount=1000):
            simulate(splitter.withdraw, track, token, TITLE_SLOT, creator, sender=creator)
        assert splitter.available(track, token, TITLE_SLOT) == 1000

    def test_true_is_not_believed_of_payments(self, splitter, tokens, track, payer):
        token = tokens["LyingToken"]
        token.setOn(True, sender=payer)
        with reverts("BalanceMismatch", grew=0, expected=5):
            simulate(splitter.pay, track, token, 5, REFERENCE, sender=payer)

    def test_true_is_believed_of_withdrawals(self, splitter, tokens, track, other, income, payer, creator):
        """An accepted token that begins to lie cheats whoever draws it then, and nobody else; it stays as surplus."""
        token = tokens["LyingToken"]
        for work, each in ((track, token), (other, token), (other, NATIVE)):
            income(work, each, 1000)
        token.setOn(True, sender=payer)
        splitter.withdraw(track, token, TITLE_SLOT, creator, sender=creator)
        assert token.balanceOf(creator) == 0
        assert splitter.available(track, token, TITLE_SLOT) == 0
        assert splitter.surplusOf(token) == 1000
        splitter.withdraw(other, NATIVE, TITLE_SLOT, creator, sender=creator)
        token.setOn(False, sender=payer)
        splitter.withdraw(other, token, TITLE_SLOT, creator, sender=creator)
        assert token.balanceOf(creator) == 1000

    def test_a_revert_on_zero_never_comes(self, splitter, tokens, track, income, payer, creator):
        """Nothing of zero is ever moved: not a fee, not a work without income."""
        token = tokens["ZeroRevertingToken"]
        splitter.collect(payer, track, token, 10, 0, REFERENCE, sender=payer)
        splitter.settle(track, token, sender=payer)
        splitter.withdrawMany(track, 0x7F, token, TITLE_SLOT, creator, sender=creator)
        with reverts("NothingToWithdraw"):
            simulate(splitter.withdraw, track, token, TITLE_SLOT, creator, sender=creator)


class TestReentering:
    @pytest.fixture
    def token(self, tokens):
        return tokens["ReenteringToken"]

    @pytest.fixture
    def calls(self, splitter, token, track, creator):
        """Every way back into the splitter in which money moves."""
        order = (creator.address, track, 1, token.address, TITLE_SLOT, creator.address, 1, 2**63)
        return [
            splitter.pay.encode_input(track, token, 1, REFERENCE),
            splitter.sweep.encode_input(track, token),
            splitter.claim.encode_input(track, track, 1, [], token),
            splitter.claimMany.encode_input([], token),
            splitter.settle.encode_input(track, token),
            splitter.settleMany.encode_input([track], token),
            splitter.withdraw.encode_input(track, token, TITLE_SLOT, creator),
            splitter.withdrawMany.encode_input(track, 1, token, TITLE_SLOT, creator),
            splitter.withdrawSigned.encode_input(order, b""),
            splitter.withdrawToPayout.encode_input(track, 1, token, TITLE_SLOT),
            splitter.withdrawFees.encode_input(token, creator),
        ]

    def test_from_a_payment(self, splitter, token, calls, track, payer):
        for call in calls:
            token.aim(splitter, call, sender=payer)
            with reverts("ReentrancyGuardReentrantCall"):
                simulate(splitter.pay, track, token, 1, REFERENCE, sender=payer)

    def test_from_a_withdrawal(self, splitter, token, calls, track, income, payer, creator):
        income(track, token, 1000)
        for call in calls:
            token.aim(splitter, call, sender=payer)
            with reverts("TransferFailed", amount=1000):
                simulate(splitter.withdraw, track, token, TITLE_SLOT, creator, sender=creator)

    def test_from_a_sweep(self, splitter, token, calls, track, payer):
        token.mint(splitter.receiverOf(track), 5, sender=payer)
        for call in calls:
            token.aim(splitter, call, sender=payer)
            with reverts("TransferFailed", amount=5):
                simulate(splitter.sweep, track, token, sender=payer)

    def test_with_money_that_nobody_asked_for(self, splitter, token, track, payer):
        """A token that brings more than was paid is refused like one that brings less."""
        token.aim(token, token.mint.encode_input(splitter, 3), sender=payer)
        with reverts("BalanceMismatch", grew=4, expected=1):
            simulate(splitter.pay, track, token, 1, REFERENCE, sender=payer)
