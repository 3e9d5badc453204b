"""Batches of separations, measures of the sound, and the search over titles, artists, credits and tags.

The search stands on Postgres' extensions unaccent and pg_trgm. Documents that were read before are read again.
"""

from alembic import op
from sqlalchemy import text

from indexer.errors import Stop

revision = "0003"
down_revision = "0002"

_EXTENSIONS = ("unaccent", "pg_trgm")
_AVAILABLE = "select name from pg_available_extensions where name in ('unaccent', 'pg_trgm')"
_PLACE = "select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = :name"

# unaccent() is only stable, because its dictionary could be exchanged; ours is named, and stays.
PLAIN = """
create schema if not exists catalog;
create function catalog.plain(words text) returns text
    language sql immutable strict parallel safe
    return lower(public.unaccent('public.unaccent'::regdictionary, words));
comment on function catalog.plain is 'The form in which words are looked for: without accents, in lower case.';
"""

SEARCH = """
delete from credits;
delete from separations;
update documents
set state = 'pending', body = null, size_bytes = null, settled_at = null, next_attempt_at = now()
where state = 'resolved';

alter table credits
    add people text not null,
    add tag_words text not null,
    add words tsvector not null generated always as (
        setweight(to_tsvector('simple', catalog.plain(title)), 'A')
        || setweight(to_tsvector('simple', catalog.plain(artist)), 'A')
        || setweight(to_tsvector('simple', catalog.plain(tag_words)), 'B')
        || setweight(to_tsvector('simple', catalog.plain(people)), 'C')
    ) stored,
    add letters text not null generated always as (
        catalog.plain(title || ' ' || artist || ' ' || tag_words || ' ' || people)
    ) stored;
create index credits_words on credits using gin (words);
create index credits_letters on credits using gin (letters public.gin_trgm_ops);
create index credits_tags on credits using gin (tags);
create index credits_artist on credits (lower(artist));
create index credits_content on credits (content_hash);
comment on column credits.people is 'The names in the credits, one a line.';

alter table separations
    add bpm integer,
    add musical_key text;
create index separations_bpm on separations (bpm) where bpm is not null;
create index separations_key on separations (musical_key, bpm) where musical_key is not null;
create index separations_duration on separations (duration_ms);
create index separations_recording on separations (recording_id);
"""

BATCHES = """
alter table documents drop constraint documents_kind_check;
alter table documents add constraint documents_kind_check check (kind in ('credits', 'separation', 'batch'));

create table batches (
    digest bytea not null,
    codec smallint not null,
    root bytea not null,
    leaves bigint not null,
    primary key (digest, codec)
);
comment on column batches.root is 'What the leaves make up; the batch counts where the chain says the same.';

create table batch_leaves (
    digest bytea not null,
    codec smallint not null,
    leaf integer not null,
    recording_id bytea not null,
    stems_root bytea not null,
    model bytea not null,
    weights_hash bytea not null,
    manifest_digest bytea not null,
    manifest_codec smallint not null,
    metadata_digest bytea not null,
    primary key (digest, codec, leaf)
);
create index batch_leaves_recording on batch_leaves (recording_id);
create index batch_leaves_manifest on batch_leaves (manifest_digest, manifest_codec);
create index batch_leaves_model on batch_leaves (model);

create table batch_stems (
    digest bytea not null,
    codec smallint not null,
    leaf integer not null,
    kind smallint not null,
    stem_id bytea not null,
    sha256 bytea not null,
    cid_digest bytea not null,
    cid_codec smallint not null,
    primary key (digest, codec, leaf, kind)
);
create index batch_stems_stem on batch_stems (stem_id);
"""


def upgrade() -> None:
    """Make the extensions, and what stands on them."""
    _make_extensions()
    op.execute(PLAIN)
    op.execute(SEARCH)
    op.execute(BATCHES)


def _make_extensions() -> None:
    connection = op.get_bind()
    available = {name for (name,) in connection.execute(text(_AVAILABLE))}
    if missing := [name for name in _EXTENSIONS if name not in available]:
        raise Stop(
            f"this Postgres does not have the extension {' nor '.join(missing)}, on which the catalog's search stands:"
            " install its contrib package (on Debian it is part of the server's), then migrate again"
        )
    for name in _EXTENSIONS:
        op.execute(f"create extension if not exists {name} schema public")
        place = connection.execute(text(_PLACE), {"name": name}).scalar()
        if place != "public":
            raise Stop(
                f"the extension {name} is in the schema {place}, where not every reader looks: move it with"
                f" `alter extension {name} set schema public`, then migrate again"
            )
