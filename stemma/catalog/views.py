"""The views of schema `catalog` as read-only SQLAlchemy selectables; the indexer publishes them, a test compares.

Works are 28 bytes, addresses 20, hashes and digests 32; times are block times in UTC; shares are parts per million.
Every row names the log that made it: (block_number, log_index), with the block's and the transaction's hash.
Select from these tables only: readers have no right to write, and the views take no writes.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, LargeBinary, MetaData, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

metadata = MetaData(schema="catalog")

FEED_CHANNEL = "stemma_feed"
"""NOTIFY channel: one notification per change of the index. The payload is for people: a block number, or `content`."""

RECORDING_REGISTERED = "recording.registered"
SEPARATION_COMMITTED = "separation.committed"
IPNFT_MINTED = "ipnft.minted"
TITLE_TRANSFERRED = "title.transferred"

_BYTES = LargeBinary()
_BIG = BigInteger()
_INT = Integer()
_SMALL = SmallInteger()
_TEXT = Text()
_TIME = DateTime(timezone=True)
_JSON = JSONB()


def _view(name: str, **columns: TypeEngine[Any]) -> Table:
    return Table(name, metadata, *(Column(column, kind) for column, kind in columns.items()))


head = _view(
    "head",
    chain_id=_BIG,
    block_number=_BIG,
    block_hash=_BYTES,
    block_time=_TIME,
    safe_block=_BIG,
    finalized_block=_BIG,
    history_block=_BIG,
)
"""One row, or none before the indexer's first block: how far the catalog is, and how much of it is final.

``history_block`` is the oldest block as of which the catalog can be read (`stemma.catalog.as_of`). As of a final block
in which nothing of ours happened, hash and time may be null: not every header is kept.
"""

recordings = _view(
    "recordings",
    recording_id=_BYTES,
    creator=_BYTES,
    rights_holder=_BYTES,
    title_holder=_BYTES,
    content_hash=_BYTES,
    credits_digest=_BYTES,
    credits_codec=_SMALL,
    resale_royalty_ppm=_INT,
    attestor=_BYTES,
    version=_BIG,
    stems_root=_BYTES,
    model=_BYTES,
    weights_hash=_BYTES,
    manifest_digest=_BYTES,
    manifest_codec=_SMALL,
    metadata_digest=_BYTES,
    registered_at=_TIME,
    block_number=_BIG,
    block_hash=_BYTES,
    tx_hash=_BYTES,
    log_index=_INT,
    metadata_state=_TEXT,
    model_version=_TEXT,
    title=_TEXT,
    artist=_TEXT,
    release_policy=_TEXT,
    tags=ARRAY(Text()),
    duration_ms=_INT,
    credits=_JSON,
    manifest=_JSON,
)
"""One row per recording, with its current separation (null while there is none) and its documents.

The log is the registration's. ``metadata_state``: 'pending' while a document is not fetched yet, 'resolved', or
'invalid' when one breaks its schema, belongs to another recording, or names another model or weights than the chain
does; then the columns of that document are null.
"""

stems = _view(
    "stems",
    stem_id=_BYTES,
    recording_id=_BYTES,
    kind=_SMALL,
    version=_BIG,
    sha256=_BYTES,
    cid_digest=_BYTES,
    cid_codec=_SMALL,
    rights_holder=_BYTES,
    title_holder=_BYTES,
    block_number=_BIG,
    block_hash=_BYTES,
    tx_hash=_BYTES,
    log_index=_INT,
    committed_at=_TIME,
)
"""One row per stem of each recording's current separation; kinds 1..6 as in `stemma.works.Kind`."""

titles = _view(
    "titles",
    work_id=_BYTES,
    holder=_BYTES,
    minter=_BYTES,
    minted_at=_TIME,
    block_number=_BIG,
    block_hash=_BYTES,
    tx_hash=_BYTES,
    log_index=_INT,
    transfers=_INT,
)
"""One row per title; the log is its last transfer or its mint; ``transfers`` counts holders after the first."""

slots = _view(
    "slots",
    recording_id=_BYTES,
    slot=_SMALL,
    account=_BYTES,
    ppm=_INT,
    block_number=_BIG,
    block_hash=_BYTES,
    tx_hash=_BYTES,
    log_index=_INT,
)
"""The split of each recording: slot 0..15, its account and its share."""

payouts = _view(
    "payouts",
    creator=_BYTES,
    payout=_BYTES,
    block_number=_BIG,
    block_hash=_BYTES,
    tx_hash=_BYTES,
    log_index=_INT,
)
"""Where a creator's resale royalties go, for creators who set it; others are paid at their own address."""

attestors = _view(
    "attestors",
    attestor=_BYTES,
    active=Boolean(),
    changed_at=_TIME,
    block_number=_BIG,
    block_hash=_BYTES,
    tx_hash=_BYTES,
    log_index=_INT,
)
"""Every attestor there ever was; the log is the last grant or revocation."""

feed = _view(
    "feed",
    seq=_BIG,
    event_name=_TEXT,
    reverted=Boolean(),
    block_number=_BIG,
    block_hash=_BYTES,
    block_time=_TIME,
    tx_hash=_BYTES,
    log_index=_INT,
    payload=_JSON,
)
"""What happened, in order; ``reverted`` rows take back what a reorg undid, newest first.

Read it by ``seq`` (gaps are possible), woken by NOTIFY on `FEED_CHANNEL`. Payloads hold hex strings and numbers.
"""
