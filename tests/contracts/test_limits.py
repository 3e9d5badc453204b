"""What a buyer may demand, what terms may limit, and what stops a work's sale whoever sells."""

import pytest
from commits import digest
from market import ALL_WORKS, NO_OFFER, ONE_DAY
from reverting import reverts, simulate

from stemma.works import STEM_KINDS, Kind


@pytest.fixture(scope="module", autouse=True)
def listed(market, terms_id) -> bytes:
    market.attach(terms_id)
    return terms_id


@pytest.fixture
def can_buy(market):
    """Buys at the attached price in a simulation; raises Reverted."""

    def buy(terms_id: bytes, **changes):
        simulate(market.manager.buy, *market.at_list_price(terms_id, **changes), sender=market.buyer)

    return buy


class TestCoverage:
    def test_of_a_recording_and_its_untitled_stems(self, manager, market, licenses, listed, stranger, buyer):
        market.mint(market.work | Kind.DRUMS, to=stranger)
        market.mint(market.work | Kind.OTHER)
        purchase, *rest = market.at_list_price(listed)
        manager.buy(purchase, *rest, sender=buyer)
        license_id = market.license_of(purchase)
        assert licenses.licenseOf(license_id).coverage == 0b0111011
        assert not licenses.covers(license_id, market.work | Kind.DRUMS)

    @pytest.mark.parametrize("kind", STEM_KINDS)
    def test_of_a_stem_is_the_stem(self, manager, market, licenses, terms_id, buyer, kind):
        market.attach(terms_id, work=market.work | kind)
        purchase, *rest = market.at_list_price(terms_id, work=market.work | kind)
        manager.buy(purchase, *rest, sender=buyer)
        assert licenses.licenseOf(market.license_of(purchase)).coverage == 1 << kind

    def test_as_demanded(self, market, listed, can_buy):
        can_buy(listed, coverage=ALL_WORKS)

    def test_less_than_demanded(self, market, listed, stranger, can_buy):
        """A title minted just before the purchase cannot make it cheaper goods than the buyer saw."""
        market.mint(market.work | Kind.DRUMS, to=stranger)
        given = ALL_WORKS & ~(1 << Kind.DRUMS)
        with reverts("CoverageTooSmall", coverage=given, wanted=ALL_WORKS):
            can_buy(listed, coverage=ALL_WORKS)
        can_buy(listed, coverage=given)

    def test_more_than_there_is(self, listed, can_buy):
        with reverts("CoverageTooSmall", coverage=ALL_WORKS, wanted=0x80):
            can_buy(listed, coverage=0x80)

    def test_a_stem_does_not_cover_its_recording(self, market, terms_id, can_buy):
        stem = market.work | Kind.DRUMS
        market.attach(terms_id, work=stem)
        with reverts("CoverageTooSmall", coverage=1 << Kind.DRUMS, wanted=1):
            can_buy(terms_id, work=stem, coverage=1)

    def test_of_an_earlier_license_stays(self, manager, market, licenses, listed, stranger, buyer):
        purchase, *rest = market.at_list_price(listed)
        manager.buy(purchase, *rest, sender=buyer)
        market.mint(market.work | Kind.DRUMS, to=stranger)
        assert licenses.covers(market.license_of(purchase), market.work | Kind.DRUMS)


class TestVersion:
    def test_is_recorded(self, manager, market, licenses, listed, buyer):
        purchase, *rest = market.at_list_price(listed)
        manager.buy(purchase, *rest, sender=buyer)
        assert licenses.licenseOf(market.license_of(purchase)).version == 0

    def test_of_a_later_separation(
        self, registry, manager, market, licenses, terms_id, creator, relayer, buyer, can_buy
    ):
        """A titled stem keeps its version at mint until its holder takes a later one."""
        titled, untitled = market.work | Kind.BASS, market.work | Kind.PIANO
        market.mint(titled)
        second = market.song.version(1)
        registry.commitSeparation(*second.separation_arguments(second.sign_version(creator)), sender=relayer)
        for work in (titled, untitled):
            market.attach(terms_id, work=work)
        can_buy(terms_id, work=untitled, version=1)
        with reverts("VersionTooLow", version=0, wanted=1):
            can_buy(terms_id, work=titled, version=1)
        purchase, *rest = market.at_list_price(terms_id, version=1)
        manager.buy(purchase, *rest, sender=buyer)
        assert licenses.licenseOf(market.license_of(purchase)).version == 1

    def test_demanded_and_not_there(self, listed, can_buy):
        with reverts("VersionTooLow", version=0, wanted=1):
            can_buy(listed, version=1)


class TestMaxGrants:
    def test_counts_offers_and_grants_and_list_price_together(self, manager, market, creator, buyer, can_buy):
        terms_id = market.publish(max_grants=3)
        market.attach(terms_id)
        manager.buy(*market.at_list_price(terms_id), sender=buyer)
        manager.buy(*market.by_offer(market.offer(terms_id)), sender=buyer)
        manager.grantMany(market.work, terms_id, [buyer], 7, sender=creator)
        assert manager.grantedOf(market.work, terms_id) == 3
        with reverts("GrantsUsedUp", work=market.work, termsId=terms_id, maxGrants=3):
            can_buy(terms_id, salt=2)
        with reverts("GrantsUsedUp"):
            simulate(manager.buy, *market.by_offer(market.offer(terms_id, nonce=2)), sender=buyer)
        with reverts("GrantsUsedUp"):
            simulate(manager.grantMany, market.work, terms_id, [buyer], 8, sender=creator)

    def test_counts_each_work_alone(self, manager, market, creator, buyer):
        terms_id = market.publish(max_grants=1)
        manager.grantMany(market.work, terms_id, [buyer], 0, sender=creator)
        manager.grantMany(market.work | Kind.BASS, terms_id, [buyer], 0, sender=creator)
        with reverts("GrantsUsedUp", work=market.work | Kind.BASS):
            simulate(manager.grantMany, market.work | Kind.BASS, terms_id, [buyer], 1, sender=creator)

    def test_no_sale_and_no_attachment_begins_anew(self, manager, market, creator, stranger, buyer, can_buy):
        terms_id = market.publish(max_grants=1)
        manager.grantMany(market.work, terms_id, [buyer], 0, sender=creator)
        market.mint(market.work, to=stranger)
        market.attach(terms_id, holder=stranger)
        with reverts("GrantsUsedUp"):
            can_buy(terms_id)

    def test_without_limit(self, manager, market, creator, buyer):
        terms_id = market.publish()
        manager.grantMany(market.work, terms_id, [buyer] * 5, 0, sender=creator)
        assert manager.grantedOf(market.work, terms_id) == 5


class TestExpiry:
    def test_as_the_terms_say(self, manager, market, licenses, buyer):
        terms_id = market.publish(duration=ONE_DAY)
        purchase, *rest = market.by_offer(market.offer(terms_id))
        receipt = manager.buy(purchase, *rest, sender=buyer)
        granted_at = market.chain.blocks[receipt.block_number].timestamp
        license = licenses.licenseOf(market.license_of(purchase))
        assert (license.grantedAt, license.expiresAt) == (granted_at, granted_at + ONE_DAY)

    def test_never(self, manager, market, licenses, listed, buyer):
        purchase, *rest = market.at_list_price(listed)
        manager.buy(purchase, *rest, sender=buyer)
        assert licenses.expiresAt(market.license_of(purchase)) == 0

    @pytest.mark.parametrize("transferable", [True, False])
    def test_transferable_as_the_terms_say(self, manager, market, licenses, buyer, stranger, transferable):
        purchase, *rest = market.by_offer(market.offer(market.publish(transferable=transferable)))
        manager.buy(purchase, *rest, sender=buyer)
        assert licenses.licenseOf(market.license_of(purchase)).transferable is transferable


class TestFlag:
    @pytest.fixture
    def flagged(self, disputes, market, arbiter, listed) -> bytes:
        disputes.flag(market.work, market.now + ONE_DAY, digest("why"), sender=arbiter)
        return listed

    def test_stops_the_list_price(self, market, flagged, can_buy):
        with reverts("RecordingFlagged", recordingId=market.work):
            can_buy(flagged)

    def test_stops_offers(self, manager, market, flagged, buyer):
        with reverts("RecordingFlagged", recordingId=market.work):
            simulate(manager.buy, *market.by_offer(market.offer(flagged)), sender=buyer)

    def test_stops_free_grants(self, manager, market, flagged, creator, buyer):
        with reverts("RecordingFlagged"):
            simulate(manager.grantMany, market.work, flagged, [buyer], 0, sender=creator)

    def test_stops_stems_whoever_holds_them(self, manager, market, flagged, stranger, buyer):
        stem = market.work | Kind.VOCALS
        market.mint(stem, to=stranger)
        offer = market.offer_now(flagged, work=stem, seller=stranger.address)
        with reverts("RecordingFlagged", recordingId=market.work):
            simulate(manager.buy, *market.by_offer(offer, signed=market.sign(offer, by=stranger)), sender=buyer)

    def test_stops_quotes(self, manager, market, flagged):
        with reverts("RecordingFlagged"):
            simulate(manager.quote, market.at_list_price(flagged)[0], NO_OFFER)

    def test_until_it_is_lifted(self, disputes, market, arbiter, flagged, can_buy):
        disputes.lift(market.work, sender=arbiter)
        can_buy(flagged)

    def test_until_it_ends(self, market, flagged, can_buy):
        market.pass_time(ONE_DAY + 60)
        can_buy(flagged)

    def test_leaves_licenses_valid(self, manager, disputes, market, licenses, arbiter, listed, buyer):
        purchase, *rest = market.at_list_price(listed)
        manager.buy(purchase, *rest, sender=buyer)
        disputes.flag(market.work, market.now + ONE_DAY, digest("why"), sender=arbiter)
        assert licenses.isValid(market.license_of(purchase))

    def test_leaves_attaching_and_offering(self, manager, market, flagged, creator):
        manager.attach(market.work, flagged, 1, sender=creator)
        manager.detach(market.work, flagged, sender=creator)
