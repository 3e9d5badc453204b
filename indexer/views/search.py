"""Recordings by what one looks for: words, letters, tags and measures, each with an index beneath it.

In two parts that do not overlap, separated on chain or not, so that Postgres can begin with whichever index narrows
most.
"""

from indexer.views.batches import COUNTING_LEAF_OF_R

_COLUMNS = """
select r.recording_id, r.creator, r.registered_at, r.block_number, r.log_index, r.parent_count,
    cr.title, cr.artist, cr.tags, cr.words, cr.letters, se.duration_ms, se.bpm, se.musical_key, se.model_version
from {chain}.recordings r
left join content.credits cr
    on cr.digest = r.credits_digest and cr.codec = r.credits_codec and cr.content_hash = r.content_hash
"""

_MANIFEST = """
left join content.separations se
    on se.digest = s.manifest_digest and se.codec = s.manifest_codec
    and se.content_hash = r.content_hash and se.recording_id = r.recording_id
    and se.model = s.model and se.weights_hash = s.weights_hash
"""

_SEARCH = f"""
{_COLUMNS}
join {{chain}}.separations s on s.recording_id = r.recording_id and s.version = r.version
{_MANIFEST}
union all
{_COLUMNS}
left join lateral ({COUNTING_LEAF_OF_R}) s on true
{_MANIFEST}
where r.version is null
"""

VIEWS = {"search": _SEARCH}
