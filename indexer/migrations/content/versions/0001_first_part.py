"""Documents by digest, and what the catalog reads out of them.

Immutable once resolved: a document belongs to its digest, whatever the chain does.
"""

from alembic import op

revision = "0001"
down_revision = None

CONTENT = """
create table documents (
    kind text not null check (kind in ('credits', 'separation')),
    digest bytea not null check (length(digest) = 32),
    codec smallint not null,
    state text not null default 'pending' check (state in ('pending', 'resolved', 'invalid')),
    body jsonb,
    size_bytes integer,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    error text,
    requested_at timestamptz not null default now(),
    settled_at timestamptz,
    primary key (kind, digest, codec),
    check ((state = 'resolved') = (body is not null)),
    check ((state = 'pending') = (settled_at is null))
);
create index documents_due on documents (next_attempt_at) where state = 'pending';
comment on table documents is 'Documents that the chain names by digest: kind says which schema it must fulfil.';

create table credits (
    digest bytea not null,
    codec smallint not null,
    content_hash bytea not null,
    title text not null,
    artist text not null,
    release_policy text not null,
    tags text[] not null,
    primary key (digest, codec)
);

create table separations (
    digest bytea not null,
    codec smallint not null,
    recording_id bytea not null,
    content_hash bytea not null,
    model_version text not null,
    duration_ms integer not null,
    primary key (digest, codec)
);
create index separations_model on separations (model_version);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(CONTENT)
