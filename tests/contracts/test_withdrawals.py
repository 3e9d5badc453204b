"""Money out: every slot draws its own share of income, by its owner, by its signature, or to its preset payout."""

import pytest
from commits import song
from licensed_family import works_of
from market import DOLLAR
from money import answer, events_of
from reverting import reverts, simulate

from stemma.chain.intents import Share
from stemma.chain.licensing import NATIVE
from stemma.chain.withdrawals import TITLE_SLOT, works_mask
from stemma.works import Kind, stem_id

ZERO = "0x" + "00" * 20
RECORDING = works_mask([Kind.RECORDING])
ALL_WORKS = works_mask(Kind)


@pytest.fixture(scope="module")
def singer(accounts):
    return accounts[6]


@pytest.fixture(scope="module")
def music(chain, domain, registry, creator, attestor, relayer, singer):
    """A separated song whose singer has a quarter of it."""
    made = song("a song with a singer", domain=domain, creator=creator, attestor=attestor, now=chain.pending_timestamp)
    made = made.registering(split=(Share(singer.address, 250_000),))
    registry.registerAndCommit(*made.arguments, sender=relayer)
    return made


@pytest.fixture(scope="module")
def work(music):
    return music.recording_id


@pytest.fixture(scope="module")
def vocals(work):
    return stem_id(work, Kind.VOCALS)


@pytest.fixture
def sold(ipnft, music, creator, buyer):
    """Gives a title of the song to the buyer."""

    def sold(work) -> None:
        ipnft.mint(work, buyer, *music.title, sender=creator)

    return sold


class TestWithdraw:
    def test_pays_the_title_its_share(self, splitter, usdc, work, bank, creator, stranger):
        bank.income(work, usdc, 8 * DOLLAR)
        assert answer(splitter.withdraw, work, usdc, TITLE_SLOT, stranger, sender=creator) == 6 * DOLLAR
        receipt = splitter.withdraw(work, usdc, TITLE_SLOT, stranger, sender=creator)
        assert usdc.balanceOf(stranger) == 6 * DOLLAR
        assert splitter.accountOf(work, usdc) == (8 * DOLLAR, 8 * DOLLAR, 8 * DOLLAR, 6 * DOLLAR)
        assert splitter.liabilitiesOf(usdc) == usdc.balanceOf(splitter) == 2 * DOLLAR
        expected = {"workId": work, "token": usdc, "to": stranger, "slot": TITLE_SLOT}
        assert events_of(receipt, splitter) == [splitter.Withdrawn(**expected, amount=6 * DOLLAR, drawn=6 * DOLLAR)]

    def test_pays_a_slot_its_share(self, splitter, usdc, work, bank, singer):
        bank.income(work, usdc, 8 * DOLLAR)
        receipt = splitter.withdraw(work, usdc, 0, singer, sender=singer)
        assert usdc.balanceOf(singer) == splitter.drawnOf(work, usdc, 0) == 2 * DOLLAR
        assert splitter.accountOf(work, usdc).titleDrawn == 0
        expected = {"workId": work, "token": usdc, "to": singer, "slot": 0}
        assert events_of(receipt, splitter) == [splitter.Withdrawn(**expected, amount=2 * DOLLAR, drawn=2 * DOLLAR)]

    def test_pays_native_coin(self, splitter, chain, work, bank, creator, accounts):
        bank.income(work, NATIVE, 8 * 10**18)
        empty = "0x" + "11" * 20
        splitter.withdraw(work, NATIVE, TITLE_SLOT, empty, sender=creator)
        assert chain.provider.get_balance(empty) == 6 * 10**18
        assert splitter.liabilitiesOf(NATIVE) == splitter.balance == 2 * 10**18

    def test_draws_what_came_since(self, splitter, usdc, work, bank, creator):
        for drawn in (3, 6):
            bank.income(work, usdc, 4)
            splitter.withdraw(work, usdc, TITLE_SLOT, creator, sender=creator)
            assert splitter.drawnOf(work, usdc, TITLE_SLOT) == usdc.balanceOf(creator) == drawn
        with reverts("NothingToWithdraw", recordingId=work, token=usdc.address, slot=TITLE_SLOT):
            simulate(splitter.withdraw, work, usdc, TITLE_SLOT, creator, sender=creator)

    def test_draws_income_only(self, splitter, usdc, work, bank, creator):
        bank.pay(work, usdc, DOLLAR)
        with reverts("NothingToWithdraw"):
            simulate(splitter.withdraw, work, usdc, TITLE_SLOT, creator, sender=creator)

    def test_draws_each_work_by_itself(self, splitter, usdc, work, vocals, bank, creator, singer):
        bank.income(work, usdc, 4)
        bank.income(vocals, usdc, 8)
        splitter.withdraw(vocals, usdc, TITLE_SLOT, creator, sender=creator)
        splitter.withdraw(vocals, usdc, 0, singer, sender=singer)
        assert (usdc.balanceOf(creator), usdc.balanceOf(singer)) == (6, 2)
        assert splitter.available(work, usdc, TITLE_SLOT) == 3

    def test_is_its_owners(self, splitter, usdc, work, bank, creator, singer, stranger):
        bank.income(work, usdc, 8)
        for slot, owner in ((TITLE_SLOT, creator), (0, singer)):
            for account in {creator, singer, stranger} - {owner}:
                expected = {"work": work, "slot": slot, "account": account.address, "owner": owner.address}
                with reverts("NotSlotOwner", **expected):
                    simulate(splitter.withdraw, work, usdc, slot, account, sender=account)

    def test_of_what_is_no_slot(self, splitter, usdc, work, bank, singer):
        bank.income(work, usdc, 8)
        for slot in (1, 15, 254):
            with reverts("UnknownSlot", recordingId=work, slot=slot):
                simulate(splitter.withdraw, work, usdc, slot, singer, sender=singer)

    def test_of_what_is_no_work(self, splitter, usdc, work, creator, singer):
        with reverts("UnknownWork", work=work | 7):
            simulate(splitter.withdraw, work | 7, usdc, TITLE_SLOT, creator, sender=creator)
        with reverts("NothingToWithdraw"):
            simulate(splitter.withdraw, work | 7, usdc, 0, singer, sender=singer)

    def test_to_nobody(self, splitter, usdc, work, bank, creator):
        bank.income(work, usdc, 8)
        with reverts("ZeroAddress"):
            simulate(splitter.withdraw, work, usdc, TITLE_SLOT, ZERO, sender=creator)

    def test_to_the_splitter_itself(self, splitter, usdc, work, bank, creator):
        for token in (usdc.address, NATIVE):
            bank.income(work, token, 8)
            with reverts("TransferFailed", token=token, to=splitter.address, amount=6):
                simulate(splitter.withdraw, work, token, TITLE_SLOT, splitter, sender=creator)


class TestTitle:
    def test_undrawn_money_moves_with_it(self, splitter, usdc, work, bank, creator, buyer, sold):
        bank.income(work, usdc, 4)
        splitter.withdraw(work, usdc, TITLE_SLOT, creator, sender=creator)
        bank.income(work, usdc, 4)
        sold(work)
        with reverts("NotSlotOwner", account=creator.address, owner=buyer.address):
            simulate(splitter.withdraw, work, usdc, TITLE_SLOT, creator, sender=creator)
        before = usdc.balanceOf(buyer)
        splitter.withdraw(work, usdc, TITLE_SLOT, buyer, sender=buyer)
        assert usdc.balanceOf(buyer) - before == 3

    def test_of_the_recording_draws_stems_without_one(self, splitter, usdc, vocals, work, bank, buyer, sold):
        sold(work)
        bank.income(vocals, usdc, 4)
        splitter.withdraw(vocals, usdc, TITLE_SLOT, buyer, sender=buyer)

    def test_of_a_stem_draws_that_stem_alone(self, splitter, usdc, work, vocals, bank, creator, buyer, sold):
        sold(vocals)
        for each in (work, vocals):
            bank.income(each, usdc, 4)
        splitter.withdraw(vocals, usdc, TITLE_SLOT, buyer, sender=buyer)
        with reverts("NotSlotOwner", work=vocals, account=creator.address, owner=buyer.address):
            simulate(splitter.withdraw, vocals, usdc, TITLE_SLOT, creator, sender=creator)
        with reverts("NotSlotOwner", work=work, account=buyer.address, owner=creator.address):
            simulate(splitter.withdraw, work, usdc, TITLE_SLOT, buyer, sender=buyer)

    def test_leaves_the_slots_to_their_owners(self, splitter, usdc, work, bank, singer, sold):
        sold(work)
        bank.income(work, usdc, 4)
        splitter.withdraw(work, usdc, 0, singer, sender=singer)


class TestWithdrawMany:
    def test_draws_a_recording_and_its_stems(self, splitter, usdc, work, bank, creator, stranger):
        for each in works_of(work):
            bank.income(each, usdc, 4)
        assert answer(splitter.withdrawMany, work, ALL_WORKS, usdc, TITLE_SLOT, stranger, sender=creator) == 7 * 3
        receipt = splitter.withdrawMany(work, ALL_WORKS, usdc, TITLE_SLOT, stranger, sender=creator)
        assert usdc.balanceOf(stranger) == 7 * 3
        withdrawn = [event for event in events_of(receipt, splitter) if event.event_name == "Withdrawn"]
        assert [(event.workId, event.amount) for event in withdrawn] == [(each, 3) for each in works_of(work)]
        assert len(receipt.events) == len(withdrawn) + 1, "one transfer for all"

    def test_draws_the_named_works(self, splitter, usdc, work, bank, singer):
        for each in works_of(work):
            bank.income(each, usdc, 4)
        named = works_mask([Kind.DRUMS, Kind.OTHER])
        splitter.withdrawMany(work, named, usdc, 0, singer, sender=singer)
        left = [splitter.available(each, usdc, 0) for each in works_of(work)]
        assert left == [1, 1, 0, 1, 1, 1, 0]

    def test_passes_over_works_without_income(self, splitter, usdc, work, vocals, bank, creator):
        bank.income(vocals, usdc, 4)
        receipt = splitter.withdrawMany(work, ALL_WORKS, usdc, TITLE_SLOT, creator, sender=creator)
        assert [event.workId for event in receipt.decode_logs(splitter.Withdrawn)] == [vocals]

    def test_needs_the_slot_of_every_named_work(self, splitter, usdc, work, vocals, bank, creator, buyer, sold):
        sold(vocals)
        bank.income(work, usdc, 4)
        with reverts("NotSlotOwner", work=vocals, account=creator.address, owner=buyer.address):
            simulate(splitter.withdrawMany, work, ALL_WORKS, usdc, TITLE_SLOT, creator, sender=creator)
        others = ALL_WORKS - works_mask([Kind.VOCALS])
        splitter.withdrawMany(work, others, usdc, TITLE_SLOT, creator, sender=creator)

    def test_with_no_income_at_all(self, splitter, usdc, work, creator):
        with reverts("NothingToWithdraw", recordingId=work, slot=TITLE_SLOT):
            simulate(splitter.withdrawMany, work, ALL_WORKS, usdc, TITLE_SLOT, creator, sender=creator)

    def test_without_works(self, splitter, usdc, work, creator):
        with reverts("NoWorks"):
            simulate(splitter.withdrawMany, work, 0, usdc, TITLE_SLOT, creator, sender=creator)

    def test_of_what_is_no_recording_or_no_kind(self, splitter, usdc, work, vocals, creator):
        for recording, works in ((vocals, 1), (work, 0x80), (work, 0xFF)):
            with reverts("UnknownWork", work=recording):
                simulate(splitter.withdrawMany, recording, works, usdc, TITLE_SLOT, creator, sender=creator)


class TestWithdrawToPayout:
    def test_by_anyone(self, splitter, usdc, ipnft, work, bank, creator, stranger, relayer):
        ipnft.setPayout(stranger, sender=creator)
        bank.income(work, usdc, 4)
        splitter.withdrawToPayout(work, RECORDING, usdc, TITLE_SLOT, sender=relayer)
        assert usdc.balanceOf(stranger) == 3

    def test_of_a_slot(self, splitter, usdc, ipnft, work, bank, singer, stranger, relayer):
        ipnft.setPayout(stranger, sender=singer)
        bank.income(work, usdc, 4)
        splitter.withdrawToPayout(work, RECORDING, usdc, 0, sender=relayer)
        assert usdc.balanceOf(stranger) == 1

    def test_follows_the_title(self, splitter, usdc, ipnft, work, bank, creator, buyer, stranger, relayer, sold):
        """The former holder's payout address gets nothing, and a bare holder, who may be an escrow, neither."""
        ipnft.setPayout(stranger, sender=creator)
        sold(work)
        bank.income(work, usdc, 4)
        with reverts("NoPayoutAddress", account=buyer.address):
            simulate(splitter.withdrawToPayout, work, RECORDING, usdc, TITLE_SLOT, sender=relayer)

    def test_of_works_with_the_same_holder(self, splitter, usdc, ipnft, work, vocals, bank, creator, buyer, sold):
        for account in (creator, buyer):
            ipnft.setPayout(account, sender=account)
        sold(vocals)
        bank.income(work, usdc, 4)
        bank.income(vocals, usdc, 4)
        with reverts("NotSlotOwner", work=vocals, account=creator.address, owner=buyer.address):
            simulate(splitter.withdrawToPayout, work, ALL_WORKS, usdc, TITLE_SLOT, sender=buyer)
        others = ALL_WORKS - works_mask([Kind.VOCALS])
        splitter.withdrawToPayout(work, others, usdc, TITLE_SLOT, sender=buyer)
        splitter.withdrawToPayout(work, works_mask([Kind.VOCALS]), usdc, TITLE_SLOT, sender=creator)
        assert usdc.balanceOf(creator) == 3

    def test_refusals(self, splitter, usdc, ipnft, work, vocals, creator, relayer):
        ipnft.setPayout(creator, sender=creator)
        for error, recording, works, slot in (
            ("NoWorks", work, 0, TITLE_SLOT),
            ("UnknownWork", work, 0x80, TITLE_SLOT),
            ("UnknownWork", vocals, 1, TITLE_SLOT),
            ("UnknownSlot", work, 1, 3),
            ("NothingToWithdraw", work, 1, TITLE_SLOT),
        ):
            with reverts(error):
                simulate(splitter.withdrawToPayout, recording, works, usdc, slot, sender=relayer)


def test_a_stopped_token_is_still_paid_out(splitter, usdc, guardian, work, bank, creator):
    bank.income(work, usdc, 4)
    splitter.stopToken(usdc, sender=guardian)
    splitter.withdraw(work, usdc, TITLE_SLOT, creator, sender=creator)
    assert usdc.balanceOf(creator) == 3
