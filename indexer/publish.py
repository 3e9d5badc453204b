"""The views of `catalog`: all that readers see. Published as a whole, so that a rebuild can swap generations.

`stemma.catalog.views` declares the same views for readers; a test holds the two together.
"""

from indexer.past import past_schema
from stemma.database.roles import READER

_HEAD = """
select c.chain_id, c.block_number, c.block_hash, c.block_time, c.safe_block, c.finalized_block, c.history_block
from {chain}.cursor c
"""

# A document counts for a recording only if it names that recording: anybody may register somebody else's digest. And a
# manifest names the model that the attestor signed for on chain, or the catalog would show another one.
_RECORDINGS = """
select r.recording_id, r.creator, coalesce(t.holder, r.creator) as rights_holder, t.holder as title_holder,
    r.content_hash, r.credits_digest, r.credits_codec, r.resale_royalty_ppm, r.attestor,
    s.version, s.stems_root, s.model, s.weights_hash, s.manifest_digest, s.manifest_codec, s.metadata_digest,
    r.registered_at, r.block_number, l.block_hash, l.tx_hash, r.log_index,
    case
        when cd.state = 'invalid' or md.state = 'invalid'
            or (cd.state = 'resolved' and cr.digest is null) or (md.state = 'resolved' and se.digest is null)
            then 'invalid'
        when cr.digest is not null and se.digest is not null then 'resolved'
        else 'pending'
    end as metadata_state,
    se.model_version, cr.title, cr.artist, cr.release_policy, cr.tags, se.duration_ms,
    case when cr.digest is not null then cd.body end as credits,
    case when se.digest is not null then md.body end as manifest
from {chain}.recordings r
join {chain}.logs l using (block_number, log_index)
left join {chain}.separations s on s.recording_id = r.recording_id and s.version = r.version
left join {chain}.titles t on t.work_id = r.recording_id
left join content.documents cd
    on cd.kind = 'credits' and cd.digest = r.credits_digest and cd.codec = r.credits_codec
left join content.credits cr
    on cr.digest = cd.digest and cr.codec = cd.codec and cr.content_hash = r.content_hash
left join content.documents md
    on md.kind = 'separation' and md.digest = s.manifest_digest and md.codec = s.manifest_codec
left join content.separations se
    on se.digest = md.digest and se.codec = md.codec
    and se.content_hash = r.content_hash and se.recording_id = r.recording_id
    and se.model = s.model and se.weights_hash = s.weights_hash
"""

_STEMS = """
select s.stem_id, s.recording_id, s.kind, s.version, s.sha256, s.cid_digest, s.cid_codec,
    coalesce(t.holder, rt.holder, r.creator) as rights_holder, t.holder as title_holder,
    s.block_number, l.block_hash, l.tx_hash, s.log_index, s.committed_at
from {chain}.stems s
join {chain}.recordings r on r.recording_id = s.recording_id and r.version = s.version
join {chain}.logs l on l.block_number = s.block_number and l.log_index = s.log_index
left join {chain}.titles t on t.work_id = s.stem_id
left join {chain}.titles rt on rt.work_id = s.recording_id
"""

_TITLES = """
select t.work_id, t.holder, t.minter, t.minted_at, t.block_number, l.block_hash, l.tx_hash, t.log_index, t.transfers
from {chain}.titles t join {chain}.logs l using (block_number, log_index)
"""

_SLOTS = """
select s.recording_id, s.slot, s.account, s.ppm, s.block_number, l.block_hash, l.tx_hash, s.log_index
from {chain}.slots s join {chain}.logs l using (block_number, log_index)
"""

_PAYOUTS = """
select p.creator, p.payout, p.block_number, l.block_hash, l.tx_hash, p.log_index
from {chain}.payouts p join {chain}.logs l using (block_number, log_index)
"""

_ATTESTORS = """
select a.attestor, a.active, a.changed_at, a.block_number, l.block_hash, l.tx_hash, a.log_index
from {chain}.attestors a join {chain}.logs l using (block_number, log_index)
"""

_FEED = """
select f.seq, f.event_name, f.reverted, f.block_number, f.block_hash, f.block_time, f.tx_hash, f.log_index, f.payload
from {chain}.feed f
"""

VIEWS = {
    "head": _HEAD,
    "recordings": _RECORDINGS,
    "stems": _STEMS,
    "titles": _TITLES,
    "slots": _SLOTS,
    "payouts": _PAYOUTS,
    "attestors": _ATTESTORS,
    "feed": _FEED,
}


_CHAIN = "chain_"
PUBLISHED = """
select n.nspname
from pg_class v
join pg_namespace vn on vn.oid = v.relnamespace and vn.nspname = 'catalog'
join pg_rewrite r on r.ev_class = v.oid
join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
join pg_class c on c.oid = d.refobjid and c.relname = 'cursor'
join pg_namespace n on n.oid = c.relnamespace
where v.relname = 'head' limit 1
"""
"""The chain schema that readers see now; no row while there are no views. Any role may ask."""


def chain_schema(generation: int) -> str:
    """Return the schema of one generation of the chain tables."""
    return f"{_CHAIN}{generation}"


def generation_of(schema: str) -> int:
    """The generation that a chain schema is."""
    return int(schema.removeprefix(_CHAIN))


def publication(generation: int) -> list[str]:
    """The statements that point every view of `catalog` at one generation; to be run in one transaction.

    The views are replaced, not dropped, so that readers' grants and readers' own views over them stay. Their twins in
    `catalog_at`, over the past of the same tables, are made anew.
    """
    chain, past = chain_schema(generation), past_schema(chain_schema(generation))
    statements = ["drop schema if exists catalog_at cascade", "create schema catalog_at"]
    for name, query in VIEWS.items():
        statements.append(f"create or replace view catalog.{name} as {query.format(chain=chain)}")
        statements.append(f"create view catalog_at.{name} as {query.format(chain=past)}")
    for schema in ("catalog", "catalog_at"):
        statements.append(f"grant usage on schema {schema} to {READER}")
        statements.append(f"grant select on all tables in schema {schema} to {READER}")
    return statements
