"""Flags: by arbiters, for a bounded time, three in a row at most; and what they stop and what not."""

import pytest
from market import DOLLAR
from reverting import reverts, simulate

from stemma.chain.intents import sign_typed_data
from stemma.chain.licensing import NATIVE
from stemma.chain.withdrawals import TITLE_SLOT, Withdrawal, withdrawal_typed_data, works_mask
from stemma.works import Kind, stem_id

DAY = 86_400
REASON = b"a complaint".ljust(32, b"\0")


@pytest.fixture(scope="module")
def singer(accounts):
    return accounts[6]


@pytest.fixture(scope="module")
def track(family, singer):
    return family.split_track("a disputed track", [(singer, 250_000)])


@pytest.fixture(scope="module")
def other(family):
    return family.track("an undisputed track")


@pytest.fixture
def clock(chain):
    class Clock:
        """Simulated calls see the time of the last block on one provider and a little more on the other."""

        @property
        def now(self) -> int:
            return chain.blocks.head.timestamp

        def go_to(self, time: int) -> None:
            chain.mine(timestamp=time)

    return Clock()


@pytest.fixture
def flag(disputes, arbiter, clock):
    """Flags a recording for so many days; the time at which it ends."""

    def flag(recording, days: int = 30) -> int:
        until = clock.now + days * DAY
        disputes.flag(recording, until, REASON, sender=arbiter)
        return until

    return flag


class TestFlag:
    def test_covers_a_recording_and_its_stems(self, disputes, arbiter, clock, track, other):
        until = clock.now + 3 * DAY
        receipt = disputes.flag(track, until, REASON, sender=arbiter)
        assert receipt.events == [
            disputes.Flagged(recordingId=track, arbiter=arbiter, until=until, count=1, reason=REASON)
        ]
        assert all(disputes.isFlagged(track | kind) for kind in Kind)
        assert tuple(disputes.flagOf(stem_id(track, Kind.BASS))) == (until, 1)
        assert not disputes.isFlagged(other)
        assert tuple(disputes.flagOf(other)) == (0, 0)

    def test_ends_by_itself(self, disputes, clock, flag, track):
        until = flag(track)
        clock.go_to(until - 1)
        assert disputes.isFlagged(track)
        clock.go_to(until)
        assert not disputes.isFlagged(track)

    def test_lasts_at_most_thirty_days(self, disputes, arbiter, clock, track):
        with reverts("FlagTooLong", until=clock.now + 31 * DAY):
            simulate(disputes.flag, track, clock.now + 31 * DAY, REASON, sender=arbiter)

    def test_is_not_for_the_past(self, disputes, arbiter, clock, track):
        for until in (0, clock.now):
            with reverts("FlagInThePast", until=until):
                simulate(disputes.flag, track, until, REASON, sender=arbiter)

    def test_is_for_a_recording(self, disputes, arbiter, clock, track):
        with reverts("NotARecording", work=stem_id(track, Kind.BASS)):
            simulate(disputes.flag, stem_id(track, Kind.BASS), clock.now + DAY, REASON, sender=arbiter)

    def test_does_not_come_upon_another(self, disputes, arbiter, clock, flag, track):
        until = flag(track, 2)
        with reverts("AlreadyFlagged", recordingId=track, until=until):
            simulate(disputes.flag, track, clock.now + 30 * DAY, REASON, sender=arbiter)

    def test_is_the_arbiters(self, disputes, clock, track, admin, guardian, creator):
        for account in (admin, guardian, creator):
            with reverts("NotArbiter", caller=account.address):
                simulate(disputes.flag, track, clock.now + DAY, REASON, sender=account)

    def test_is_not_for_a_revoked_arbiter(self, disputes, roles, clock, track, admin, arbiter):
        roles.revokeArbiter(arbiter, sender=admin)
        with reverts("NotArbiter", caller=arbiter.address):
            simulate(disputes.flag, track, clock.now + DAY, REASON, sender=arbiter)


class TestLift:
    def test_ends_it_at_once(self, disputes, arbiter, clock, flag, track):
        flag(track)
        receipt = disputes.lift(track, sender=arbiter)
        assert receipt.events == [
            disputes.FlagLifted(recordingId=track, arbiter=arbiter, until=receipt.timestamp, count=1)
        ]
        assert not disputes.isFlagged(track)
        assert tuple(disputes.flagOf(track)) == (receipt.timestamp, 1)

    def test_of_what_is_not_flagged(self, disputes, arbiter, clock, flag, track):
        with reverts("NotFlagged", recordingId=track):
            simulate(disputes.lift, track, sender=arbiter)
        clock.go_to(flag(track))
        with reverts("NotFlagged", recordingId=track):
            simulate(disputes.lift, track, sender=arbiter)

    def test_is_the_arbiters(self, disputes, flag, track, admin, creator):
        flag(track)
        for account in (admin, creator):
            with reverts("NotArbiter", caller=account.address):
                simulate(disputes.lift, track, sender=account)


class TestCount:
    def test_the_fourth_in_a_row_is_refused(self, disputes, arbiter, clock, flag, track):
        for count in (1, 2, 3):
            until = flag(track)
            assert disputes.flagOf(track).count == count
            clock.go_to(until)
        with reverts("TooManyFlags", recordingId=track, clearAt=until + 90 * DAY):
            simulate(disputes.flag, track, clock.now + DAY, REASON, sender=arbiter)

    def test_lifting_does_not_lower_it(self, disputes, arbiter, clock, flag, track):
        for _ in range(3):
            flag(track)
            lifted = disputes.lift(track, sender=arbiter).timestamp
            clock.go_to(clock.now + 1)
        with reverts("TooManyFlags", clearAt=lifted + 90 * DAY):
            simulate(disputes.flag, track, clock.now + DAY, REASON, sender=arbiter)

    def test_only_ninety_days_without_a_flag_clear_it(self, disputes, arbiter, clock, flag, track):
        clock.go_to(flag(track))
        ended = disputes.flagOf(track).until
        clock.go_to(ended + 90 * DAY - 60)
        clock.go_to(flag(track))
        assert disputes.flagOf(track).count == 2
        clock.go_to(disputes.flagOf(track).until + 90 * DAY)
        flag(track)
        assert disputes.flagOf(track).count == 1

    def test_of_other_recordings_does_not_matter(self, disputes, clock, flag, track, other):
        clock.go_to(flag(track))
        flag(other)
        assert disputes.flagOf(other).count == 1


class TestEffects:
    @pytest.fixture
    def tries(self, splitter, usdc, chain, ipnft, track, creator, singer, relayer):
        """Every way to withdraw, by the title and by a slot, of the recording and of a stem."""
        vocals, works = stem_id(track, Kind.VOCALS), works_mask(Kind)
        for account in (creator, singer):
            ipnft.setPayout(account, sender=account)
        deadline = chain.blocks.head.timestamp + 200 * DAY
        tries = []
        for slot, owner in ((TITLE_SLOT, creator), (0, singer)):
            signed = Withdrawal(owner.address, track, works, usdc.address, slot, owner.address, slot, deadline)
            typed = withdrawal_typed_data(signed, chain_id=chain.chain_id, splitter=splitter.address)
            signature = sign_typed_data(owner.private_key, typed)
            order = (owner.address, track, works, usdc.address, slot, owner.address, slot, deadline)
            tries += [
                (splitter.withdraw, (track, usdc, slot, owner), owner),
                (splitter.withdraw, (vocals, usdc, slot, owner), owner),
                (splitter.withdrawMany, (track, works, usdc, slot, owner), owner),
                (splitter.withdrawSigned, (order, signature), relayer),
                (splitter.withdrawToPayout, (track, works, usdc, slot), relayer),
            ]
        return tries

    def test_no_withdrawal_by_any_slot_until_it_ends(self, usdc, track, bank, clock, flag, tries):
        bank.income(track, usdc, DOLLAR)
        bank.income(stem_id(track, Kind.VOCALS), usdc, DOLLAR)
        for method, arguments, sender in tries:
            simulate(method, *arguments, sender=sender)
        until = flag(track)
        for method, arguments, sender in tries:
            with reverts("RecordingFlagged", recordingId=track):
                simulate(method, *arguments, sender=sender)
        clock.go_to(until + 1)
        for method, arguments, sender in tries:
            simulate(method, *arguments, sender=sender)

    def test_none_of_the_money_moves(self, splitter, disputes, arbiter, usdc, track, bank, flag, creator, singer):
        bank.income(track, usdc, DOLLAR)
        flag(track)
        bank.income(track, usdc, DOLLAR)
        disputes.lift(track, sender=arbiter)
        splitter.withdraw(track, usdc, TITLE_SLOT, creator, sender=creator)
        splitter.withdraw(track, usdc, 0, singer, sender=singer)
        assert usdc.balanceOf(creator) == 1_500_000
        assert usdc.balanceOf(singer) == 500_000

    def test_payments_sweeps_and_settlements_go_on(self, splitter, usdc, track, payer, bank, flag, relayer):
        flag(track)
        bank.income(track, NATIVE, 1)
        usdc.transfer(splitter.receiverOf(track), 5, sender=payer)
        splitter.sweep(track, usdc, sender=relayer)
        assert splitter.accountOf(track, usdc).received == 5

    def test_other_recordings_are_paid_out(self, splitter, usdc, track, other, bank, flag, creator):
        flag(track)
        bank.income(other, usdc, 7)
        splitter.withdraw(other, usdc, TITLE_SLOT, creator, sender=creator)

    def test_ancestors_and_descendants_are_paid_out(self, splitter, usdc, family, track, bank, flag, creator):
        remix = family.remix_of("a remix of the disputed track", {track: 100_000})
        bank.pay(remix, usdc, DOLLAR)
        flag(track)
        splitter.settle(remix, usdc, sender=creator)
        splitter.claim(*family.claim(remix, track), usdc, sender=creator)
        splitter.withdraw(remix, usdc, TITLE_SLOT, creator, sender=creator)
        assert usdc.balanceOf(creator) == 900_000
        with reverts("RecordingFlagged"):
            simulate(splitter.withdraw, track, usdc, TITLE_SLOT, creator, sender=creator)
