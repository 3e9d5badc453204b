"""How far the catalog is, and what leaves it."""

from stemma.catalog.views.columns import BIG, BOOL, BYTES, INT, JSON, TEXT, TIME, view

head = view(
    "head",
    chain_id=BIG,
    block_number=BIG,
    block_hash=BYTES,
    block_time=TIME,
    safe_block=BIG,
    finalized_block=BIG,
    history_block=BIG,
)
"""One row, or none before the indexer's first block: how far the catalog is, and how much of it is final.

``history_block`` is the oldest block as of which the catalog can be read (`stemma.catalog.as_of`). As of a final block
in which nothing of ours happened, hash and time may be null: not every header is kept.
"""

feed = view(
    "feed",
    seq=BIG,
    event_name=TEXT,
    reverted=BOOL,
    block_number=BIG,
    block_hash=BYTES,
    block_time=TIME,
    tx_hash=BYTES,
    log_index=INT,
    payload=JSON,
)
"""What happened, in order; ``reverted`` rows take back what a reorg undid, newest first.

Read it by ``seq`` (gaps are possible), woken by NOTIFY on `words.FEED_CHANNEL`. Payloads hold hex strings and numbers;
amounts, which do not fit a number of JSON, are decimal strings.
"""

logs = view(
    "logs",
    block_number=BIG,
    log_index=INT,
    tx_index=INT,
    block_time=TIME,
    block_hash=BYTES,
    tx_hash=BYTES,
    address=BYTES,
    topic0=BYTES,
    topic1=BYTES,
    topic2=BYTES,
    topic3=BYTES,
    data=BYTES,
)
"""Every log of our contracts as the node gave it. Narrow it by ``block_number``, or transfers by their accounts."""
