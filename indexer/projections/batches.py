"""Batches: separations of many recordings under one root, and the leaves that came on chain later."""

from collections.abc import Iterator
from typing import NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row, announce, wanted
from stemma.catalog.words import CATALOG_UPDATED
from stemma.works import WORK_ID_BYTES

projections = Projections()
batches = projections.facts("batches")
materializations = projections.facts("materializations")


class BatchAnchored(NamedTuple):
    """StemRegistry: an attestor's root over separations, and the document that lists them."""

    root: bytes
    attestor: bytes
    count_: int
    manifest_digest: bytes
    manifest_codec: int


class BatchLeafMaterialized(NamedTuple):
    """StemRegistry: a leaf of a batch became the recording's version 0 on chain."""

    root: bytes
    recording_id: int


@projections.on("StemRegistry", BatchAnchored)
def batch_anchored(events: Events[BatchAnchored]) -> Iterator[Row]:
    """The batch's row; its document is asked for."""
    for at, event in events:
        yield batches.row(
            at,
            root=event.root,
            attestor=event.attestor,
            count=event.count_,
            manifest_digest=event.manifest_digest,
            manifest_codec=event.manifest_codec,
            anchored_at=at.block_time,
        )
        yield wanted(at, "batch", event.manifest_digest, event.manifest_codec)
        yield announce(at, CATALOG_UPDATED, change="batch.anchored", root="0x" + event.root.hex(), leaves=event.count_)


@projections.on("StemRegistry", BatchLeafMaterialized)
def batch_leaf_materialized(events: Events[BatchLeafMaterialized]) -> Iterator[Row]:
    """Where the recording's version 0 came from; the separation itself is told as any other."""
    for at, event in events:
        yield materializations.row(at, recording_id=event.recording_id.to_bytes(WORK_ID_BYTES, "big"), root=event.root)
