"""The words and numbers that the indexer and the catalog's readers have in common, without what it takes to read it."""

FEED_CHANNEL = "stemma_feed"
"""NOTIFY channel: one notification per change of what readers see. The payload is for people: a block, or what else."""

RECORDING_REGISTERED = "recording.registered"
SEPARATION_COMMITTED = "separation.committed"
IPNFT_MINTED = "ipnft.minted"
TITLE_TRANSFERRED = "title.transferred"
LICENSE_GRANTED = "license.granted"
PAYMENT_SETTLED = "payment.settled"
SESSION_STARTED = "session.started"
SESSION_ENDED = "session.ended"
CATALOG_UPDATED = "catalog.updated"
"""Something about a work changed that has no event of its own; the payload's ``change`` says what."""

TITLE_SLOT = 255
"""RoyaltySplitter.TITLE: the rights holder's share of income, all that the slots leave."""

AT_BLOCK = "stemma.at_block"
"""Session setting that the views of `catalog_at` read; without it they refuse."""
