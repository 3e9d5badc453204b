"""Exclusive licenses: whom they keep out, whom not, and that time alone ends them."""

import pytest
from market import ALL_WORKS, ONE_DAY
from reverting import reverts, simulate

from stemma.chain.licensing import LicenseKind
from stemma.works import STEM_KINDS, Kind

STREAM, SYNC = LicenseKind.STREAM, LicenseKind.SYNC
VOCALS, DRUMS = 1 << Kind.VOCALS, 1 << Kind.DRUMS


@pytest.fixture
def exclusive(market) -> bytes:
    """Exclusive SYNC terms for a day."""
    return market.publish(SYNC, exclusive=True, duration=ONE_DAY)


@pytest.fixture
def plain(market) -> bytes:
    """SYNC terms for everyone."""
    return market.publish(SYNC)


@pytest.fixture
def grant(manager, market, licenses):
    """Buys by a free offer; when the exclusive time ends."""
    nonces = iter(range(100, 200))

    def grant(terms_id: bytes, work: int = market.work, holder=market.seller) -> int:
        make = market.offer if holder is market.seller else market.offer_now
        offer = make(terms_id, work=work, seller=holder.address, price=0, nonce=next(nonces))
        purchase, *rest = market.by_offer(offer, signed=market.sign(offer, by=holder))
        manager.buy(purchase, *rest, sender=market.buyer)
        return licenses.licenseOf(market.license_of(purchase)).expiresAt

    return grant


@pytest.fixture
def can_grant(market):
    """Buys by a free offer in a simulation; raises Reverted."""

    def buy(terms_id: bytes, work: int = market.work, holder=market.seller) -> None:
        make = market.offer if holder is market.seller else market.offer_now
        offer = make(terms_id, work=work, seller=holder.address, price=0, nonce=99)
        signed = market.sign(offer, by=holder)
        simulate(market.manager.buy, *market.by_offer(offer, signed=signed), sender=market.buyer)

    return buy


class TestOfARecording:
    def test_is_kept_and_told(self, manager, market, exclusive, buyer):
        receipt = manager.buy(*market.by_offer(market.offer(exclusive)), sender=buyer)
        (granted,) = receipt.decode_logs(manager.ExclusivityGranted)
        until = market.chain.blocks[receipt.block_number].timestamp + ONE_DAY
        expected = (market.work, SYNC, market.work, ALL_WORKS, until)
        assert tuple(granted.event_arguments.values()) == expected
        assert tuple(manager.exclusivityOf(market.work, SYNC)) == (until, ALL_WORKS, [0] * 6)

    def test_keeps_out_its_kind(self, market, exclusive, plain, grant, can_grant):
        until = grant(exclusive)
        for terms_id in (plain, exclusive):
            with reverts("ExclusivelyLicensed", work=market.work, kind=SYNC, until=until):
                can_grant(terms_id)

    def test_and_its_kind_only(self, market, exclusive, grant, can_grant):
        grant(exclusive)
        for kind in (kind for kind in LicenseKind if kind is not SYNC):
            can_grant(market.publish(kind))

    def test_and_not_other_recordings(self, manager, market, exclusive, grant):
        grant(exclusive)
        assert tuple(manager.exclusivityOf(market.work + 256, SYNC)) == (0, 0, [0] * 6)

    def test_keeps_out_of_the_stems_it_covers(self, market, exclusive, plain, grant, can_grant):
        until = grant(exclusive)
        for kind in STEM_KINDS:
            with reverts("ExclusivelyLicensed", work=market.work | kind, kind=SYNC, until=until):
                can_grant(plain, market.work | kind)

    def test_and_of_those_minted_and_sold_since(self, market, exclusive, plain, stranger, grant, can_grant):
        """A stem's title does not free what was granted before; its buyer can see that beforehand."""
        until = grant(exclusive)
        stem = market.work | Kind.DRUMS
        market.mint(stem, to=stranger)
        with reverts("ExclusivelyLicensed", work=stem, until=until):
            can_grant(plain, stem, stranger)

    def test_not_of_stems_titled_before(self, manager, market, exclusive, plain, stranger, grant, can_grant):
        stem = market.work | Kind.DRUMS
        market.mint(stem, to=stranger)
        grant(exclusive)
        assert manager.exclusivityOf(market.work, SYNC).coverage == ALL_WORKS & ~DRUMS
        can_grant(plain, stem, stranger)

    def test_until_time_frees_it(self, market, exclusive, plain, grant, can_grant):
        until = grant(exclusive)
        market.chain.mine(timestamp=until - 1)
        with reverts("ExclusivelyLicensed", until=until):
            can_grant(plain)
        market.chain.mine(timestamp=until)
        can_grant(plain)
        can_grant(exclusive)

    def test_renewed_once_free(self, manager, market, exclusive, grant):
        market.chain.mine(timestamp=grant(exclusive))
        until = grant(exclusive)
        assert tuple(manager.exclusivityOf(market.work, SYNC)) == (until, ALL_WORKS, [0] * 6)

    def test_leaves_earlier_licenses_alone(self, market, licenses, exclusive, plain, grant, manager, buyer):
        offer = market.offer(plain)
        purchase, *rest = market.by_offer(offer)
        manager.buy(purchase, *rest, sender=buyer)
        grant(exclusive)
        assert licenses.isValid(market.license_of(purchase))


class TestOfAStem:
    def test_is_kept(self, manager, market, exclusive, grant):
        until = grant(exclusive, market.work | Kind.DRUMS)
        assert tuple(manager.exclusivityOf(market.work, SYNC)) == (0, 0, [0, until, 0, 0, 0, 0])

    def test_keeps_out_of_itself_and_of_the_recording_that_covers_it(self, market, exclusive, plain, grant, can_grant):
        stem = market.work | Kind.DRUMS
        until = grant(exclusive, stem)
        for work in (stem, market.work):
            with reverts("ExclusivelyLicensed", work=work, kind=SYNC, until=until):
                can_grant(plain, work)

    def test_and_not_of_other_stems(self, market, exclusive, plain, grant, can_grant):
        grant(exclusive, market.work | Kind.DRUMS)
        for kind in (kind for kind in STEM_KINDS if kind is not Kind.DRUMS):
            can_grant(plain, market.work | kind)

    def test_nor_of_a_recording_that_does_not_cover_it(self, market, exclusive, plain, stranger, grant, can_grant):
        stem = market.work | Kind.DRUMS
        market.mint(stem, to=stranger)
        grant(exclusive, stem, stranger)
        can_grant(plain)
        with reverts("ExclusivelyLicensed", work=stem):
            can_grant(plain, stem, stranger)

    def test_six_at_once(self, manager, market, exclusive, grant):
        untils = [grant(exclusive, market.work | kind) for kind in STEM_KINDS]
        assert tuple(manager.exclusivityOf(market.work, SYNC)) == (0, 0, untils)

    def test_the_recording_waits_for_the_last(self, manager, market, exclusive, plain, grant, can_grant):
        short = market.publish(SYNC, exclusive=True, duration=ONE_DAY // 2)
        first, last = grant(short, market.work | Kind.OTHER), grant(exclusive, market.work | Kind.VOCALS)
        with reverts("ExclusivelyLicensed", until=last):
            can_grant(plain)
        market.chain.mine(timestamp=first)
        can_grant(plain, market.work | Kind.OTHER)
        with reverts("ExclusivelyLicensed", until=last):
            can_grant(plain)
        market.chain.mine(timestamp=last)
        can_grant(plain)


class TestOfBoth:
    def test_a_recordings_leaves_its_titled_stems_grant(self, manager, market, exclusive, stranger, grant):
        stem = market.work | Kind.VOCALS
        market.mint(stem, to=stranger)
        of_stem = grant(exclusive, stem, stranger)
        of_recording = grant(exclusive)
        kept = (of_recording, ALL_WORKS & ~VOCALS, [of_stem, 0, 0, 0, 0, 0])
        assert tuple(manager.exclusivityOf(market.work, SYNC)) == kept

    def test_a_stems_leaves_its_recordings_grant(self, manager, market, exclusive, stranger, grant):
        stem = market.work | Kind.VOCALS
        market.mint(stem, to=stranger)
        of_recording = grant(exclusive)
        of_stem = grant(exclusive, stem, stranger)
        kept = (of_recording, ALL_WORKS & ~VOCALS, [of_stem, 0, 0, 0, 0, 0])
        assert tuple(manager.exclusivityOf(market.work, SYNC)) == kept


class TestHostile:
    def test_a_recordings_holder_cannot_block_a_sold_stem(self, market, exclusive, plain, stranger, grant, can_grant):
        stem = market.work | Kind.BASS
        market.mint(stem, to=stranger)
        grant(exclusive)
        with reverts("NotRightsHolder", holder=stranger.address):
            can_grant(exclusive, stem)
        can_grant(plain, stem, stranger)

    def test_exclusive_grants_cannot_be_stacked(self, manager, market, exclusive, grant, can_grant):
        """Nobody holds exclusivity beyond the year that terms can have: the next waits for the end of the last."""
        until = grant(exclusive)
        market.pass_time(ONE_DAY // 2)
        with reverts("ExclusivelyLicensed", until=until):
            can_grant(exclusive)

    def test_nor_granted_twice_in_one_go(self, manager, market, exclusive, creator, buyer, stranger):
        with reverts("ExclusivelyLicensed"):
            simulate(manager.grantMany, market.work, exclusive, [buyer, stranger], 0, sender=creator)
        simulate(manager.grantMany, market.work, exclusive, [buyer], 0, sender=creator)


def test_none_beyond_what_its_word_can_hold(manager, market, chain, exclusive, buyer):
    """Times of exclusivity have 32 bits: the last ends on 7 February 2106, and a later one is refused, not cut."""
    chain.mine(timestamp=2**32 - ONE_DAY + 1)
    offer = market.offer(exclusive)
    with reverts("SafeCastOverflowedUintDowncast", bits=32):
        simulate(manager.buy, *market.by_offer(offer), sender=buyer)
