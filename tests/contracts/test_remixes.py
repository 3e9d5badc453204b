"""Remixes with real licenses: what registration consumes, from whom, and what stays good whatever happens later."""

import pytest
from commits import digest
from remixes import Family
from reverting import reverts, simulate

from stemma.chain.intents import Parent
from stemma.chain.licensing import LicenseKind
from stemma.chain.royalties import Entry, RoyaltyTable
from stemma.works import Kind

REMIX_PPM = 100_000


@pytest.fixture
def family(registry, chain, domain, stranger, attestor, market) -> Family:
    """The stranger remixes the market's song."""
    family = Family(registry, domain, stranger, attestor, chain.pending_timestamp)
    family.tables[market.work] = RoyaltyTable()
    return family


@pytest.fixture
def terms(market) -> bytes:
    return market.publish(LicenseKind.REMIX, remix_ppm=REMIX_PPM, transferable=True)


@pytest.fixture
def licensed(market, licenses, terms):
    """Grants licenses for nothing; their ids."""

    def licensed(work, licensee, *, salt: int = 1, terms_id: bytes = terms) -> int:
        receipt = market.manager.grantMany(work, terms_id, [licensee], salt, sender=market.seller)
        [granted] = receipt.decode_logs(licenses.LicenseGranted)
        return granted.licenseId

    return licensed


@pytest.fixture
def refused(registry, family):
    """Tries to register a remix of parents; one table for each of the parents' recordings, all of tracks."""

    def refused(*parents: Parent, tables: int = 1) -> None:
        registration = family.registration("Remix", parents)
        simulate(registry.registerAttested, *family.arguments(registration, [[]] * tables), sender=family.creator)

    return refused


class TestConsumed:
    def test_binds_the_license_to_the_remix(self, registry, licenses, market, family, licensed):
        license_id = licensed(market.work, family.creator)
        remix, receipt = family.remix("Remix", [Entry(market.work, REMIX_PPM)], [license_id])
        assert receipt.decode_logs(licenses.LicenseConsumed) == [
            licenses.LicenseConsumed(licenseId=license_id, workId=market.work, remixId=remix)
        ]
        assert licenses.licenseOf(license_id).remix == remix
        assert registry.tableOf(remix).root == family.tables[remix].root
        assert registry.stackOf(remix) == REMIX_PPM

    def test_events_tell_the_whole_ancestry(self, registry, licenses, market, family, licensed):
        vocals = market.work | Kind.VOCALS
        ids = [licensed(market.work, family.creator), licensed(vocals, family.creator, salt=2)]
        remix, receipt = family.remix("Remix", [Entry(market.work, REMIX_PPM), Entry(vocals, REMIX_PPM)], ids)
        assert [log.event_name for log in receipt.events] == [
            "RecordingRegistered",
            "LicenseConsumed",
            "ParentFixed",
            "LicenseConsumed",
            "ParentFixed",
            "RoyaltyEntry",
            "RoyaltyEntry",
            "RoyaltyTableFixed",
        ]
        assert registry.tableOf(remix).ancestorCount == 2

    def test_can_no_longer_be_transferred(self, licenses, market, family, licensed, buyer):
        license_id = licensed(market.work, family.creator)
        family.remix("Remix", [Entry(market.work, REMIX_PPM)], [license_id])
        with reverts("NotTransferable", licenseId=license_id):
            simulate(licenses.transferFrom, family.creator, buyer, license_id, sender=family.creator)

    def test_once(self, market, family, licensed, refused):
        license_id = licensed(market.work, family.creator)
        remix, _ = family.remix("First remix", [Entry(market.work, REMIX_PPM)], [license_id])
        with reverts("AlreadyConsumed", licenseId=license_id, remixId=remix):
            refused(Parent(market.work, license_id))

    def test_during_a_flag(self, registry, disputes, market, family, licensed, arbiter):
        license_id = licensed(market.work, family.creator)
        disputes.flag(market.work, market.now + 3600, digest("reason"), sender=arbiter)
        remix, _ = family.remix("Remix", [Entry(market.work, REMIX_PPM)], [license_id])
        assert registry.stackOf(remix) == REMIX_PPM

    def test_after_the_works_title_was_sold(self, registry, market, family, licensed, buyer):
        license_id = licensed(market.work, family.creator)
        market.mint(market.work, to=buyer)
        remix, _ = family.remix("Remix", [Entry(market.work, REMIX_PPM)], [license_id])
        assert registry.stackOf(remix) == REMIX_PPM

    def test_one_that_was_bought_from_its_first_holder(self, registry, licenses, market, family, licensed, buyer):
        license_id = licensed(market.work, buyer)
        licenses.transferFrom(buyer, family.creator, license_id, sender=buyer)
        remix, _ = family.remix("Remix", [Entry(market.work, REMIX_PPM)], [license_id])
        assert registry.exists(remix)


class TestRefused:
    def test_without_a_license(self, market, refused):
        with reverts("UnknownLicense", licenseId=7):
            refused(Parent(market.work, 7))

    def test_of_another_holder(self, market, refused, family, licensed, buyer):
        license_id = licensed(market.work, buyer)
        with reverts("NotLicensee", holder=buyer.address, account=family.creator.address):
            refused(Parent(market.work, license_id))

    def test_of_another_work(self, market, refused, family, licensed):
        """A license of the recording covers its stems for listening, and is no license to remix one of them."""
        license_id = licensed(market.work, family.creator)
        vocals = market.work | Kind.VOCALS
        with reverts("WrongWork", licensed=market.work, work=vocals):
            refused(Parent(vocals, license_id))

    def test_of_another_kind(self, market, refused, family, licensed):
        personal = market.publish(LicenseKind.PERSONAL)
        license_id = licensed(market.work, family.creator, terms_id=personal)
        with reverts("WrongKind", kind=LicenseKind.PERSONAL):
            refused(Parent(market.work, license_id))

    def test_expired(self, market, refused, family, licensed):
        brief = market.publish(LicenseKind.REMIX, remix_ppm=REMIX_PPM, duration=60)
        license_id = licensed(market.work, family.creator, terms_id=brief)
        market.pass_time(120)
        family.now = market.now
        with reverts("LicenseExpired", licenseId=license_id):
            refused(Parent(market.work, license_id))

    def test_the_same_license_for_two_parents(self, market, refused, family, licensed):
        license_id = licensed(market.work, family.creator)
        with reverts("AlreadyConsumed"):
            refused(Parent(market.work, license_id), Parent(market.work, license_id))

    def test_only_the_registry_consumes(self, licenses, market, family, licensed, admin):
        license_id = licensed(market.work, family.creator)
        for account in (admin, family.creator, market.seller):
            with reverts("NotRegistry", caller=account.address):
                simulate(licenses.consume, license_id, market.work, family.creator, 256, sender=account)

    def test_signature_covers_the_parents(self, registry, market, family, licensed, relayer):
        """A relayer can neither add a parent nor swap the license that is consumed."""
        first, second = (licensed(market.work, family.creator, salt=salt) for salt in (1, 2))
        signed = family.arguments(family.registration("Remix", [Parent(market.work, first)]), [[]])
        other = family.arguments(family.registration("Remix", [Parent(market.work, second)]), [[]])
        with reverts("InvalidCreatorSignature"):
            simulate(registry.registerAttested, other[0], signed[1], *other[2:], sender=relayer)

    def test_no_room(self, market, family, licensed):
        """The manager grants no license that could never be consumed; what several overflow together shows here."""
        half = market.publish(LicenseKind.REMIX, remix_ppm=500_000)
        works = [market.work, market.work | Kind.VOCALS]
        ids = [licensed(work, family.creator, terms_id=half, salt=9) for work in works]
        registration = family.registration("Remix", [Parent(w, i) for w, i in zip(works, ids, strict=True)])
        with reverts("StackTooHigh", stackPpm=1_000_000, cap=800_000):
            simulate(family.registry.registerAttested, *family.arguments(registration, [[]]), sender=family.creator)
