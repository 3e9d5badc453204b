"""Licenses: what was granted to whom, at which price, and what became of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.projections.times import moment
from indexer.tables import Row, announce
from stemma.catalog.words import CATALOG_UPDATED, LICENSE_GRANTED
from stemma.works import WORK_ID_BYTES, WorkId, recording_of

projections = Projections()
licenses = projections.state("licenses", made_by="first")
grants = projections.state("grants")
exclusivities = projections.state("exclusivities")

_NOBODY = bytes(20)


class Transfer(NamedTuple):
    """Licenses, ERC-721: a change of holder; a grant comes from nobody. Licenses are never burned."""

    from_: bytes
    to: bytes
    token_id: int


class LicenseGranted(NamedTuple):
    """Licenses: the snapshot that nothing later can change."""

    license_id: int
    work_id: int
    licensee: bytes
    terms_id: bytes
    kind: int
    coverage: int
    version: int
    expires_at: int
    remix_ppm: int
    transferable: bool


class LicenseConsumed(NamedTuple):
    """Licenses: a remix was made by this license, and has it for good."""

    license_id: int
    work_id: int
    remix_id: int


class LicenseSold(NamedTuple):
    """LicenseManager: who sold the license just granted to whom, for how much; free ones are sold for nothing."""

    license_id: int
    work_id: int
    payer: bytes
    seller: bytes
    terms_id: bytes
    price: int
    fee: int
    granted: int


class ExclusivityGranted(NamedTuple):
    """LicenseManager: no other license of this kind that meets the coverage until then."""

    recording_id: int
    kind: int
    work_id: int
    coverage: int
    until: int


@projections.on("Licenses", Transfer)
def license_transferred(events: Events[Transfer]) -> Iterator[Row]:
    """The license's holder; the first is part of the grant, which follows."""
    for at, event in events:
        if event.from_ == _NOBODY:
            continue
        license_id = event.token_id.to_bytes(32, "big")
        yield licenses.row(at, license_id=license_id, holder=event.to)
        yield announce(
            at,
            CATALOG_UPDATED,
            change="license.transferred",
            licenseId="0x" + license_id.hex(),
            **{"from": "0x" + event.from_.hex(), "to": "0x" + event.to.hex()},
        )


@projections.on("Licenses", LicenseGranted)
def license_granted(events: Events[LicenseGranted]) -> Iterator[Row]:
    """The license's row."""
    for at, event in events:
        license_id = event.license_id.to_bytes(32, "big")
        work_id = event.work_id.to_bytes(WORK_ID_BYTES, "big")
        yield licenses.row(
            at,
            license_id=license_id,
            work_id=work_id,
            recording_id=recording_of(WorkId(event.work_id)).to_bytes(WORK_ID_BYTES, "big"),
            licensee=event.licensee,
            holder=event.licensee,
            terms_id=event.terms_id,
            kind=event.kind,
            coverage=event.coverage,
            version=event.version,
            granted_at=at.block_time,
            expires_at=moment(event.expires_at) if event.expires_at else None,
            remix_ppm=event.remix_ppm,
            transferable=event.transferable,
        )
        yield announce(
            at,
            LICENSE_GRANTED,
            licenseId="0x" + license_id.hex(),
            workId="0x" + work_id.hex(),
            licensee="0x" + event.licensee.hex(),
            termsId="0x" + event.terms_id.hex(),
            kind=event.kind,
            coverage=event.coverage,
            version=event.version,
            expiresAt=event.expires_at,
            remixPpm=event.remix_ppm,
        )


@projections.on("Licenses", LicenseConsumed)
def license_consumed(events: Events[LicenseConsumed]) -> Iterator[Row]:
    """The remix that has the license."""
    for at, event in events:
        yield licenses.row(
            at,
            license_id=event.license_id.to_bytes(32, "big"),
            remix_id=event.remix_id.to_bytes(WORK_ID_BYTES, "big"),
        )


@projections.on("LicenseManager", LicenseSold)
def license_sold(events: Events[LicenseSold]) -> Iterator[Row]:
    """What the license's row says of the sale, and how many the work has granted under the terms."""
    for at, event in events:
        yield licenses.row(
            at,
            license_id=event.license_id.to_bytes(32, "big"),
            price=event.price,
            fee=event.fee,
            payer=event.payer,
            seller=event.seller,
        )
        yield grants.row(
            at,
            work_id=event.work_id.to_bytes(WORK_ID_BYTES, "big"),
            terms_id=event.terms_id,
            granted=event.granted,
        )


@projections.on("LicenseManager", ExclusivityGranted)
def exclusivity_granted(events: Events[ExclusivityGranted]) -> Iterator[Row]:
    """The newest exclusive grant of the work and kind."""
    for at, event in events:
        yield exclusivities.row(
            at,
            recording_id=event.recording_id.to_bytes(WORK_ID_BYTES, "big"),
            kind=event.kind,
            work_id=event.work_id.to_bytes(WORK_ID_BYTES, "big"),
            coverage=event.coverage,
            until=moment(event.until),
        )


@projections.stored("Licenses", "ownerOf", "select license_id, holder from licenses")
def holder_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The license's holder, as the contract says."""
    return [int.from_bytes(row["license_id"], "big")], row["holder"]


@projections.stored("LicenseManager", "grantedOf", "select work_id, terms_id, granted from grants")
def granted_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """How many licenses the work has granted under the terms, as the contract says."""
    return [int.from_bytes(row["work_id"], "big"), row["terms_id"]], row["granted"]
