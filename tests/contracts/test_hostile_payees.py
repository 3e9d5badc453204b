"""No withdrawal is blocked by another payee: whoever cannot or will not be paid harms its own withdrawal alone."""

import pytest
from market import DOLLAR
from money import answer
from reverting import reverts, simulate

from stemma.chain.licensing import NATIVE
from stemma.chain.withdrawals import TITLE_SLOT
from stemma.works import Kind, stem_id

GAS = 400_000


@pytest.fixture(scope="module")
def payees(project, admin):
    """Contracts that take native coin badly."""
    names = ("RevertingPayee", "ReturnBomb", "GasGriefer", "ReenteringPayee")
    return {name: admin.deploy(getattr(project, name)) for name in names}


@pytest.fixture(scope="module")
def honest(accounts):
    return accounts[6]


@pytest.fixture(scope="module")
def hostile(accounts):
    return accounts[4]


@pytest.fixture(scope="module")
def track(family, honest, hostile):
    """An honest and a hostile collaborator, and the title's."""
    return family.split_track("a track of bad company", [(hostile, 100_000), (honest, 100_000)])


class TestNative:
    @pytest.fixture(autouse=True)
    def earned(self, track, bank):
        bank.income(track, NATIVE, 1000)

    def others_are_paid(self, splitter, track, honest, creator, *, left):
        empty = "0x" + "33" * 20
        splitter.withdraw(track, NATIVE, 1, empty, sender=honest)
        splitter.withdraw(track, NATIVE, TITLE_SLOT, empty, sender=creator)
        assert honest.provider.get_balance(empty) == 900
        assert splitter.liabilitiesOf(NATIVE) == splitter.balance == left

    def test_one_that_reverts(self, splitter, track, payees, hostile, honest, creator, ipnft, relayer):
        payee = payees["RevertingPayee"].address
        ipnft.setPayout(payee, sender=hostile)
        with reverts("TransferFailed", token=NATIVE, to=payee, amount=100):
            simulate(splitter.withdrawToPayout, track, 1, NATIVE, 0, sender=relayer)
        self.others_are_paid(splitter, track, honest, creator, left=100)
        splitter.withdraw(track, NATIVE, 0, hostile, sender=hostile)

    def test_one_that_answers_with_a_bomb(self, splitter, chain, track, payees, hostile, honest, creator):
        """The answer costs the payee's side its gas; it is never copied."""
        payee = payees["ReturnBomb"]
        receipt = splitter.withdraw(track, NATIVE, 0, payee, sender=hostile)
        assert chain.provider.get_balance(payee.address) == 100
        assert receipt.gas_used < 2_300_000, "copying a million bytes would cost as much again"
        self.others_are_paid(splitter, track, honest, creator, left=0)

    def test_one_that_burns_all_gas(self, splitter, track, payees, hostile, honest, creator):
        payee = payees["GasGriefer"].address
        with reverts("TransferFailed", to=payee):
            simulate(splitter.withdraw, track, NATIVE, 0, payee, sender=hostile, gas=GAS)
        self.others_are_paid(splitter, track, honest, creator, left=100)

    def test_one_that_comes_back(self, splitter, track, payees, hostile, honest, creator):
        payee = payees["ReenteringPayee"]
        again = splitter.withdraw.encode_input(track, NATIVE, 0, payee)
        splitter.reassignSlot(track, 0, payee, sender=hostile)
        payee.aim(splitter, again, sender=hostile)
        payee.execute(splitter, again, sender=hostile)
        assert payee.tried()
        assert payee.answer()[:4] == bytes.fromhex("3ee5aeb5"), "ReentrancyGuardReentrantCall()"
        assert splitter.drawnOf(track, NATIVE, 0) == 100
        self.others_are_paid(splitter, track, honest, creator, left=0)


class TestToken:
    @pytest.fixture(autouse=True)
    def earned(self, usdc, track, bank):
        bank.income(track, usdc, DOLLAR)

    def test_one_that_is_blacklisted(self, splitter, usdc, accounts, track, hostile, honest, creator):
        usdc.blacklist(hostile, sender=accounts[9])
        with reverts("TransferFailed", token=usdc.address, to=hostile.address, amount=100_000):
            simulate(splitter.withdraw, track, usdc, 0, hostile, sender=hostile)
        splitter.withdraw(track, usdc, 1, honest, sender=honest)
        splitter.withdraw(track, usdc, TITLE_SLOT, creator, sender=creator)
        assert (usdc.balanceOf(honest), usdc.balanceOf(creator)) == (100_000, 800_000)

    def test_one_that_is_blacklisted_may_name_another(self, splitter, usdc, accounts, track, hostile, stranger, buyer):
        usdc.blacklist(hostile, sender=accounts[9])
        before = usdc.balanceOf(buyer)
        splitter.withdraw(track, usdc, 0, buyer, sender=hostile)
        assert usdc.balanceOf(buyer) - before == 100_000

    def test_one_that_owns_a_stem(self, splitter, usdc, accounts, track, bank, creator):
        """Stems are drawn apart, and a blacklisted payee of one leaves the others alone."""
        bank.income(stem_id(track, Kind.BASS), usdc, DOLLAR)
        assert answer(splitter.withdrawMany, track, 0x7F, usdc, TITLE_SLOT, creator, sender=creator) == 1_600_000


def test_nobodys_withdrawal_changes_anothers_entitlement(splitter, usdc, track, bank, honest, hostile, creator):
    bank.income(track, usdc, 1_000_007)
    slots = {0: hostile, 1: honest, TITLE_SLOT: creator}
    entitled = {slot: splitter.available(track, usdc, slot) for slot in slots}
    for slot, owner in slots.items():
        splitter.withdraw(track, usdc, slot, owner, sender=owner)
        for other in slots:
            drawn, available = splitter.drawnOf(track, usdc, other), splitter.available(track, usdc, other)
            assert drawn + available == entitled[other]
