"""Flags and roles: who may delay what, and who did."""

from stemma.catalog.views.columns import BOOL, BYTES, LOG, SMALL, TEXT, TIME, view

flags = view(
    "flags",
    recording_id=BYTES,
    arbiter=BYTES,
    until=TIME,
    count=SMALL,
    reason=BYTES,
    lifted_at=TIME,
    **LOG,
)
"""Every flag; ``until`` as it was set, ``lifted_at`` when it was ended early. ``reason`` is a document's digest."""

roles = view("roles", role=TEXT, account=BYTES, active=BOOL, changed_at=TIME, **LOG)
"""Every role that was ever granted: 'attestor', 'arbiter', 'admin', 'guardian', 'executor', 'timelock' (administers the
others), or 0x and the hash of one that is not known here. The log is the last grant or revocation."""

attestors = view("attestors", attestor=BYTES, active=BOOL, changed_at=TIME, **LOG)
"""Every attestor there ever was; the log is the last grant or revocation."""
