"""Titles: who holds which work and shows which version of it, and where an account wants its money."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row, announce
from stemma.catalog.words import CATALOG_UPDATED, IPNFT_MINTED, TITLE_TRANSFERRED
from stemma.works import WORK_ID_BYTES, WorkId, kind_byte

projections = Projections()
titles = projections.state("titles", sums=("transfers",))
payouts = projections.state("payouts")

_NOBODY = bytes(20)


class Transfer(NamedTuple):
    """IPNFT, ERC-721: a change of holder; a mint comes from nobody. Titles are never burned."""

    from_: bytes
    to: bytes
    token_id: int


class TitleMinted(NamedTuple):
    """IPNFT: who minted, and the version that the title shows; the mint's Transfer comes before it."""

    work_id: int
    holder: bytes
    minter: bytes
    version: int
    metadata_digest: bytes


class VersionAdopted(NamedTuple):
    """IPNFT: the title shows the separation's current version."""

    work_id: int
    holder: bytes
    version: int
    metadata_digest: bytes


class PayoutSet(NamedTuple):
    """IPNFT: where an account's money may be sent."""

    account: bytes
    payout: bytes


@projections.on("IPNFT", Transfer)
def title_transferred(events: Events[Transfer]) -> Iterator[Row]:
    """The title's holder."""
    for at, event in events:
        work_id = event.token_id.to_bytes(WORK_ID_BYTES, "big")
        if event.from_ == _NOBODY:
            yield titles.row(at, work_id=work_id, holder=event.to, minted_at=at.block_time, transfers=0)
            continue
        yield titles.row(at, work_id=work_id, holder=event.to, transfers=1)
        yield announce(
            at,
            TITLE_TRANSFERRED,
            workId="0x" + work_id.hex(),
            **{"from": "0x" + event.from_.hex(), "to": "0x" + event.to.hex()},
        )


@projections.on("IPNFT", TitleMinted)
def title_minted(events: Events[TitleMinted]) -> Iterator[Row]:
    """The title's minter and version. Only the rights holder mints, so a recording's mint to another changes hands."""
    for at, event in events:
        work_id = event.work_id.to_bytes(WORK_ID_BYTES, "big")
        is_recording = kind_byte(WorkId(event.work_id)) == 0
        yield titles.row(
            at,
            work_id=work_id,
            minter=event.minter,
            version=event.version,
            metadata_digest=event.metadata_digest,
            transfers=1 if is_recording and event.holder != event.minter else 0,
        )
        yield announce(
            at,
            IPNFT_MINTED,
            workId="0x" + work_id.hex(),
            holder="0x" + event.holder.hex(),
            minter="0x" + event.minter.hex(),
            version=event.version,
        )


@projections.on("IPNFT", VersionAdopted)
def version_adopted(events: Events[VersionAdopted]) -> Iterator[Row]:
    """The title's version."""
    for at, event in events:
        work_id = event.work_id.to_bytes(WORK_ID_BYTES, "big")
        yield titles.row(at, work_id=work_id, version=event.version, metadata_digest=event.metadata_digest)
        yield announce(
            at, CATALOG_UPDATED, change="version.adopted", workId="0x" + work_id.hex(), version=event.version
        )


@projections.on("IPNFT", PayoutSet)
def payout_set(events: Events[PayoutSet]) -> Iterator[Row]:
    """The account's payout address."""
    for at, event in events:
        yield payouts.row(at, creator=event.account, payout=event.payout)


@projections.stored("IPNFT", "titleEpoch", "select work_id, transfers from titles")
def epoch_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The title's epoch, as the contract says."""
    work = int.from_bytes(row["work_id"], "big")
    return [work], work << 32 | row["transfers"]


@projections.stored("IPNFT", "ownerOf", "select work_id, holder from titles")
def holder_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The title's holder, as the contract says."""
    return [int.from_bytes(row["work_id"], "big")], row["holder"]


@projections.stored("IPNFT", "presetPayoutOf", "select creator, payout from payouts")
def payout_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The account's payout address, as the contract says."""
    return [row["creator"]], row["payout"]
