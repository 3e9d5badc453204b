"""REMIX licenses: no work grants more of its remixes' revenue than there is room for, and a license makes one remix."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from commits import digest
from house import House
from licensed_family import works_of
from market import ONE_DAY
from remixes import Family
from reverting import reverts, simulate

from stemma.chain.intents import Parent
from stemma.chain.licensing import MAX_REMIX_PPM, LicenseKind
from stemma.chain.royalties import TRACK_TABLE, Entry
from stemma.works import Kind

REMIX = LicenseKind.REMIX
PPM = 5_000


@pytest.fixture
def family(registry, domain, creator, attestor, market) -> Family:
    """The creator's tracks and remixes."""
    return Family(registry, domain, creator, attestor, market.now)


@pytest.fixture
def remix(family, market, manager, creator):
    """Registers the creator's remix of a work, by a license that it grants itself."""

    def remix(work: int, ppm: int) -> int:
        terms_id = market.publish(REMIX, remix_ppm=ppm)
        manager.grantMany(work, terms_id, [creator], 0, sender=creator)
        license_id = market.license_of((work, terms_id, creator.address, 0, 0, 0))
        return family.remix("A remix", [Entry(work, ppm)], [license_id])[0]

    return remix


@pytest.fixture
def can_buy(market):
    """Buys by a free offer in a simulation; raises Reverted."""

    def buy(terms_id: bytes, work: int) -> None:
        offer = market.offer(terms_id, work=work, price=0)
        simulate(market.manager.buy, *market.by_offer(offer), sender=market.buyer)

    return buy


class TestShare:
    def test_is_fixed_by_the_license(self, manager, market, licenses, family, creator):
        """The terms' share, whatever the seller sells for less afterwards, is what the remix' table says."""
        track = family.track("A track")
        terms_id = market.publish(REMIX, remix_ppm=50_000)
        manager.grantMany(track, terms_id, [creator], 0, sender=creator)
        license_id = market.license_of((track, terms_id, creator.address, 0, 0, 0))
        assert licenses.licenseOf(license_id).remixPpm == 50_000
        remix, receipt = family.remix("A remix", [Entry(track, 50_000)], [license_id])
        assert licenses.LicenseConsumed(license_id, track, remix) in receipt.events
        assert licenses.licenseOf(license_id).remix == remix
        assert market.house["StemRegistry"].stackOf(remix) == 50_000

    def test_of_all_that_there_is(self, market, family, can_buy):
        can_buy(market.publish(REMIX, remix_ppm=MAX_REMIX_PPM), family.track("A track"))


class TestRoom:
    def test_for_what_ancestors_leave(self, market, family, remix, can_buy):
        child = remix(family.track("A track"), 700_000)
        can_buy(market.publish(REMIX, remix_ppm=100_000), child)
        too_much = market.publish(REMIX, remix_ppm=100_001)
        for work in (child, child | Kind.VOCALS):
            with reverts("NoRoomForRemix", work=work, stackPpm=700_000, remixPpm=100_001, ancestorCount=1):
                can_buy(too_much, work)

    def test_other_kinds_need_none(self, market, family, remix, can_buy):
        child = remix(family.track("A track"), MAX_REMIX_PPM)
        for kind in (kind for kind in LicenseKind if kind is not REMIX):
            can_buy(market.publish(kind), child)

    def test_for_one_more_ancestor(self, project, house, market, admin, domain, creator, attestor):
        """A table of 128 takes no parent more; one of 127 does. Here every license fits, to build the tables sooner."""
        ancestry = admin.deploy(
            project.StemRegistry,
            *(house["Roles"], house["IPNFT"], house["RoyaltySplitter"], admin.deploy(project.GenerousLicenses)),
        )
        titles = admin.deploy(project.IPNFT, ancestry)
        peers = (house["Roles"], ancestry, titles, house["RoyaltySplitter"], house["Licenses"], house["Disputes"])
        manager = admin.deploy(project.LicenseManager, *peers)
        family = Family(ancestry, replace(domain, registry=ancestry.address), creator, attestor, market.now)

        def remix(title: str, works: Sequence[int]) -> int:
            return family.remix(title, [Entry(work, 1) for work in sorted(works)], [1] * len(works))[0]

        works = [work for place in range(18) for work in works_of(family.track(f"Track {place}"))]
        remixes = [remix(f"Remix {start}", works[start : start + 16]) for start in range(0, 7 * 16, 16)]
        rest = works[7 * 16 :][:9]
        full, almost = remix("All", [*remixes, *rest]), remix("Almost all", [*remixes, *rest[:-1]])

        there = replace(market, house=House(house.contracts | {"IPNFT": titles, "LicenseManager": manager}, house.usdc))
        terms_id = there.publish(REMIX, remix_ppm=PPM)
        simulate(manager.quote, *there.by_offer(there.offer(terms_id, work=almost))[:2])
        with reverts("NoRoomForRemix", work=full, stackPpm=128, remixPpm=PPM, ancestorCount=128):
            simulate(manager.quote, *there.by_offer(there.offer(terms_id, work=full))[:2])


class TestConsumption:
    @pytest.fixture
    def track(self, family) -> int:
        return family.track("A track")

    @pytest.fixture
    def licensed(self, market, manager, family, track, creator):
        """Grants the creator a license of the track under these terms; its id."""

        def grant(**changes) -> int:
            terms_id = market.publish(**{"kind": REMIX, "remix_ppm": PPM} | changes)
            manager.grantMany(track, terms_id, [creator], 0, sender=creator)
            return market.license_of((track, terms_id, creator.address, 0, 0, 0))

        return grant

    @pytest.fixture
    def can_register(self, family, registry, track, creator):
        """Registers a remix in a simulation; raises Reverted."""

        def register(license_id: int, work: int = track) -> None:
            registration = replace(family.registration("A remix"), parents=(Parent(work, license_id),))
            arguments = family.arguments(registration, family.tables_of([Entry(work, PPM)]))
            simulate(registry.registerAttested, *arguments, sender=creator)

        return register

    def test_makes_one_remix(self, family, track, licensed, can_register):
        license_id = licensed()
        can_register(license_id)
        remix, _ = family.remix("Another remix", [Entry(track, PPM)], [license_id])
        with reverts("AlreadyConsumed", licenseId=license_id, remixId=remix):
            can_register(license_id)

    def test_ends_its_transfers(self, licenses, family, track, licensed, creator, stranger):
        license_id = licensed(transferable=True)
        simulate(licenses.transferFrom, creator, stranger, license_id, sender=creator)
        family.remix("A remix", [Entry(track, PPM)], [license_id])
        with reverts("NotTransferable", licenseId=license_id):
            simulate(licenses.transferFrom, creator, stranger, license_id, sender=creator)

    def test_of_a_license_handed_on(self, licenses, licensed, can_register, creator, stranger):
        license_id = licensed(transferable=True)
        licenses.transferFrom(creator, stranger, license_id, sender=creator)
        with reverts("NotLicensee", holder=stranger.address, account=creator.address):
            can_register(license_id)

    def test_of_another_work(self, family, track, licensed, can_register):
        with reverts("WrongWork", licensed=track, work=track | Kind.VOCALS):
            can_register(licensed(), track | Kind.VOCALS)

    def test_of_another_kind(self, licensed, can_register):
        with reverts("WrongKind", kind=LicenseKind.COMMERCIAL):
            can_register(licensed(kind=LicenseKind.COMMERCIAL, remix_ppm=0))

    def test_after_it_expired(self, market, licensed, can_register):
        license_id = licensed(duration=1)
        market.pass_time(2)
        with reverts("LicenseExpired", licenseId=license_id):
            can_register(license_id)

    def test_during_a_flag(self, market, disputes, arbiter, track, licensed, can_register):
        """What was licensed before stays good."""
        license_id = licensed()
        disputes.flag(track, market.now + ONE_DAY, digest("why"), sender=arbiter)
        can_register(license_id)

    def test_after_the_title_was_sold(self, market, family, registry, creator, stranger):
        """Nothing that happens to a title takes back what was licensed."""
        market.mint(market.work)
        terms_id = market.publish(REMIX, remix_ppm=PPM)
        market.manager.grantMany(market.work, terms_id, [creator], 0, sender=creator)
        market.transfer(market.work, holder=creator, to=stranger)
        market.manager.revokeAll(sender=creator)
        license_id = market.license_of((market.work, terms_id, creator.address, 0, 0, 0))
        family.tables[market.work] = TRACK_TABLE
        remix, _ = family.remix("A remix", [Entry(market.work, PPM)], [license_id])
        assert registry.stackOf(remix) == PPM
