"""The vault's balances, sessions, and what they bought."""

from stemma.catalog.views.columns import AMOUNT, BIG, BOOL, BYTES, LOG, SMALL, TIME, UINT64, view

vault_balances = view("vault_balances", owner=BYTES, token=BYTES, balance=AMOUNT, **LOG)
"""Money that lies in the vault for an owner's sessions; the log is the last deposit or withdrawal."""

sessions = view(
    "sessions",
    session_id=BYTES,
    owner=BYTES,
    agent=BYTES,
    token=BYTES,
    cap=AMOUNT,
    per_license_cap=AMOUNT,
    per_period_cap=AMOUNT,
    period=UINT64,
    kinds=SMALL,
    expires_at=TIME,
    salt=BYTES,
    spent=AMOUNT,
    period_window=BIG,
    window_spent=AMOUNT,
    closed=BOOL,
    opened_at=TIME,
    **LOG,
)
"""Every session; the log is the one that opened it. ``expires_at`` is its last second.

``window_spent`` is of the window ``period_window`` (time / period), in which it last bought. A session that was closed
before it was ever opened has nothing but its id and owner, and ``opened_at`` null.
"""

session_purchases = view(
    "session_purchases",
    session_id=BYTES,
    license_id=BYTES,
    work_id=BYTES,
    price=AMOUNT,
    spent=AMOUNT,
    purchased_at=TIME,
    **LOG,
)
"""What sessions bought; ``spent`` is the session's total afterwards."""
