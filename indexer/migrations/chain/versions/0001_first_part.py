"""Raw logs, unfinalized headers, journal, cursor and feed; projections of StemRegistry and IPNFT.

Runs with the chain schema first in the search path, because every generation has its own copy.
Works are bytea(28), addresses bytea(20), hashes bytea(32). Each row names its log by (block_number, log_index);
the log's own row holds block hash, transaction hash and block time.
"""

from alembic import op

revision = "0001"
down_revision = None

ENGINE = """
create table cursor (
    singleton boolean primary key default true check (singleton),
    chain_id bigint not null,
    genesis_hash bytea not null,
    contracts jsonb not null,
    block_number bigint not null,
    block_hash bytea not null,
    block_time timestamptz not null,
    safe_block bigint not null,
    finalized_block bigint not null
);
comment on table cursor is 'The block up to which this schema is applied, and the chain and contracts it is pinned to.';

create table headers (
    number bigint primary key,
    hash bytea not null,
    parent_hash bytea not null,
    time timestamptz not null
);
comment on table headers is 'Blocks from the finalized one to the cursor: the parent-hash chain that shows a reorg.';

create table logs (
    block_number bigint not null,
    log_index integer not null,
    tx_index integer not null,
    block_time timestamptz not null,
    block_hash bytea not null,
    tx_hash bytea not null,
    address bytea not null,
    topic0 bytea,
    topic1 bytea,
    topic2 bytea,
    topic3 bytea,
    data bytea not null,
    primary key (block_number, log_index)
);
comment on table logs is 'Every log of our contracts as the node gave it, known event or not.';

create table journal (
    seq bigint generated always as identity primary key,
    block_number bigint not null,
    relation text not null,
    key jsonb not null,
    old jsonb
);
create index journal_block on journal (block_number);
comment on table journal is 'The row that a block replaced in a table of current state; null: there was none.';

create table feed (
    seq bigint generated always as identity primary key,
    event_name text not null,
    reverted boolean not null,
    block_number bigint not null,
    block_hash bytea not null,
    block_time timestamptz not null,
    tx_hash bytea not null,
    log_index integer not null,
    payload jsonb not null
);
create index feed_block on feed (block_number);
comment on table feed is 'What happened and what was taken back, in the order readers must see it; append-only.';
"""

PROJECTIONS = """
create table recordings (
    recording_id bytea primary key check (length(recording_id) = 28),
    creator bytea not null,
    content_hash bytea not null,
    credits_digest bytea not null,
    credits_codec smallint not null,
    resale_royalty_ppm integer not null,
    attestor bytea not null,
    registered_at timestamptz not null,
    version bigint,
    block_number bigint not null,
    log_index integer not null
);
create index recordings_newest on recordings (block_number desc, log_index desc);
create index recordings_creator on recordings (creator, block_number desc, log_index desc);
comment on column recordings.version is 'Version of the current separation.';

create table separations (
    recording_id bytea not null,
    version bigint not null,
    attestor bytea not null,
    stems_root bytea not null,
    model bytea not null,
    weights_hash bytea not null,
    manifest_digest bytea not null,
    manifest_codec smallint not null,
    metadata_digest bytea not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (recording_id, version)
);
create index separations_model on separations (model);
create index separations_block on separations (block_number);

create table stems (
    stem_id bytea not null check (length(stem_id) = 28),
    version bigint not null,
    recording_id bytea not null,
    kind smallint not null check (kind between 1 and 6),
    sha256 bytea not null,
    cid_digest bytea not null,
    cid_codec smallint not null,
    committed_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (stem_id, version)
);
create index stems_recording on stems (recording_id, version);
create index stems_newest on stems (block_number desc, log_index desc);

create table slots (
    recording_id bytea not null,
    slot smallint not null,
    account bytea not null,
    ppm integer not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (recording_id, slot)
);
create index slots_account on slots (account);

create table titles (
    work_id bytea primary key check (length(work_id) = 28),
    holder bytea not null,
    minter bytea not null,
    minted_at timestamptz not null,
    transfers integer not null,
    block_number bigint not null,
    log_index integer not null
);
create index titles_holder on titles (holder);
comment on column titles.transfers is 'Changes of holder after the mint.';

create table payouts (
    creator bytea primary key,
    payout bytea not null,
    block_number bigint not null,
    log_index integer not null
);

create table attestors (
    attestor bytea primary key,
    active boolean not null,
    changed_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null
);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(ENGINE)
    op.execute(PROJECTIONS)
