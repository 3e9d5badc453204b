"""Terms, what is on sale under them, and the licenses.

``kind`` is ILicenses.Kind: 0 stream, 1 personal, 2 remix, 3 sync, 4 commercial. A token of 20 zero bytes is the chain's
native coin. ``coverage`` has bit k for kind k of the recording's works, bit 0 for the recording itself.
"""

from stemma.catalog.views.columns import AMOUNT, BIG, BOOL, BYTES, INT, LOG, SMALL, TIME, view

terms = view(
    "terms",
    terms_id=BYTES,
    kind=SMALL,
    token=BYTES,
    transferable=BOOL,
    exclusive=BOOL,
    commercial_use=BOOL,
    attribution=BOOL,
    territory=INT,
    max_grants=BIG,
    remix_ppm=INT,
    duration=BIG,
    legal_digest=BYTES,
    published_at=TIME,
    **LOG,
)
"""Published terms. ``duration`` in seconds, 0: for ever; ``max_grants`` per work, 0: without limit."""

attachments = view(
    "attachments",
    work_id=BYTES,
    terms_id=BYTES,
    holder=BYTES,
    title_epoch_work=BYTES,
    title_epoch_count=BIG,
    price=AMOUNT,
    token=BYTES,
    kind=SMALL,
    active=BOOL,
    attached_at=TIME,
    **LOG,
)
"""The newest standing price of each work under each terms; ``active`` while it can be bought at: neither detached nor
ended by a change of the title."""

grants = view("grants", work_id=BYTES, terms_id=BYTES, granted=BIG, **LOG)
"""How many licenses a work has granted under terms, which ``max_grants`` bounds."""

offer_uses = view("offer_uses", license_id=BYTES, seller=BYTES, offer_digest=BYTES, nonce=BYTES, used=BIG, **LOG)
"""The offer that a license was bought by; ``used`` counts the nonce's uses, this one included."""

offer_nonces = view("offer_nonces", seller=BYTES, nonce=BYTES, used=BIG, cancelled=BOOL, **LOG)
"""Nonces that were used or cancelled. A cancelled one is used up whatever ``used`` says."""

seller_epochs = view("seller_epochs", seller=BYTES, epoch=BIG, **LOG)
"""The epoch of each seller that ever raised it; all others' is 0."""

delegations = view(
    "delegations",
    holder=BYTES,
    signer=BYTES,
    work_id=BYTES,
    terms_id=BYTES,
    seller_epoch=BIG,
    floor_price=AMOUNT,
    expires_at=TIME,
    revoked=BOOL,
    active=BOOL,
    **LOG,
)
"""Who may sign offers for a holder, and how low. ``work_id`` of zeros: any work. ``expires_at`` is the last second.

``active``: neither revoked nor of an epoch that has passed; it may have expired all the same. Floor and expiry are null
for what was revoked without ever having been given.
"""

licenses = view(
    "licenses",
    license_id=BYTES,
    work_id=BYTES,
    recording_id=BYTES,
    licensee=BYTES,
    holder=BYTES,
    terms_id=BYTES,
    kind=SMALL,
    coverage=SMALL,
    version=BIG,
    granted_at=TIME,
    expires_at=TIME,
    remix_ppm=INT,
    transferable=BOOL,
    remix_id=BYTES,
    token=BYTES,
    price=AMOUNT,
    fee=AMOUNT,
    payer=BYTES,
    seller=BYTES,
    session_id=BYTES,
    **LOG,
)
"""Every license; the log is its grant. ``expires_at``: the first second at which it is no longer valid, null: never.

``holder`` holds it now, ``licensee`` was given it. ``price`` is gross of ``fee``. ``remix_id`` is the remix that
consumed it, after which it cannot be transferred whatever ``transferable`` says; ``session_id`` the session that bought
it.
"""

exclusivities = view(
    "exclusivities",
    recording_id=BYTES,
    kind=SMALL,
    work_id=BYTES,
    coverage=SMALL,
    until=TIME,
    **LOG,
)
"""The newest exclusive grant of each work and kind: until then no license of its kind that meets its coverage."""
