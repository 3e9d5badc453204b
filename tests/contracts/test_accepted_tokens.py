"""The allow-list of tokens: the timelock admits, the guardian stops new payments; what was paid stays payable out."""

import pytest
from market import DOLLAR
from money import REFERENCE, own_splitter
from reverting import reverts, simulate, simulate_deployment
from timelock import carry_out, order

from stemma.chain.licensing import NATIVE
from stemma.chain.withdrawals import TITLE_SLOT

ZERO = "0x" + "00" * 20


@pytest.fixture(scope="module")
def track(family):
    return family.track("a track paid in many tokens")


@pytest.fixture(scope="module")
def token(project, admin, payer, splitter):
    token = admin.deploy(project.PlainToken)
    token.mint(payer, 10**18, sender=payer)
    token.approve(splitter, 10**18, sender=payer)
    return token


class TestAccept:
    def test_after_48_hours(self, splitter, roles, chain, admin, token, track, bank):
        assert not splitter.isAccepted(token)
        receipt = carry_out(chain, order(roles, splitter.acceptToken, token), admin)
        assert receipt.decode_logs(splitter.TokenAccepted) == [splitter.TokenAccepted(token=token)]
        assert splitter.isAccepted(token)
        bank.pay(track, token, 5)

    def test_by_nobody_at_once(self, splitter, admin, guardian, token):
        for account in (admin, guardian):
            with reverts("NotTimelock", caller=account.address):
                simulate(splitter.acceptToken, token, sender=account)

    def test_from_the_start(self, project, house, admin, token):
        splitter = own_splitter(project, house, admin, manager=admin, tokens=[token])
        assert splitter.isAccepted(token)
        assert not splitter.isAccepted(NATIVE)
        assert not splitter.isAccepted(house.usdc)

    def test_needs_a_fee_recipient(self, project, house, admin):
        peers = [house[name] for name in ("Roles", "StemRegistry", "IPNFT", "Disputes", "LicenseManager")]
        with reverts("ZeroAddress"):
            simulate_deployment(project.RoyaltySplitter, *peers, ZERO, [], sender=admin)


class TestStop:
    def test_refuses_new_payments_and_sweeps(self, splitter, usdc, track, guardian, payer, relayer):
        usdc.transfer(splitter.receiverOf(track), 1, sender=payer)
        receipt = splitter.stopToken(usdc, sender=guardian)
        assert receipt.events == [splitter.TokenStopped(token=usdc)]
        assert not splitter.isAccepted(usdc)
        with reverts("TokenNotAccepted", token=usdc.address):
            simulate(splitter.pay, track, usdc, 1, REFERENCE, sender=payer)
        with reverts("TokenNotAccepted", token=usdc.address):
            simulate(splitter.sweep, track, usdc, sender=relayer)

    def test_leaves_other_tokens_alone(self, splitter, usdc, track, guardian, bank):
        splitter.stopToken(usdc, sender=guardian)
        bank.pay(track, NATIVE, 1)

    def test_stops_nothing_else(self, splitter, usdc, track, guardian, bank, creator):
        bank.pay(track, usdc, DOLLAR)
        splitter.stopToken(usdc, sender=guardian)
        splitter.settle(track, usdc, sender=creator)
        splitter.withdraw(track, usdc, TITLE_SLOT, creator, sender=creator)
        assert usdc.balanceOf(creator) == DOLLAR

    def test_by_the_timelock(self, splitter, usdc, roles, chain, admin):
        carry_out(chain, order(roles, splitter.stopToken, usdc), admin)
        assert not splitter.isAccepted(usdc)

    def test_by_nobody_else(self, splitter, usdc, admin, arbiter, stranger):
        for account in (admin, arbiter, stranger):
            with reverts("NotGuardian", caller=account.address):
                simulate(splitter.stopToken, usdc, sender=account)

    def test_of_what_is_not_accepted(self, splitter, token, guardian):
        with reverts("TokenNotAccepted", token=token.address):
            simulate(splitter.stopToken, token, sender=guardian)

    def test_ends_by_the_timelock(self, splitter, usdc, roles, chain, admin, guardian, track, bank):
        splitter.stopToken(usdc, sender=guardian)
        carry_out(chain, order(roles, splitter.acceptToken, usdc), admin)
        bank.pay(track, usdc, 1)
