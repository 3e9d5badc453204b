"""Recordings by what one looks for.

``words`` and ``letters`` hold title, artist, tags and the names in the credits in the form that `catalog.plain(text)`
gives: look for whole words by ``words @@ websearch_to_tsquery('simple', catalog.plain(:q))`` and order by ``ts_rank``;
for parts of words, or with mistakes, by ``letters like`` and by pg_trgm's operators, ``catalog.plain(:q) <% letters``.
"""

from stemma.catalog.views.columns import BIG, BYTES, INT, SMALL, TEXT, TEXTS, TIME, WORDS, view

search = view(
    "search",
    recording_id=BYTES,
    creator=BYTES,
    registered_at=TIME,
    block_number=BIG,
    log_index=INT,
    parent_count=SMALL,
    title=TEXT,
    artist=TEXT,
    tags=TEXTS,
    words=WORDS,
    letters=TEXT,
    duration_ms=INT,
    bpm=INT,
    musical_key=TEXT,
    model_version=TEXT,
)
"""One row per recording, null where a document is not there.

It is for choosing recordings, which are then read where ``recording_id = any (array (select recording_id from search
where … limit …))``: a join of the two would be too much for the planner to see through.
"""
