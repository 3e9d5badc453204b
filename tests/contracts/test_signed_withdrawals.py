"""Withdrawals that the slot's owner signs and anybody sends; the message is the same in Python."""

from dataclasses import astuple, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from money import own_splitter
from reverting import reverts, simulate

from stemma.chain.intents import sign_typed_data
from stemma.chain.withdrawals import TITLE_SLOT, Withdrawal, withdrawal_digest, withdrawal_typed_data, works_mask
from stemma.works import Kind

ALL_WORKS = works_mask(Kind)
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())


def uints(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1) | st.sampled_from([0, 2**bits - 1])


withdrawals = st.builds(
    Withdrawal,
    account=addresses,
    recording=uints(224),
    works=uints(8),
    token=addresses,
    slot=uints(8),
    to=addresses,
    nonce=uints(256),
    deadline=uints(64),
)


@pytest.fixture(scope="module")
def track(family, wallet):
    """A track in which a contract account has a slot."""
    return family.split_track("a track with a contract account", [(wallet, 500_000)])


@pytest.fixture
def wanted(chain, usdc, track, creator, stranger, bank) -> Withdrawal:
    """The title's withdrawal of eight units to a stranger."""
    bank.income(track, usdc, 16)
    return Withdrawal(
        account=creator.address,
        recording=track,
        works=ALL_WORKS,
        token=usdc.address,
        slot=TITLE_SLOT,
        to=stranger.address,
        nonce=77,
        deadline=chain.blocks.head.timestamp + 3600,
    )


@pytest.fixture
def sign(splitter, chain, creator):
    def sign(withdrawal: Withdrawal, *, by=creator, where=splitter) -> bytes:
        typed = withdrawal_typed_data(withdrawal, chain_id=chain.chain_id, splitter=where.address)
        return sign_typed_data(by.private_key, typed)

    return sign


class TestSigned:
    def test_by_a_key(self, splitter, usdc, wanted, sign, relayer, stranger, creator):
        receipt = splitter.withdrawSigned(astuple(wanted), sign(wanted), sender=relayer)
        assert usdc.balanceOf(stranger) == 8
        assert receipt.decode_logs(splitter.NonceUsed) == [splitter.NonceUsed(account=creator, nonce=77)]
        assert splitter.isNonceUsed(creator, 77)

    def test_by_a_contract_account(self, splitter, usdc, wanted, sign, relayer, stranger, wallet):
        wanted = replace(wanted, account=wallet.address, slot=0)
        splitter.withdrawSigned(astuple(wanted), sign(wanted), sender=relayer)
        assert usdc.balanceOf(stranger) == 8

    def test_by_someone_else(self, splitter, wanted, sign, relayer, stranger):
        with reverts(
            "InvalidSignature", account=wanted.account, digest=bytes(splitter.withdrawalDigest(astuple(wanted)))
        ):
            simulate(splitter.withdrawSigned, astuple(wanted), sign(wanted, by=stranger), sender=relayer)

    def test_by_nobody(self, splitter, wanted, relayer):
        for account in (wanted.account, "0x" + "00" * 20):
            with reverts("InvalidSignature", account=account):
                simulate(splitter.withdrawSigned, astuple(replace(wanted, account=account)), b"\0" * 65, sender=relayer)

    def test_in_someone_elses_name(self, splitter, wanted, sign, relayer, stranger, creator):
        """Who signs for itself draws only what it owns."""
        wanted = replace(wanted, account=stranger.address)
        with reverts("NotSlotOwner", account=stranger.address, owner=creator.address):
            simulate(splitter.withdrawSigned, astuple(wanted), sign(wanted, by=stranger), sender=relayer)

    @pytest.mark.parametrize(
        "change",
        [
            {"works": 1},
            {"slot": 0},
            {"to": "0x" + "22" * 20},
            {"nonce": 78},
            {"deadline": 2**63},
            {"token": "0x" + "00" * 20},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_every_word_is_signed(self, splitter, wanted, sign, relayer, change):
        with reverts("InvalidSignature"):
            simulate(splitter.withdrawSigned, astuple(replace(wanted, **change)), sign(wanted), sender=relayer)

    def test_for_another_splitter(self, splitter, project, house, admin, wanted, sign, relayer):
        other = own_splitter(project, house, admin, manager=admin, tokens=[])
        with reverts("InvalidSignature"):
            simulate(splitter.withdrawSigned, astuple(wanted), sign(wanted, where=other), sender=relayer)

    def test_once(self, splitter, usdc, track, bank, wanted, sign, relayer, creator):
        signature = sign(wanted)
        splitter.withdrawSigned(astuple(wanted), signature, sender=relayer)
        bank.income(track, usdc, 16)
        with reverts("NonceAlreadyUsed", account=creator.address, nonce=77):
            simulate(splitter.withdrawSigned, astuple(wanted), signature, sender=relayer)

    def test_nonces_come_in_any_order(self, splitter, usdc, track, bank, wanted, sign, relayer, creator):
        for nonce in (2**256 - 1, 0, 255, 256):
            order = replace(wanted, nonce=nonce)
            splitter.withdrawSigned(astuple(order), sign(order), sender=relayer)
            assert splitter.isNonceUsed(creator, nonce)
            bank.income(track, usdc, 16)
        assert not splitter.isNonceUsed(creator, 1)
        assert not splitter.isNonceUsed(relayer, 0)

    def test_until_the_deadline(self, splitter, chain, wanted, sign, relayer):
        chain.mine(timestamp=wanted.deadline + 1)
        with reverts("DeadlinePassed", deadline=wanted.deadline):
            simulate(splitter.withdrawSigned, astuple(wanted), sign(wanted), sender=relayer)

    def test_not_after_it_was_cancelled(self, splitter, wanted, sign, relayer, creator):
        receipt = splitter.cancelNonce(77, sender=creator)
        assert receipt.events == [splitter.NonceUsed(account=creator, nonce=77)]
        with reverts("NonceAlreadyUsed", account=creator.address, nonce=77):
            simulate(splitter.withdrawSigned, astuple(wanted), sign(wanted), sender=relayer)
        with reverts("NonceAlreadyUsed", account=creator.address, nonce=77):
            simulate(splitter.cancelNonce, 77, sender=creator)

    def test_not_after_the_slot_was_handed_on(self, splitter, wanted, sign, relayer, wallet, creator, stranger):
        order = replace(wanted, account=wallet.address, slot=0)
        call = splitter.reassignSlot.encode_input(wanted.recording, 0, stranger)
        wallet.execute(splitter, call, sender=creator)
        with reverts("NotSlotOwner", account=wallet.address, owner=stranger.address):
            simulate(splitter.withdrawSigned, astuple(order), sign(order), sender=relayer)


@given(withdrawal=withdrawals)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_digest_is_the_same_in_python(splitter, chain, withdrawal):
    expected = withdrawal_digest(withdrawal, chain_id=chain.chain_id, splitter=splitter.address)
    assert splitter.withdrawalDigest(astuple(withdrawal)) == expected
