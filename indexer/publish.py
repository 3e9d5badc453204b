"""Publishes the views of `catalog` as a whole, so that a rebuild can swap generations."""

from indexer.past import past_schema
from indexer.views import VIEWS
from stemma.catalog.words import FEED_CHANNEL
from stemma.database.roles import READER

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
    `catalog_at`, over the past of the same tables, are made anew. Readers are told, for they may keep answers.
    """
    chain, past = chain_schema(generation), past_schema(chain_schema(generation))
    statements = ["drop schema if exists catalog_at cascade", "create schema catalog_at"]
    for name, query in VIEWS.items():
        statements.append(f"create or replace view catalog.{name} as {query.format(chain=chain)}")
        statements.append(f"create view catalog_at.{name} as {query.format(chain=past)}")
    for schema in ("catalog", "catalog_at"):
        statements.append(f"grant usage on schema {schema} to {READER}")
        statements.append(f"grant select on all tables in schema {schema} to {READER}")
    statements.append(f"select pg_notify('{FEED_CHANNEL}', 'views')")
    return statements
