"""Recordings, their stems and separations, and what they were made from."""

from stemma.catalog.views.columns import BIG, BOOL, BYTES, INT, JSON, LOG, SMALL, TEXT, TEXTS, TIME, view

recordings = view(
    "recordings",
    recording_id=BYTES,
    creator=BYTES,
    rights_holder=BYTES,
    title_holder=BYTES,
    content_hash=BYTES,
    credits_digest=BYTES,
    credits_codec=SMALL,
    resale_royalty_ppm=INT,
    attestor=BYTES,
    version=BIG,
    stems_root=BYTES,
    model=BYTES,
    weights_hash=BYTES,
    manifest_digest=BYTES,
    manifest_codec=SMALL,
    metadata_digest=BYTES,
    registered_at=TIME,
    **LOG,
    metadata_state=TEXT,
    model_version=TEXT,
    title=TEXT,
    artist=TEXT,
    release_policy=TEXT,
    tags=TEXTS,
    duration_ms=INT,
    credits=JSON,
    manifest=JSON,
    parent_count=SMALL,
    table_root=BYTES,
    stack_ppm=INT,
    ancestor_count=SMALL,
    flagged_until=TIME,
    bpm=INT,
    musical_key=TEXT,
)
"""One row per recording, with its current separation (null while there is none) and its documents.

The log is the registration's. ``attestor`` is null when the creator came by a commitment. ``metadata_state``: 'pending'
while a document is not fetched yet, 'resolved', or 'invalid' when one breaks its schema, belongs to another recording,
or names another model or weights than the chain does; then the columns of that document are null.

``parent_count`` 0: a track. ``table_root`` is null while the royalty table is empty. ``flagged_until`` is the end of
the newest flag, past or to come. ``bpm`` and ``musical_key`` ("A minor") are what the worker heard, null where it heard
none. To search, see `search`.
"""

stems = view(
    "stems",
    stem_id=BYTES,
    recording_id=BYTES,
    kind=SMALL,
    version=BIG,
    sha256=BYTES,
    cid_digest=BYTES,
    cid_codec=SMALL,
    rights_holder=BYTES,
    title_holder=BYTES,
    **LOG,
    committed_at=TIME,
)
"""One row per stem of each recording's current separation; kinds 1..6 as in `stemma.works.Kind`.

The log is StemCommitted's, or the anchoring of the batch that separated the recording. Narrow it by ``recording_id`` or
``stem_id``, with values or ``= any (array (select …))``: a plain join would read it whole.
"""

separations = view(
    "separations",
    recording_id=BYTES,
    version=BIG,
    attestor=BYTES,
    stems_root=BYTES,
    model=BYTES,
    weights_hash=BYTES,
    manifest_digest=BYTES,
    manifest_codec=SMALL,
    metadata_digest=BYTES,
    committed_at=TIME,
    batch_root=BYTES,
    materialized=BOOL,
    **LOG,
)
"""Every version of every separation: committed on chain, or the leaf of a batch that counts.

``batch_root`` is null unless it came by a batch; ``materialized`` says whether the leaf is on chain by now.
"""

batches = view(
    "batches",
    root=BYTES,
    attestor=BYTES,
    count=BIG,
    manifest_digest=BYTES,
    manifest_codec=SMALL,
    anchored_at=TIME,
    metadata_state=TEXT,
    **LOG,
)
"""Every anchored batch. ``metadata_state``: 'pending', 'resolved', or 'invalid' when its document breaks the schema or
does not make up the root; then none of its leaves counts."""

parents = view(
    "parents",
    recording_id=BYTES,
    parent_id=BYTES,
    parent_recording_id=BYTES,
    license_id=BYTES,
    ppm=INT,
    **LOG,
)
"""The works that each remix was made from, with the license that it consumed and the parent's own share."""

royalty_entries = view(
    "royalty_entries",
    recording_id=BYTES,
    ancestor_id=BYTES,
    ancestor_recording_id=BYTES,
    ppm=INT,
    **LOG,
)
"""The royalty table of each remix; ascending by ancestor it is the table whose root is on chain. Its stems share it."""

commitments = view("commitments", commitment=BYTES, made_at=TIME, **LOG)
"""Commitments to registrations; one may be used in any block after its own."""
