"""Terms, and the works that are on sale under them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row, announce
from stemma.catalog.words import CATALOG_UPDATED
from stemma.works import WORK_ID_BYTES

projections = Projections()
terms = projections.facts("terms")
attachments = projections.state("attachments")

_COUNT_BITS = 32


class TermsPublished(NamedTuple):
    """LicenseManager: conditions, named by the hash of their content; told once."""

    terms_id: bytes
    kind: int
    token: bytes
    transferable: bool
    exclusive: bool
    commercial_use: bool
    attribution: bool
    territory: int
    max_grants: int
    remix_ppm: int
    duration: int
    legal_digest: bytes


class TermsAttached(NamedTuple):
    """LicenseManager: the rights holder sells a work under terms at a price, as long as the title epoch lasts."""

    work_id: int
    terms_id: bytes
    holder: bytes
    title_epoch: int
    price: int


class TermsDetached(NamedTuple):
    """LicenseManager: no longer."""

    work_id: int
    terms_id: bytes
    holder: bytes


@projections.on("LicenseManager", TermsPublished)
def terms_published(events: Events[TermsPublished]) -> Iterator[Row]:
    """The terms' row."""
    for at, event in events:
        yield terms.row(at, published_at=at.block_time, **event._asdict())


@projections.on("LicenseManager", TermsAttached)
def terms_attached(events: Events[TermsAttached]) -> Iterator[Row]:
    """The attachment's row, with the governing title and its count, which a title epoch is made of."""
    for at, event in events:
        work_id = event.work_id.to_bytes(WORK_ID_BYTES, "big")
        governing, count = divmod(event.title_epoch, 1 << _COUNT_BITS)
        yield attachments.row(
            at,
            work_id=work_id,
            terms_id=event.terms_id,
            holder=event.holder,
            title_epoch_work=governing.to_bytes(WORK_ID_BYTES, "big"),
            title_epoch_count=count,
            price=event.price,
            attached=True,
            attached_at=at.block_time,
        )
        yield announce(
            at,
            CATALOG_UPDATED,
            change="terms.attached",
            workId="0x" + work_id.hex(),
            termsId="0x" + event.terms_id.hex(),
            price=str(event.price),
        )


@projections.on("LicenseManager", TermsDetached)
def terms_detached(events: Events[TermsDetached]) -> Iterator[Row]:
    """The attachment's row, detached."""
    for at, event in events:
        work_id = event.work_id.to_bytes(WORK_ID_BYTES, "big")
        yield attachments.row(at, work_id=work_id, terms_id=event.terms_id, holder=event.holder, attached=False)
        yield announce(
            at,
            CATALOG_UPDATED,
            change="terms.detached",
            workId="0x" + work_id.hex(),
            termsId="0x" + event.terms_id.hex(),
        )


_ATTACHED = """
select work_id, terms_id, title_epoch_work, title_epoch_count, price from attachments where attached
"""


@projections.stored("LicenseManager", "attachmentOf", _ATTACHED)
def attachment_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The attachment, as the contract says: a struct."""
    epoch = int.from_bytes(row["title_epoch_work"], "big") << _COUNT_BITS | row["title_epoch_count"]
    return [int.from_bytes(row["work_id"], "big"), row["terms_id"]], ((epoch, int(row["price"]), True),)
