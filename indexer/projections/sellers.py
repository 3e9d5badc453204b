"""Sellers: offers used and cancelled, epochs, and who may sign for whom."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.projections.times import moment
from indexer.tables import Row
from stemma.works import WORK_ID_BYTES

projections = Projections()
offer_uses = projections.facts("offer_uses")
offer_nonces = projections.state("offer_nonces")
seller_epochs = projections.state("seller_epochs")
delegations = projections.state("delegations")

_USED_UP = 2**32 - 1


class OfferUsed(NamedTuple):
    """LicenseManager: a license was bought by an offer; ``used`` counts its nonce."""

    seller: bytes
    license_id: int
    offer_digest: bytes
    nonce: int
    used: int


class OfferCancelled(NamedTuple):
    """LicenseManager: a nonce can no longer be used. It may never have been, and be cancelled more than once."""

    seller: bytes
    nonce: int


class SellerEpochRaised(NamedTuple):
    """LicenseManager: all offers and delegations of the seller that name an earlier epoch are void."""

    seller: bytes
    seller_epoch: int


class SignerDelegated(NamedTuple):
    """LicenseManager: a signer may make offers for a holder. Nothing of it is checked: the work may not exist."""

    holder: bytes
    signer: bytes
    work_id: int
    terms_id: bytes
    seller_epoch: int
    floor_price: int
    expiry: int


class DelegationRevoked(NamedTuple):
    """LicenseManager: no longer, if it ever could."""

    holder: bytes
    signer: bytes
    work_id: int
    terms_id: bytes
    seller_epoch: int


@projections.on("LicenseManager", OfferUsed)
def offer_used(events: Events[OfferUsed]) -> Iterator[Row]:
    """The use's row, and the nonce's."""
    for at, event in events:
        nonce = event.nonce.to_bytes(32, "big")
        yield offer_uses.row(
            at,
            license_id=event.license_id.to_bytes(32, "big"),
            seller=event.seller,
            offer_digest=event.offer_digest,
            nonce=nonce,
            used=event.used,
        )
        yield offer_nonces.row(at, seller=event.seller, nonce=nonce, used=event.used, cancelled=False)


@projections.on("LicenseManager", OfferCancelled)
def offer_cancelled(events: Events[OfferCancelled]) -> Iterator[Row]:
    """The nonce's row, cancelled."""
    for at, event in events:
        yield offer_nonces.row(at, seller=event.seller, nonce=event.nonce.to_bytes(32, "big"), cancelled=True)


@projections.on("LicenseManager", SellerEpochRaised)
def seller_epoch_raised(events: Events[SellerEpochRaised]) -> Iterator[Row]:
    """The seller's epoch."""
    for at, event in events:
        yield seller_epochs.row(at, seller=event.seller, epoch=event.seller_epoch)


@projections.on("LicenseManager", SignerDelegated)
def signer_delegated(events: Events[SignerDelegated]) -> Iterator[Row]:
    """The delegation's row."""
    for at, event in events:
        yield delegations.row(
            at,
            holder=event.holder,
            signer=event.signer,
            work_id=event.work_id.to_bytes(WORK_ID_BYTES, "big"),
            terms_id=event.terms_id,
            seller_epoch=event.seller_epoch,
            floor_price=event.floor_price,
            expires_at=moment(event.expiry),
            revoked=False,
        )


@projections.on("LicenseManager", DelegationRevoked)
def delegation_revoked(events: Events[DelegationRevoked]) -> Iterator[Row]:
    """The delegation's row, revoked."""
    for at, event in events:
        yield delegations.row(
            at,
            holder=event.holder,
            signer=event.signer,
            work_id=event.work_id.to_bytes(WORK_ID_BYTES, "big"),
            terms_id=event.terms_id,
            seller_epoch=event.seller_epoch,
            revoked=True,
        )


@projections.stored("LicenseManager", "usedOf", "select seller, nonce, used, cancelled from offer_nonces")
def nonce_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """How often the nonce was used, as the contract says: cancelled, it is used up."""
    return [row["seller"], int.from_bytes(row["nonce"], "big")], _USED_UP if row["cancelled"] else row["used"]


@projections.stored("LicenseManager", "sellerEpochOf", "select seller, epoch from seller_epochs")
def epoch_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The seller's epoch, as the contract says."""
    return [row["seller"]], row["epoch"]
