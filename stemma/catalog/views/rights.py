"""Titles and their transfers, slots and payout addresses: who holds what, and where their money goes."""

from stemma.catalog.views.columns import BIG, BYTES, INT, LOG, SMALL, TIME, view

titles = view(
    "titles",
    work_id=BYTES,
    holder=BYTES,
    minter=BYTES,
    minted_at=TIME,
    **LOG,
    transfers=INT,
    version=BIG,
    metadata_digest=BYTES,
)
"""One row per title; the log is its last transfer, its mint, or the last adoption of a version.

``transfers`` is the count of the title's epoch as IPNFT.titleEpoch has it: every transfer is one, and so is a
recording's mint to another account than its rights holder. ``version`` is the separation's that the title shows.
"""

transfers = view("transfers", work_id=BYTES, from_account=BYTES, to_account=BYTES, transferred_at=TIME, **LOG)
"""Every transfer of a title that there was, the mint from the zero address among them."""

slots = view("slots", recording_id=BYTES, slot=SMALL, account=BYTES, ppm=INT, **LOG)
"""The split of each recording: slot 0..15, its account now, its share. The log is the last that changed its account."""

payouts = view("payouts", creator=BYTES, payout=BYTES, **LOG)
"""Where an account's money may be sent by anyone, and a creator's resale royalties go, for those who set it."""
