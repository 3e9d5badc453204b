"""Users, uploads, the outbox and the sender's transactions."""

from alembic import op

from stemma.database.roles import APP, ensure_group_roles

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_IDENTITY = """
create table app.users (
    id uuid primary key,
    chain_id bigint not null,
    address bytea not null constraint users_address_check check (octet_length(address) = 20),
    created_at timestamptz not null default now(),
    last_login_at timestamptz not null default now(),
    constraint users_chain_id_address_key unique (chain_id, address)
);
create table app.login_nonces (
    nonce text primary key,
    expires_at timestamptz not null
);
create index login_nonces_expires_at_idx on app.login_nonces (expires_at);
"""

_INGESTION = """
create table app.uploads (
    id uuid primary key,
    chain_id bigint not null,
    owner bytea not null,
    recording_id bytea not null,
    content_hash bytea not null,
    file_cid text not null,
    file_bytes bigint not null,
    media_type text not null,
    credits bytea not null,
    credits_cid text not null,
    registration jsonb not null,
    signature_due_at timestamptz not null,
    signature bytea,
    signed_at timestamptz,
    stage text not null,
    step text,
    percent smallint not null default 0 constraint uploads_percent_check check (percent between 0 and 100),
    reorgs integer not null default 0,
    error_code text,
    error_detail text,
    probe jsonb,
    probe_attempts smallint not null default 0,
    result jsonb,
    last_event integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint uploads_error_check check ((stage = 'failed') = (error_code is not null))
);
comment on column app.uploads.credits is 'canonical bytes of the credits document';
comment on column app.uploads.registration is 'the EIP-712 document the creator signs';
comment on column app.uploads.step is 'what the worker is doing within the stage';
comment on column app.uploads.probe is 'what the probe measured';
comment on column app.uploads.result is 'payload of stems.processed';
create unique index uploads_one_live_per_content on app.uploads (chain_id, content_hash) where stage <> 'failed';
create index uploads_unfinished_idx on app.uploads (stage, updated_at) where stage not in ('indexed', 'failed');
create table app.upload_events (
    upload_id uuid not null references app.uploads (id) on delete cascade,
    seq integer not null,
    event text not null,
    data jsonb not null,
    created_at timestamptz not null default now(),
    primary key (upload_id, seq)
);
create table app.outbox (
    id bigint generated always as identity primary key,
    event_id uuid not null unique,
    topic text not null,
    data bytea not null,
    attributes jsonb not null,
    created_at timestamptz not null default now(),
    published_at timestamptz
);
create index outbox_unpublished_idx on app.outbox (id) where published_at is null;
"""

_SENDER = """
create table app.transactions (
    id uuid primary key,
    job_id uuid not null unique references app.uploads (id),
    chain_id bigint not null,
    recording_id bytea not null,
    creator bytea not null,
    stems_root bytea not null,
    to_address bytea not null,
    calldata bytea not null,
    stage text not null,
    key_address bytea,
    nonce bigint,
    gas bigint,
    tx_hash bytea,
    block_number bigint,
    block_hash bytea,
    error_code text,
    error_detail text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint transactions_one_per_nonce unique (chain_id, key_address, nonce),
    constraint transactions_nonce_check check ((nonce is null) = (key_address is null)),
    constraint transactions_block_check check ((block_number is null) = (block_hash is null))
);
comment on column app.transactions.tx_hash is
    'the transaction that was mined, by us or by an earlier one of ours';
create index transactions_open_idx on app.transactions (created_at) where stage not in ('final', 'failed');
create table app.transaction_attempts (
    tx_hash bytea primary key,
    transaction_id uuid not null references app.transactions (id),
    raw bytea not null,
    max_fee_per_gas numeric(78, 0) not null,
    max_priority_fee_per_gas numeric(78, 0) not null,
    signed_at timestamptz not null default now(),
    broadcast_at timestamptz,
    broadcasts integer not null default 0,
    last_error text
);
create index transaction_attempts_transaction_id_idx on app.transaction_attempts (transaction_id);
"""


def upgrade() -> None:
    """Create the schema and open it to the role of the API and its jobs alone."""
    ensure_group_roles(op.get_bind())
    op.execute("create schema app")
    for statements in (_IDENTITY, _INGESTION, _SENDER):
        op.execute(statements)
    op.execute(f"grant usage on schema app to {APP}")
    op.execute(f"grant select, insert, update, delete on all tables in schema app to {APP}")
    op.execute(f"alter default privileges in schema app grant select, insert, update, delete on tables to {APP}")


def downgrade() -> None:
    """Drop all that `app` holds; there is no other copy of it."""
    op.execute("drop schema app cascade")
