"""The ledger: what was paid, moved and drawn, and what is owed to whom.

Amounts are base units of the token; a token of 20 zero bytes is the chain's native coin. Slot 255 is the title's.
"""

from stemma.catalog.views.columns import AMOUNT, BOOL, BYTES, INT, LOG, SMALL, TIME, view

payments = view(
    "payments",
    work_id=BYTES,
    recording_id=BYTES,
    token=BYTES,
    payer=BYTES,
    amount=AMOUNT,
    received=AMOUNT,
    payment_reference=BYTES,
    license_id=BYTES,
    paid_at=TIME,
    **LOG,
)
"""Money paid in, net of the protocol's fee; ``received`` is the work's total afterwards.

``license_id``: the license of this work that the reference names, if it names one.
"""

claims = view(
    "claims",
    descendant_id=BYTES,
    ancestor_id=BYTES,
    token=BYTES,
    amount=AMOUNT,
    moved=AMOUNT,
    income=AMOUNT,
    claimed_at=TIME,
    **LOG,
)
"""Shares of ancestors that were moved into their income; ``moved`` and ``income`` are the totals afterwards."""

settlements = view(
    "settlements",
    work_id=BYTES,
    token=BYTES,
    amount=AMOUNT,
    own_moved=AMOUNT,
    income=AMOUNT,
    settled_at=TIME,
    **LOG,
)
"""Works' own remainders that were moved into their income."""

withdrawals = view(
    "withdrawals",
    work_id=BYTES,
    token=BYTES,
    to_account=BYTES,
    slot=SMALL,
    amount=AMOUNT,
    drawn=AMOUNT,
    withdrawn_at=TIME,
    **LOG,
)
"""Money that left; ``drawn`` is the slot's total afterwards."""

accounts = view(
    "accounts",
    work_id=BYTES,
    recording_id=BYTES,
    token=BYTES,
    received=AMOUNT,
    own_moved=AMOUNT,
    income=AMOUNT,
    title_drawn=AMOUNT,
    **LOG,
)
"""The ledger of each work in each token, as RoyaltySplitter.accountOf has it."""

moved = view("moved", descendant_id=BYTES, ancestor_id=BYTES, token=BYTES, moved=AMOUNT, **LOG)
"""How much of what a descendant received went to an ancestor."""

draws = view("draws", work_id=BYTES, token=BYTES, slot=SMALL, drawn=AMOUNT, **LOG)
"""How much each slot has drawn of each work's income."""

receivers = view("receivers", work_id=BYTES, receiver=BYTES, **LOG)
"""Receiving addresses that have been swept at least once."""

tokens = view("tokens", token=BYTES, accepted=BOOL, **LOG)
"""Every token that was ever accepted, and whether new payments may come in it."""

fees = view("fees", token=BYTES, credited=AMOUNT, drawn=AMOUNT, **LOG)
"""The protocol's fees per token."""

protocol = view("protocol", fee_ppm=INT, fee_recipient=BYTES, **LOG)
"""One row: what the protocol takes of a license's price, and who draws it."""

withdrawal_nonces = view("withdrawal_nonces", account=BYTES, nonce=BYTES, used_at=TIME, **LOG)
"""Nonces of signed withdrawals that were used or cancelled."""

dues = view(
    "dues",
    recording_id=BYTES,
    descendant_id=BYTES,
    ancestor_id=BYTES,
    ancestor_recording_id=BYTES,
    token=BYTES,
    ppm=INT,
    entitled=AMOUNT,
    moved=AMOUNT,
    amount=AMOUNT,
)
"""What each ancestor may claim of each descendant now: a row per royalty entry of a recording, its works that received
money, and token. ``amount`` may be 0. Narrow it by ``recording_id`` (the descendant's), ``ancestor_id`` or
``ancestor_recording_id``."""

owed = view(
    "owed",
    recording_id=BYTES,
    work_id=BYTES,
    token=BYTES,
    account=BYTES,
    slot=SMALL,
    amount=AMOUNT,
)
"""What each account may draw of each work, to the unit, once every claim and settlement that is due has been made.

``slot`` is 0..15, or `TITLE_SLOT` for the rights holder's. What ancestors may claim (`dues`) is counted in the rows of
the ancestors' own works, not of the work that was paid. ``amount`` may be 0; a flag is not looked at. Narrow it by
``recording_id`` or ``account``, which is what it has indexes for.
"""
