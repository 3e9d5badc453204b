"""Recordings, their stems and separations, and what they were made from."""

from indexer.views.batches import COUNTING_LEAF_OF_R, COUNTING_LEAVES
from indexer.views.logged import LOG, with_log

# Read only where what a document says is not there, or does not count: a page of the catalog seldom needs it.
_CREDITS_STATE = """(
    select d.state from content.documents d
    where d.kind = 'credits' and d.digest = r.credits_digest and d.codec = r.credits_codec
)"""
_MANIFEST_STATE = """(
    select d.state from content.documents d
    where d.kind = 'separation' and d.digest = s.manifest_digest and d.codec = s.manifest_codec
)"""

# A document counts for a recording only if it names that recording: anybody may register somebody else's digest. And a
# manifest names the model that the attestor signed for on chain, or the catalog would show another one.
_RECORDINGS = f"""
select r.recording_id, r.creator, coalesce(t.holder, r.creator) as rights_holder, t.holder as title_holder,
    r.content_hash, r.credits_digest, r.credits_codec, r.resale_royalty_ppm, r.attestor,
    s.version, s.stems_root, s.model, s.weights_hash, s.manifest_digest, s.manifest_codec, s.metadata_digest,
    r.registered_at, r.block_number, l.block_hash, l.tx_hash, r.log_index,
    case
        when cr.digest is not null and se.digest is not null then 'resolved'
        when (cr.digest is null and {_CREDITS_STATE} <> 'pending')
            or (se.digest is null and {_MANIFEST_STATE} <> 'pending')
            then 'invalid'
        else 'pending'
    end as metadata_state,
    se.model_version, cr.title, cr.artist, cr.release_policy, cr.tags, se.duration_ms,
    case when cr.digest is not null then cd.body end as credits,
    case when se.digest is not null then md.body end as manifest,
    r.parent_count, r.table_root, r.stack_ppm, r.ancestor_count,
    (select d.flagged_until from {{chain}}.disputes d where d.recording_id = r.recording_id) as flagged_until,
    se.bpm, se.musical_key
from {{chain}}.recordings r
left join {{chain}}.logs l using (block_number, log_index)
left join lateral (
    select c.version, c.stems_root, c.model, c.weights_hash, c.manifest_digest, c.manifest_codec, c.metadata_digest
    from {{chain}}.separations c where c.recording_id = r.recording_id and c.version = r.version
    union all
    select 0::bigint, b.stems_root, b.model, b.weights_hash, b.manifest_digest, b.manifest_codec, b.metadata_digest
    from ({COUNTING_LEAF_OF_R}) b
) s on true
left join {{chain}}.titles t on t.work_id = r.recording_id
left join content.credits cr
    on cr.digest = r.credits_digest and cr.codec = r.credits_codec and cr.content_hash = r.content_hash
left join content.documents cd
    on cd.kind = 'credits' and cd.digest = r.credits_digest and cd.codec = r.credits_codec
left join content.documents md
    on md.kind = 'separation' and md.digest = s.manifest_digest and md.codec = s.manifest_codec
left join content.separations se
    on se.digest = s.manifest_digest and se.codec = s.manifest_codec
    and se.content_hash = r.content_hash and se.recording_id = r.recording_id
    and se.model = s.model and se.weights_hash = s.weights_hash
"""

# One transaction commits a separation and its six stems, so the hashes of one log are those of all.
_STEMS = f"""
select s.stem_id, s.recording_id, s.kind, s.version, s.sha256, s.cid_digest, s.cid_codec,
    coalesce(t.holder, rt.holder, r.creator) as rights_holder, t.holder as title_holder,
    s.block_number, l.block_hash, l.tx_hash, s.log_index, s.committed_at
from {{chain}}.stems s
join {{chain}}.recordings r on r.recording_id = s.recording_id and r.version = s.version
left join {{chain}}.separations c on c.recording_id = r.recording_id and c.version = r.version
left join {{chain}}.logs l on l.block_number = c.block_number and l.log_index = c.log_index
left join {{chain}}.titles t on t.work_id = s.stem_id
left join {{chain}}.titles rt on rt.work_id = s.recording_id
union all
select s.stem_id, r.recording_id, s.kind, 0::bigint, s.sha256, s.cid_digest, s.cid_codec,
    coalesce(t.holder, rt.holder, r.creator), t.holder,
    b.block_number, l.block_hash, l.tx_hash, b.log_index, b.anchored_at
from {COUNTING_LEAVES}
join content.batch_stems s on s.digest = f.digest and s.codec = f.codec and s.leaf = f.leaf
left join {{chain}}.logs l on l.block_number = b.block_number and l.log_index = b.log_index
left join {{chain}}.titles t on t.work_id = s.stem_id
left join {{chain}}.titles rt on rt.work_id = r.recording_id
"""

_SEPARATIONS = f"""
select t.recording_id, t.version, t.attestor, t.stems_root, t.model, t.weights_hash, t.manifest_digest,
    t.manifest_codec, t.metadata_digest, t.committed_at, m.root as batch_root, m.root is not null as materialized, {LOG}
from {{chain}}.separations t
left join {{chain}}.logs l using (block_number, log_index)
left join {{chain}}.materializations m on m.recording_id = t.recording_id and t.version = 0
union all
select r.recording_id, 0::bigint, b.attestor, f.stems_root, f.model, f.weights_hash, f.manifest_digest,
    f.manifest_codec, f.metadata_digest, b.anchored_at, b.root, false,
    b.block_number, l.block_hash, l.tx_hash, b.log_index
from {COUNTING_LEAVES}
left join {{chain}}.logs l on l.block_number = b.block_number and l.log_index = b.log_index
"""

_BATCHES = f"""
select t.root, t.attestor, t.count, t.manifest_digest, t.manifest_codec, t.anchored_at,
    case
        when d.state = 'resolved' and c.digest is null then 'invalid'
        else coalesce(d.state, 'pending')
    end as metadata_state, {LOG}
from {{chain}}.batches t
left join {{chain}}.logs l using (block_number, log_index)
left join content.documents d
    on d.kind = 'batch' and d.digest = t.manifest_digest and d.codec = t.manifest_codec
left join content.batches c
    on c.digest = d.digest and c.codec = d.codec and c.root = t.root and c.leaves = t.count
"""

VIEWS = {
    "recordings": _RECORDINGS,
    "stems": _STEMS,
    "separations": _SEPARATIONS,
    "batches": _BATCHES,
    "parents": with_log("parents", "recording_id", "parent_id", "parent_recording_id", "license_id", "ppm"),
    "royalty_entries": with_log("royalty_entries", "recording_id", "ancestor_id", "ancestor_recording_id", "ppm"),
    "commitments": with_log("commitments", "commitment", "made_at"),
}
