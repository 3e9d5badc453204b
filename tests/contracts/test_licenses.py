"""Licenses as tokens: what a grant fixes for ever, who may hand one on, what consuming does.

Two accounts stand in for the manager and the registry.
"""

import json
from dataclasses import astuple, dataclass, replace

import pytest
from commits import digest
from market import ALL_WORKS, ONE_DAY
from reverting import reverts, simulate

from stemma.chain.licensing import LicenseKind
from stemma.works import Kind, recording_id

WORK = recording_id(digest("a song"))
REMIX = recording_id(digest("a remix"))
LICENSE = 2**255 + 7
ANOTHER = 5
ZERO = "0x" + "00" * 20


@dataclass(frozen=True)
class License:
    """ILicenses.License."""

    work: int = WORK
    coverage: int = ALL_WORKS
    kind: LicenseKind = LicenseKind.REMIX
    transferable: bool = True
    terms_id: bytes = digest("terms")
    version: int = 3
    granted_at: int = 0
    expires_at: int = 0
    remix_ppm: int = 100_000
    remix: int = 0


@pytest.fixture(scope="module")
def seller_stub(accounts):
    """The account that is the manager of these licenses."""
    return accounts[7]


@pytest.fixture(scope="module")
def registry_stub(accounts):
    return accounts[8]


@pytest.fixture(scope="module")
def licenses(project, admin, seller_stub, registry_stub):
    return admin.deploy(project.Licenses, registry_stub, seller_stub)


@pytest.fixture
def grant(licenses, seller_stub, creator):
    def grant(license_id: int = LICENSE, licensee=creator, **changes):
        return licenses.grant(license_id, licensee, astuple(License(**changes)), sender=seller_stub)

    return grant


@pytest.fixture
def consume(licenses, registry_stub, creator):
    def consume(license_id: int = LICENSE, work: int = WORK, holder=creator, remix: int = REMIX):
        return simulate(licenses.consume, license_id, work, holder.address, remix, sender=registry_stub)

    return consume


class TestGrant:
    def test_snapshot(self, licenses, grant, creator, chain):
        receipt = grant(expires_at=chain.pending_timestamp + ONE_DAY)
        block_time = chain.blocks[receipt.block_number].timestamp
        expected = License(granted_at=block_time, expires_at=licenses.expiresAt(LICENSE))
        assert tuple(licenses.licenseOf(LICENSE)) == astuple(expected)
        assert licenses.ownerOf(LICENSE) == creator
        assert licenses.balanceOf(creator) == 1
        assert licenses.exists(LICENSE)
        assert not licenses.exists(ANOTHER)

    def test_every_field_at_its_limit(self, licenses, grant):
        extreme = License(
            work=2**224 - 250,
            coverage=255,
            kind=LicenseKind.COMMERCIAL,
            transferable=False,
            terms_id=b"\xff" * 32,
            version=2**32 - 1,
            expires_at=2**40 - 1,
            remix_ppm=2**32 - 1,
        )
        grant(**vars(extreme))
        assert astuple(replace(extreme, granted_at=licenses.licenseOf(LICENSE).grantedAt)) == tuple(
            licenses.licenseOf(LICENSE)
        )

    def test_caller_cannot_say_when_or_consume(self, licenses, grant, chain):
        grant(granted_at=1, remix=REMIX)
        assert licenses.licenseOf(LICENSE).grantedAt == chain.blocks.head.timestamp
        assert licenses.licenseOf(LICENSE).remix == 0

    def test_events(self, licenses, grant, creator):
        receipt = grant(expires_at=2**39)
        assert list(receipt.events) == [
            licenses.Transfer(ZERO, creator, LICENSE),
            licenses.LicenseGranted(
                licenseId=LICENSE,
                workId=WORK,
                licensee=creator,
                termsId=digest("terms"),
                kind=LicenseKind.REMIX,
                coverage=ALL_WORKS,
                version=3,
                expiresAt=2**39,
                remixPpm=100_000,
                transferable=True,
            ),
        ]

    def test_once(self, licenses, grant, seller_stub, stranger):
        grant()
        with reverts("LicenseExists", licenseId=LICENSE):
            simulate(licenses.grant, LICENSE, stranger, astuple(License()), sender=seller_stub)

    def test_manager_only(self, licenses, registry_stub):
        with reverts("NotLicenseManager", caller=registry_stub.address):
            simulate(licenses.grant, LICENSE, registry_stub, astuple(License()), sender=registry_stub)

    def test_a_licensee_that_is_a_contract_is_not_called(self, licenses, grant):
        grant(licensee=licenses.address)  # which is no ERC-721 receiver
        assert licenses.ownerOf(LICENSE) == licenses

    def test_nobody_cannot_be_licensed(self, licenses, seller_stub):
        with reverts("ERC721InvalidReceiver", receiver=ZERO):
            simulate(licenses.grant, LICENSE, ZERO, astuple(License()), sender=seller_stub)


class TestTransfer:
    def test_if_the_terms_say_so(self, licenses, grant, creator, stranger):
        grant()
        licenses.transferFrom(creator, stranger, LICENSE, sender=creator)
        assert licenses.ownerOf(LICENSE) == stranger

    def test_only_if_the_terms_say_so(self, licenses, grant, creator, stranger):
        grant(transferable=False)
        with reverts("NotTransferable", licenseId=LICENSE):
            simulate(licenses.transferFrom, creator, stranger, LICENSE, sender=creator)

    def test_not_by_an_operator_either(self, licenses, grant, creator, stranger):
        grant(transferable=False)
        licenses.setApprovalForAll(stranger, True, sender=creator)
        with reverts("NotTransferable", licenseId=LICENSE):
            simulate(licenses.transferFrom, creator, stranger, LICENSE, sender=stranger)

    def test_not_even_to_oneself(self, licenses, grant, creator):
        grant(transferable=False)
        with reverts("NotTransferable", licenseId=LICENSE):
            simulate(licenses.transferFrom, creator, creator, LICENSE, sender=creator)

    def test_by_nobody_else(self, licenses, grant, creator, stranger):
        grant()
        with reverts("ERC721InsufficientApproval", operator=stranger.address, tokenId=LICENSE):
            simulate(licenses.transferFrom, creator, stranger, LICENSE, sender=stranger)

    def test_not_once_consumed(self, licenses, grant, registry_stub, creator, stranger):
        grant()
        licenses.consume(LICENSE, WORK, creator, REMIX, sender=registry_stub)
        with reverts("NotTransferable", licenseId=LICENSE):
            simulate(licenses.transferFrom, creator, stranger, LICENSE, sender=creator)


class TestConsume:
    def test_binds_for_good(self, licenses, grant, registry_stub, creator):
        grant()
        before = licenses.licenseOf(LICENSE)
        assert licenses.consume.call(LICENSE, WORK, creator, REMIX, sender=registry_stub) == 100_000
        receipt = licenses.consume(LICENSE, WORK, creator, REMIX, sender=registry_stub)
        assert list(receipt.events) == [licenses.LicenseConsumed(LICENSE, WORK, REMIX)]
        assert tuple(licenses.licenseOf(LICENSE)) == (*tuple(before)[:-1], REMIX)

    def test_registry_only(self, licenses, grant, seller_stub, creator):
        grant()
        with reverts("NotRegistry", caller=seller_stub.address):
            simulate(licenses.consume, LICENSE, WORK, creator, REMIX, sender=seller_stub)

    def test_once(self, licenses, grant, consume, registry_stub, creator):
        grant()
        licenses.consume(LICENSE, WORK, creator, REMIX, sender=registry_stub)
        with reverts("AlreadyConsumed", licenseId=LICENSE, remixId=REMIX):
            consume(remix=REMIX + 256)

    def test_unknown(self, consume):
        with reverts("UnknownLicense", licenseId=ANOTHER):
            consume(ANOTHER)

    def test_held_by_the_remixer(self, licenses, grant, consume, creator, stranger):
        grant()
        with reverts("NotLicensee", licenseId=LICENSE, holder=creator.address, account=stranger.address):
            consume(holder=stranger)
        licenses.transferFrom(creator, stranger, LICENSE, sender=creator)
        consume(holder=stranger)

    @pytest.mark.parametrize("work", [WORK | Kind.VOCALS, WORK + 256])
    def test_of_exactly_the_work(self, grant, consume, work):
        """A license of a recording covers its stems, and yet is no license to take a stem for a parent."""
        grant()
        with reverts("WrongWork", licensed=WORK, work=work):
            consume(work=work)

    @pytest.mark.parametrize("kind", [kind for kind in LicenseKind if kind is not LicenseKind.REMIX])
    def test_remix_licenses_only(self, grant, consume, kind):
        grant(kind=kind)
        with reverts("WrongKind", licenseId=LICENSE, kind=kind):
            consume()

    def test_until_the_second_of_expiry(self, licenses, grant, consume, chain):
        expiry = chain.pending_timestamp + ONE_DAY
        grant(expires_at=expiry)
        chain.mine(timestamp=expiry - 1)
        consume()
        chain.mine(timestamp=expiry)
        with reverts("LicenseExpired", licenseId=LICENSE, expiresAt=expiry):
            consume()


class TestValidity:
    def test_for_ever(self, licenses, grant, chain):
        grant()
        assert licenses.expiresAt(LICENSE) == 0
        chain.mine(timestamp=chain.pending_timestamp + 3650 * ONE_DAY)
        assert licenses.isValid(LICENSE)

    def test_until_the_second_of_expiry(self, licenses, grant, chain):
        expiry = chain.pending_timestamp + ONE_DAY
        grant(expires_at=expiry)
        chain.mine(timestamp=expiry - 1)
        assert licenses.isValid(LICENSE)
        chain.mine(timestamp=expiry)
        assert not licenses.isValid(LICENSE)
        assert licenses.expiresAt(LICENSE) == expiry

    def test_consumed_stays_good_for_its_remix(self, licenses, grant, chain, registry_stub, creator):
        expiry = chain.pending_timestamp + ONE_DAY
        grant(expires_at=expiry)
        licenses.consume(LICENSE, WORK, creator, REMIX, sender=registry_stub)
        chain.mine(timestamp=expiry + ONE_DAY)
        assert licenses.isValid(LICENSE)

    @pytest.mark.parametrize("view", ["licenseOf", "isValid", "expiresAt", "tokenURI"])
    def test_unknown(self, licenses, view):
        with reverts("UnknownLicense", licenseId=ANOTHER):
            simulate(getattr(licenses, view), ANOTHER)

    def test_unknown_covers_nothing(self, licenses):
        with reverts("UnknownLicense", licenseId=ANOTHER):
            simulate(licenses.covers, ANOTHER, WORK)


class TestCoverage:
    def test_of_a_recording(self, licenses, grant):
        grant(coverage=0b0000101)
        covered = {kind for kind in Kind if licenses.covers(LICENSE, WORK | kind)}
        assert covered == {Kind.RECORDING, Kind.DRUMS}

    def test_of_a_stem(self, licenses, grant):
        grant(work=WORK | Kind.BASS, coverage=1 << Kind.BASS)
        assert {kind for kind in Kind if licenses.covers(LICENSE, WORK | kind)} == {Kind.BASS}

    def test_nothing_of_another_recording_nor_of_no_work(self, licenses, grant):
        grant(coverage=255)
        assert not licenses.covers(LICENSE, WORK + 256)
        assert not licenses.covers(LICENSE, WORK | 7)
        assert not licenses.covers(LICENSE, WORK | 255)


class TestMetadata:
    def test_of_a_license(self, licenses, grant):
        grant(coverage=0b11, expires_at=1_800_000_000)
        document = parse(licenses.tokenURI(LICENSE))
        assert document["name"] == "Remix license"
        assert [(item["trait_type"], item["value"]) for item in document["attributes"]] == [
            ("Kind", "Remix"),
            ("Work", f"0x{WORK:056x}"),
            ("Covers", "recording, vocals"),
            ("Version", 3),
            ("Expires", 1_800_000_000),
            ("Transferable", "yes"),
            ("Terms", "0x" + digest("terms").hex()),
        ]
        assert document["attributes"][4]["display_type"] == "date"

    @pytest.mark.parametrize("kind", LicenseKind)
    def test_of_a_license_for_ever(self, licenses, grant, kind):
        grant(kind=kind, coverage=ALL_WORKS, transferable=False, version=0)
        document = parse(licenses.tokenURI(LICENSE))
        attributes = {item["trait_type"]: item["value"] for item in document["attributes"]}
        assert attributes["Kind"] == kind.name.capitalize()
        assert attributes["Covers"] == ", ".join(kind.label for kind in Kind)
        assert attributes["Transferable"] == "no"
        assert "Expires" not in attributes

    def test_of_the_collection(self, licenses):
        assert parse(licenses.contractURI())["name"] == licenses.name() == "Stemma Licenses"

    @pytest.mark.parametrize(
        ("interface", "supported"), [("01ffc9a7", True), ("80ac58cd", True), ("5b5e139f", True), ("ffffffff", False)]
    )
    def test_interfaces(self, licenses, interface, supported):
        """ERC-165, ERC-721, its metadata, and the id that ERC-165 asks to deny."""
        assert licenses.supportsInterface(bytes.fromhex(interface)) is supported


def parse(uri: str) -> dict:
    scheme, _, document = uri.partition(",")
    assert scheme == "data:application/json;utf8"
    return json.loads(document)
