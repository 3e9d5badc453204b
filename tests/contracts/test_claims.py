"""Moving shares: claims out of what a descendant received, settlements of its remainder; by anyone, in any order."""

from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from isolation import isolated
from market import DOLLAR
from money import answer
from reverting import reverts, simulate

from stemma.chain.licensing import NATIVE
from stemma.works import Kind, stem_id

WHOLE = 10**6


@pytest.fixture(scope="module")
def first(family):
    return family.track("the first track")


@pytest.fixture(scope="module")
def second(family):
    return family.track("the second track")


@pytest.fixture(scope="module")
def remix(family, first, second):
    """A remix of a track, of its vocals, and of another track."""
    parents = {first: 100_000, stem_id(first, Kind.VOCALS): 33_333, second: 250_001}
    return family.remix_of("a remix", parents)


@pytest.fixture(scope="module")
def grandchild(family, remix, second):
    """A remix of the remix and of one of its parents: that one's shares add up."""
    return family.remix_of("a remix of the remix", {remix: 70_007, second: 10_000})


class TestClaim:
    def test_moves_the_ancestors_share_into_its_income(self, splitter, usdc, family, remix, first, bank, stranger):
        bank.pay(remix, usdc, 5 * DOLLAR)
        splitter.claim(*family.claim(remix, first), usdc, sender=stranger)
        bank.pay(remix, usdc, 3 * DOLLAR)
        receipt = splitter.claim(*family.claim(remix, first), usdc, sender=stranger)
        assert splitter.movedOf(remix, first, usdc) == 800_000
        assert splitter.accountOf(first, usdc) == (0, 0, 800_000, 0)
        assert splitter.accountOf(remix, usdc) == (8 * DOLLAR, 0, 0, 0)
        assert receipt.events == [
            splitter.Claimed(
                descendant=remix, ancestor=first, token=usdc, amount=300_000, moved=800_000, income=800_000
            )
        ]

    def test_moves_no_liability(self, splitter, usdc, family, remix, first, bank, stranger):
        bank.pay(remix, usdc, 5 * DOLLAR)
        splitter.claim(*family.claim(remix, first), usdc, sender=stranger)
        assert splitter.liabilitiesOf(usdc) == 5 * DOLLAR

    def test_with_nothing_due_does_nothing(self, splitter, usdc, family, remix, first, bank, stranger):
        bank.pay(remix, usdc, 5 * DOLLAR)
        splitter.claim(*family.claim(remix, first), usdc, sender=stranger)
        receipt = splitter.claim(*family.claim(remix, first), usdc, sender=stranger)
        assert receipt.events == []
        assert splitter.accountOf(first, usdc).income == 500_000

    def test_of_what_a_stem_received(self, splitter, usdc, family, remix, first, bank, stranger):
        """A remix' stems share its table; each has its own account."""
        drums = stem_id(remix, Kind.DRUMS)
        bank.pay(drums, usdc, 5 * DOLLAR)
        splitter.claim(*family.claim(drums, first), usdc, sender=stranger)
        assert splitter.movedOf(drums, first, usdc) == splitter.accountOf(first, usdc).income == 500_000
        assert splitter.movedOf(remix, first, usdc) == 0

    def test_for_a_stem(self, splitter, usdc, family, remix, first, bank, stranger):
        vocals = stem_id(first, Kind.VOCALS)
        bank.pay(remix, usdc, 5 * DOLLAR)
        splitter.claim(*family.claim(remix, vocals), usdc, sender=stranger)
        assert splitter.accountOf(vocals, usdc).income == 166_665
        assert splitter.accountOf(first, usdc).income == 0

    def test_of_a_remoter_ancestor(self, splitter, usdc, family, grandchild, first, second, bank, stranger):
        bank.pay(grandchild, usdc, DOLLAR)
        splitter.claim(*family.claim(grandchild, first), usdc, sender=stranger)
        splitter.claim(*family.claim(grandchild, second), usdc, sender=stranger)
        assert splitter.accountOf(first, usdc).income == 100_000
        assert splitter.accountOf(second, usdc).income == 260_001

    def test_is_paid_only_once(self, splitter, usdc, family, grandchild, remix, first, bank, stranger):
        """What a claim brings a remix is income and cut no more: its ancestors have their own shares of the payment."""
        bank.pay(grandchild, usdc, DOLLAR)
        splitter.claim(*family.claim(grandchild, remix), usdc, sender=stranger)
        receipt = splitter.claim(*family.claim(remix, first), usdc, sender=stranger)
        assert receipt.events == []
        assert splitter.accountOf(remix, usdc) == (0, 0, 70_007, 0)

    def test_tokens_are_apart(self, splitter, usdc, family, remix, first, bank, stranger):
        bank.pay(remix, usdc, DOLLAR)
        bank.pay(remix, NATIVE, 10**18)
        splitter.claim(*family.claim(remix, first), NATIVE, sender=stranger)
        assert splitter.accountOf(first, NATIVE).income == 10**17
        assert splitter.accountOf(first, usdc).income == 0

    def test_what_is_no_entry(self, splitter, usdc, family, remix, first, second, bank, stranger):
        bank.pay(remix, usdc, 5 * DOLLAR)
        descendant, ancestor, ppm, proof = family.claim(remix, first)
        for wrong in (
            (descendant, ancestor, ppm + 1, proof),
            (descendant, stem_id(first, Kind.BASS), ppm, proof),
            (descendant, descendant, ppm, proof),
            (descendant, ancestor, ppm, proof[1:]),
            (descendant, ancestor, ppm, [*proof, bytes(32)]),
            (descendant, ancestor, ppm, []),
            (descendant, second, ppm, proof),
        ):
            with reverts("InvalidProof", descendant=descendant, ancestor=wrong[1], ppm=wrong[2]):
                simulate(splitter.claim, *wrong, usdc, sender=stranger)

    def test_against_a_track(self, splitter, usdc, first, second, bank, stranger):
        bank.pay(first, usdc, 5 * DOLLAR)
        with reverts("InvalidProof", descendant=first, ancestor=second):
            simulate(splitter.claim, first, second, 1, [], usdc, sender=stranger)


class TestClaimMany:
    def test_is_many_claims(self, splitter, usdc, family, remix, grandchild, first, second, bank, stranger):
        bank.pay(remix, usdc, DOLLAR)
        bank.pay(grandchild, usdc, DOLLAR)
        pairs = [(remix, first), (grandchild, first), (remix, second), (grandchild, remix)]
        claims = [family.claim(*pair) for pair in pairs]
        assert answer(splitter.claimMany, claims, usdc, sender=stranger) == 100_000 + 100_000 + 250_001 + 70_007
        receipt = splitter.claimMany(claims, usdc, sender=stranger)
        assert [event.event_name for event in receipt.events] == ["Claimed"] * 4
        assert splitter.accountOf(first, usdc).income == 200_000

    def test_the_same_twice(self, splitter, usdc, family, remix, first, bank, stranger):
        bank.pay(remix, usdc, DOLLAR)
        receipt = splitter.claimMany([family.claim(remix, first)] * 2, usdc, sender=stranger)
        assert len(receipt.events) == 1
        assert splitter.accountOf(first, usdc).income == 100_000

    def test_one_wrong(self, splitter, usdc, family, remix, first, second, bank, stranger):
        bank.pay(remix, usdc, DOLLAR)
        wrong = (remix, second, 1, [])
        with reverts("InvalidProof", ancestor=second):
            simulate(splitter.claimMany, [family.claim(remix, first), wrong], usdc, sender=stranger)

    def test_none(self, splitter, usdc, stranger):
        assert splitter.claimMany([], usdc, sender=stranger).events == []


class TestSettle:
    def test_moves_the_remainder_into_the_works_own_income(self, splitter, usdc, remix, bank, stranger):
        bank.pay(remix, usdc, DOLLAR)
        splitter.settle(remix, usdc, sender=stranger)
        bank.pay(remix, usdc, DOLLAR)
        receipt = splitter.settle(remix, usdc, sender=stranger)
        own = WHOLE - 383_334
        assert splitter.accountOf(remix, usdc) == (2 * DOLLAR, 2 * own, 2 * own, 0)
        assert receipt.events == [
            splitter.Settled(workId=remix, token=usdc, amount=own, ownMoved=2 * own, income=2 * own)
        ]

    def test_of_a_track_is_all_of_it(self, splitter, usdc, first, bank, stranger):
        bank.pay(first, usdc, 7)
        splitter.settle(first, usdc, sender=stranger)
        assert splitter.accountOf(first, usdc) == (7, 7, 7, 0)

    def test_of_a_stem_leaves_its_recordings_ancestors_their_share(self, splitter, usdc, remix, bank, stranger):
        drums = stem_id(remix, Kind.DRUMS)
        bank.pay(drums, usdc, DOLLAR)
        splitter.settle(drums, usdc, sender=stranger)
        assert splitter.accountOf(drums, usdc).income == WHOLE - 383_334

    def test_with_nothing_due_does_nothing(self, splitter, usdc, first, stranger):
        assert splitter.settle(first, usdc, sender=stranger).events == []

    def test_many(self, splitter, usdc, first, remix, bank, stranger):
        bank.pay(first, usdc, 5)
        bank.pay(remix, usdc, DOLLAR)
        works = [first, remix, first]
        assert answer(splitter.settleMany, works, usdc, sender=stranger) == 5 + WHOLE - 383_334
        assert [event.amount for event in splitter.settleMany(works, usdc, sender=stranger).events] == [
            5,
            WHOLE - 383_334,
        ]

    def test_work_that_is_none(self, splitter, usdc, first, stranger):
        with reverts("UnknownWork", work=first | 7):
            simulate(splitter.settle, first | 7, usdc, sender=stranger)
        with reverts("UnknownWork", work=first | 7):
            simulate(splitter.settleMany, [first, first | 7], usdc, sender=stranger)


class TestOrder:
    def test_of_steps_does_not_matter(self, splitter, usdc, family, chain, remix, first, second, bank, stranger):
        """Whoever moves what when, once all is moved everybody has the same."""

        def settle():
            splitter.settle(remix, usdc, sender=stranger)

        def claim_first():
            splitter.claim(*family.claim(remix, first), usdc, sender=stranger)

        def claim_second():
            splitter.claim(*family.claim(remix, second), usdc, sender=stranger)

        outcomes = set()
        for steps in permutations([settle, claim_first, claim_second]):
            with isolated():
                bank.pay(remix, usdc, 1_000_003)
                steps[0]()
                bank.pay(remix, usdc, 999_998)
                for step in steps:
                    step()
                outcomes.add(tuple(splitter.accountOf(work, usdc).income for work in (remix, first, second)))
        received = 2_000_001
        assert outcomes == {
            (received * (WHOLE - 383_334) // WHOLE, received * 100_000 // WHOLE, received * 250_001 // WHOLE)
        }

    @given(payments=st.lists(st.integers(1, 10**12), min_size=1, max_size=5))
    @settings(
        max_examples=3,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    def test_dust_is_less_than_one_unit_per_ancestor(self, splitter, usdc, family, chain, grandchild, bank, payments):
        """However many payments it came in: shares round on the total."""
        entries = family.tables[grandchild].entries
        with isolated():
            for amount in payments:
                bank.pay(grandchild, usdc, amount)
                splitter.settle(grandchild, usdc, sender=bank.anyone)
            claims = [family.claim(grandchild, entry.work) for entry in entries]
            splitter.claimMany(claims, usdc, sender=bank.anyone)
            received = splitter.accountOf(grandchild, usdc).received
            incomes = {entry.work: splitter.accountOf(entry.work, usdc).income for entry in entries}
            own = splitter.accountOf(grandchild, usdc).income
        assert received == sum(payments)
        dust = received - own - sum(incomes.values())
        assert 0 <= dust <= len(entries)
        for work, ppm in entries:
            assert incomes[work] == Fraction(received * ppm, WHOLE).__floor__()


class TestNothingStopsClaims:
    @pytest.fixture
    def paid(self, usdc, remix, bank):
        bank.pay(remix, usdc, DOLLAR)

    def move(self, splitter, usdc, family, remix, first, stranger):
        splitter.claim(*family.claim(remix, first), usdc, sender=stranger)
        splitter.settle(remix, usdc, sender=stranger)
        assert splitter.accountOf(first, usdc).income == 100_000
        assert splitter.accountOf(remix, usdc).income == WHOLE - 383_334

    @pytest.mark.usefixtures("paid")
    def test_not_a_flag(self, splitter, disputes, arbiter, chain, usdc, family, remix, first, stranger, bank):
        until = chain.blocks.head.timestamp + 86_400
        for recording in (remix, first):
            disputes.flag(recording, until, bytes(32), sender=arbiter)
        bank.pay(first, NATIVE, 1)
        self.move(splitter, usdc, family, remix, first, stranger)

    @pytest.mark.usefixtures("paid")
    def test_not_a_stopped_token(self, splitter, guardian, usdc, family, remix, first, stranger):
        splitter.stopToken(usdc, sender=guardian)
        self.move(splitter, usdc, family, remix, first, stranger)
