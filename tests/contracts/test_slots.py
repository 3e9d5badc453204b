"""The collaborators' slots: fixed at registration, handed on whole, with all that they have not drawn."""

from dataclasses import replace

import pytest
from licensed_family import works_of
from market import DOLLAR
from reverting import reverts, simulate

from stemma.chain.intents import Share
from stemma.chain.licensing import NATIVE
from stemma.chain.withdrawals import TITLE_SLOT
from stemma.works import Kind, stem_id

ZERO = "0x" + "00" * 20


@pytest.fixture(scope="module")
def band(accounts):
    return accounts[4], accounts[5], accounts[6]


@pytest.fixture(scope="module")
def track(family, band):
    """The first of the band has two slots."""
    singer, drummer, producer = band
    return family.split_track(
        "a band's track", [(singer, 200_000), (drummer, 100_000), (producer, 1), (singer, 50_000)]
    )


@pytest.fixture(scope="module")
def solo(family):
    return family.track("a solo")


class TestSplit:
    def test_is_fixed_at_registration(self, splitter, track, band):
        singer, drummer, producer = band
        expected = [(singer, 200_000), (drummer, 100_000), (producer, 1), (singer, 50_000), (ZERO, 0)]
        assert [tuple(splitter.slotOf(track, slot)) for slot in range(5)] == expected
        assert splitter.titlePpmOf(track) == 649_999

    def test_is_announced(self, splitter, registry, family, band):
        singer, drummer, _ = band
        split = (Share(singer.address, 3), Share(drummer.address, 4))
        registration = replace(family.registration("another track of the band"), split=split)
        receipt = registry.registerAttested(*family.arguments(registration, []), sender=family.creator)
        assert receipt.decode_logs(splitter.SlotFixed) == [
            splitter.SlotFixed(recordingId=registration.recording_id, account=singer, slot=0, ppm=3),
            splitter.SlotFixed(recordingId=registration.recording_id, account=drummer, slot=1, ppm=4),
        ]

    def test_nobody_else_may_share(self, splitter, solo):
        assert splitter.titlePpmOf(solo) == 1_000_000
        assert tuple(splitter.slotOf(solo, 0)) == (ZERO, 0)

    def test_is_the_registrys_to_fix(self, splitter, solo, creator, admin):
        for account in (creator, admin):
            with reverts("NotRegistry", caller=account.address):
                simulate(splitter.fixSplit, solo, [(account.address, 1)], sender=account)

    def test_of_the_whole_leaves_the_title_nothing(self, splitter, usdc, family, accounts, creator, bank):
        slots = [(accounts[slot % 9], 62_500) for slot in range(16)]
        track = family.split_track("a track of many", slots)
        assert splitter.titlePpmOf(track) == 0
        bank.income(track, usdc, 16 * DOLLAR)
        assert [splitter.available(track, usdc, slot) for slot in (*range(16), TITLE_SLOT)] == [DOLLAR] * 16 + [0]
        with reverts("NothingToWithdraw", recordingId=track, slot=TITLE_SLOT):
            simulate(splitter.withdraw, track, usdc, TITLE_SLOT, creator, sender=creator)
        splitter.withdraw(track, usdc, 15, accounts[8], sender=accounts[15 % 9])


class TestShares:
    def test_of_income(self, splitter, usdc, track, bank):
        bank.income(track, usdc, 1_000_001)
        assert [splitter.available(track, usdc, slot) for slot in (0, 1, 2, 3, 4, TITLE_SLOT)] == [
            200_000,
            100_000,
            1,
            50_000,
            0,
            649_999,
        ]

    def test_of_the_stems_income_too(self, splitter, usdc, track, bank):
        for work in works_of(track):
            bank.income(work, usdc, DOLLAR)
            assert splitter.available(work, usdc, 1) == 100_000

    def test_dust_is_less_than_one_unit_per_slot(self, splitter, usdc, track, bank):
        for _ in range(3):
            bank.income(track, usdc, 333_333)
        drawable = sum(splitter.available(track, usdc, slot) for slot in (0, 1, 2, 3, TITLE_SLOT))
        assert 0 <= 999_999 - drawable <= 4

    def test_of_a_token_never_seen(self, splitter, track):
        assert splitter.available(track, NATIVE, TITLE_SLOT) == 0


class TestReassignment:
    def test_takes_along_what_is_not_drawn(self, splitter, usdc, track, band, bank, stranger, buyer, relayer, accounts):
        _, drummer, _ = band
        heir = accounts[7]
        bank.income(track, usdc, DOLLAR)
        splitter.withdraw(track, usdc, 1, drummer, sender=drummer)
        bank.income(track, usdc, DOLLAR)
        receipt = splitter.reassignSlot(track, 1, heir, sender=drummer)
        assert receipt.events == [splitter.SlotReassigned(recordingId=track, **{"from": drummer}, to=heir, slot=1)]
        assert tuple(splitter.slotOf(track, 1)) == (heir, 100_000)
        with reverts("NotSlotOwner", work=track, slot=1, account=drummer.address, owner=heir.address):
            simulate(splitter.withdraw, track, usdc, 1, drummer, sender=drummer)
        splitter.withdraw(track, usdc, 1, heir, sender=heir)
        assert usdc.balanceOf(heir) == 100_000

    def test_leaves_other_slots_of_the_account(self, splitter, track, band, accounts):
        singer, _, _ = band
        splitter.reassignSlot(track, 0, accounts[7], sender=singer)
        assert splitter.slotOf(track, 3).owner == singer

    def test_covers_the_stems(self, splitter, usdc, track, band, bank, accounts):
        singer, _, _ = band
        vocals = stem_id(track, Kind.VOCALS)
        bank.income(vocals, usdc, DOLLAR)
        splitter.reassignSlot(track, 0, accounts[7], sender=singer)
        splitter.withdraw(vocals, usdc, 0, accounts[7], sender=accounts[7])
        assert usdc.balanceOf(accounts[7]) == 200_000

    def test_goes_on_during_a_flag(self, splitter, disputes, arbiter, chain, track, band, accounts):
        singer, _, _ = band
        disputes.flag(track, chain.blocks.head.timestamp + 1000, bytes(32), sender=arbiter)
        splitter.reassignSlot(track, 0, accounts[7], sender=singer)

    def test_by_anyone_else(self, splitter, track, band, creator, stranger):
        singer, drummer, _ = band
        for account in (creator, drummer):
            with reverts("NotSlotOwner", slot=0, account=account.address, owner=singer.address):
                simulate(splitter.reassignSlot, track, 0, account, sender=account)

    def test_to_nobody(self, splitter, track, band):
        with reverts("ZeroAddress"):
            simulate(splitter.reassignSlot, track, 0, ZERO, sender=band[0])

    def test_of_what_is_no_slot(self, splitter, track, creator):
        for slot in (4, 15, 16, 254, TITLE_SLOT):
            with reverts("UnknownSlot", recordingId=track, slot=slot):
                simulate(splitter.reassignSlot, track, slot, creator, sender=creator)
        with reverts("UnknownSlot", slot=0):
            simulate(splitter.reassignSlot, stem_id(track, Kind.VOCALS), 0, creator, sender=creator)
