"""Ancestry, licenses, money, sessions, flags, roles and batches: projections of all eight contracts.

Money is numeric(78,0) in base units, shares are parts per million, `uint256` ids and nonces are bytea(32). Numbers that
nobody checks on chain have columns that hold all their type can say: a strange one must not stop the indexer.
What was indexed before is let go of and derived from the chain again, since it lacks what these tables hold.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

BEGIN_ANEW = """
do $$ declare journal record; begin
    for journal in
        select tablename from pg_tables where schemaname = current_schema() and tablename like '%\\_journal'
    loop
        execute format('drop table %I', journal.tablename);
    end loop;
end $$;
truncate cursor, headers, logs, feed, recordings, separations, stems, slots, titles, payouts;
drop table attestors;
"""

REGISTRY = """
alter table recordings
    alter attestor drop not null,
    add table_root bytea,
    add stack_ppm integer not null,
    add ancestor_count smallint not null,
    add parent_count smallint not null;
create unique index recordings_content on recordings (content_hash);
create index recordings_credits on recordings (credits_digest, credits_codec);
create index recordings_unseparated on recordings (block_number desc, log_index desc) where version is null;
comment on column recordings.attestor is 'Null: the creator came by a commitment.';
comment on column recordings.table_root is 'Of the royalty table; null when that is empty.';

alter table separations add committed_at timestamptz not null;
create index separations_manifest on separations (manifest_digest, manifest_codec);
create index separations_attestor on separations (attestor);

create table parents (
    recording_id bytea not null,
    parent_id bytea not null,
    parent_recording_id bytea not null,
    license_id bytea not null,
    ppm integer not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (recording_id, parent_id)
);
create index parents_parent on parents (parent_id);
create index parents_parent_recording on parents (parent_recording_id);
create index parents_block on parents (block_number);

create table royalty_entries (
    recording_id bytea not null,
    ancestor_id bytea not null,
    ancestor_recording_id bytea not null,
    ppm integer not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (recording_id, ancestor_id)
);
create index royalty_entries_ancestor on royalty_entries (ancestor_id);
create index royalty_entries_ancestor_recording on royalty_entries (ancestor_recording_id);
create index royalty_entries_block on royalty_entries (block_number);

create table commitments (
    commitment bytea primary key,
    made_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null
);
create index commitments_block on commitments (block_number);

create table batches (
    root bytea primary key,
    attestor bytea not null,
    count bigint not null,
    manifest_digest bytea not null,
    manifest_codec smallint not null,
    anchored_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null
);
create index batches_manifest on batches (manifest_digest, manifest_codec);
create index batches_newest on batches (block_number desc, log_index desc);

create table materializations (
    recording_id bytea primary key,
    root bytea not null,
    block_number bigint not null,
    log_index integer not null
);
create index materializations_block on materializations (block_number);
comment on table materializations is 'Recordings whose version 0 came out of a batch.';
"""

TITLES = """
alter table titles add version bigint not null, add metadata_digest bytea not null;
create index titles_recording on titles (set_byte(work_id, 27, 0));
comment on column titles.transfers is 'Changes of hands as IPNFT.titleEpoch counts them: a recording''s mint to another
account than its rights holder is one, every transfer is one.';
"""

LICENSES = """
create table terms (
    terms_id bytea primary key,
    kind smallint not null,
    token bytea not null,
    transferable boolean not null,
    exclusive boolean not null,
    commercial_use boolean not null,
    attribution boolean not null,
    territory integer not null,
    max_grants bigint not null,
    remix_ppm integer not null,
    duration bigint not null,
    legal_digest bytea not null,
    published_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null
);
create index terms_kind on terms (kind, token);
create index terms_block on terms (block_number);

create table attachments (
    work_id bytea not null,
    terms_id bytea not null,
    holder bytea not null,
    title_epoch_work bytea not null,
    title_epoch_count bigint not null,
    price numeric(78,0) not null,
    attached boolean not null,
    attached_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (work_id, terms_id)
);
create index attachments_terms on attachments (terms_id, price) where attached;
create index attachments_holder on attachments (holder);

create table grants (
    work_id bytea not null,
    terms_id bytea not null,
    granted bigint not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (work_id, terms_id)
);

create table offer_uses (
    license_id bytea primary key,
    seller bytea not null,
    offer_digest bytea not null,
    nonce bytea not null,
    used bigint not null,
    block_number bigint not null,
    log_index integer not null
);
create index offer_uses_digest on offer_uses (offer_digest);
create index offer_uses_nonce on offer_uses (seller, nonce);
create index offer_uses_block on offer_uses (block_number);

create table offer_nonces (
    seller bytea not null,
    nonce bytea not null,
    used bigint,
    cancelled boolean not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (seller, nonce)
);

create table seller_epochs (
    seller bytea primary key,
    epoch bigint not null,
    block_number bigint not null,
    log_index integer not null
);

create table delegations (
    holder bytea not null,
    signer bytea not null,
    work_id bytea not null,
    terms_id bytea not null,
    seller_epoch bigint not null,
    floor_price numeric(78,0),
    expires_at timestamptz,
    revoked boolean not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (holder, signer, work_id, terms_id, seller_epoch)
);
create index delegations_signer on delegations (signer);
comment on column delegations.floor_price is 'Null, as expires_at, when something was revoked that was never given.';

create table licenses (
    license_id bytea primary key,
    work_id bytea not null,
    recording_id bytea not null,
    licensee bytea not null,
    holder bytea not null,
    terms_id bytea not null,
    kind smallint not null,
    coverage smallint not null,
    version bigint not null,
    granted_at timestamptz not null,
    expires_at timestamptz,
    remix_ppm integer not null,
    transferable boolean not null,
    remix_id bytea,
    price numeric(78,0) not null,
    fee numeric(78,0) not null,
    payer bytea not null,
    seller bytea not null,
    session_id bytea,
    block_number bigint not null,
    log_index integer not null,
    changed_in bigint not null
);
create index licenses_work on licenses (work_id, block_number desc, log_index desc);
create index licenses_recording on licenses (recording_id, block_number desc, log_index desc);
create index licenses_holder on licenses (holder, block_number desc, log_index desc);
create index licenses_licensee on licenses (licensee);
create index licenses_seller on licenses (seller, block_number desc, log_index desc);
create index licenses_remix on licenses (remix_id) where remix_id is not null;
create index licenses_newest on licenses (block_number desc, log_index desc);

create table exclusivities (
    recording_id bytea not null,
    kind smallint not null,
    work_id bytea not null,
    coverage smallint not null,
    until timestamptz not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (recording_id, kind, work_id)
);
"""

MONEY = """
create table payments (
    work_id bytea not null,
    recording_id bytea not null,
    token bytea not null,
    payer bytea not null,
    amount numeric(78,0) not null,
    received numeric(78,0) not null,
    payment_reference bytea not null,
    paid_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (block_number, log_index)
);
create index payments_work on payments (work_id, block_number desc, log_index desc);
create index payments_recording on payments (recording_id, block_number desc, log_index desc);
create index payments_payer on payments (payer, block_number desc, log_index desc);
create index payments_reference on payments (payment_reference);

create table claims (
    descendant_id bytea not null,
    ancestor_id bytea not null,
    token bytea not null,
    amount numeric(78,0) not null,
    moved numeric(78,0) not null,
    income numeric(78,0) not null,
    claimed_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (block_number, log_index)
);
create index claims_descendant on claims (descendant_id, block_number desc, log_index desc);
create index claims_ancestor on claims (ancestor_id, block_number desc, log_index desc);

create table settlements (
    work_id bytea not null,
    token bytea not null,
    amount numeric(78,0) not null,
    own_moved numeric(78,0) not null,
    income numeric(78,0) not null,
    settled_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (block_number, log_index)
);
create index settlements_work on settlements (work_id, block_number desc, log_index desc);

create table withdrawals (
    work_id bytea not null,
    token bytea not null,
    to_account bytea not null,
    slot smallint not null,
    amount numeric(78,0) not null,
    drawn numeric(78,0) not null,
    withdrawn_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (block_number, log_index)
);
create index withdrawals_work on withdrawals (work_id, block_number desc, log_index desc);
create index withdrawals_to on withdrawals (to_account, block_number desc, log_index desc);

create table accounts (
    work_id bytea not null,
    token bytea not null,
    recording_id bytea not null,
    received numeric(78,0) not null,
    own_moved numeric(78,0) not null,
    income numeric(78,0) not null,
    title_drawn numeric(78,0) not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (work_id, token)
);
create index accounts_recording on accounts (recording_id, token);

create table moved (
    descendant_id bytea not null,
    ancestor_id bytea not null,
    token bytea not null,
    moved numeric(78,0) not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (descendant_id, ancestor_id, token)
);
create index moved_ancestor on moved (ancestor_id, token);

create table draws (
    work_id bytea not null,
    token bytea not null,
    slot smallint not null,
    drawn numeric(78,0) not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (work_id, token, slot)
);

create table receivers (
    work_id bytea primary key,
    receiver bytea not null,
    block_number bigint not null,
    log_index integer not null
);
create index receivers_receiver on receivers (receiver);
create index receivers_block on receivers (block_number);

create table tokens (
    token bytea primary key,
    accepted boolean not null,
    block_number bigint not null,
    log_index integer not null
);

create table fees (
    token bytea primary key,
    credited numeric(78,0) not null,
    drawn numeric(78,0) not null,
    block_number bigint not null,
    log_index integer not null
);

create table protocol (
    name text primary key check (name = 'fee'),
    fee_ppm integer,
    fee_recipient bytea,
    block_number bigint not null,
    log_index integer not null
);
comment on table protocol is 'One row: what the protocol takes of a license''s price, and who draws it.';

create table withdrawal_nonces (
    account bytea not null,
    nonce bytea not null,
    used_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (account, nonce)
);
create index withdrawal_nonces_block on withdrawal_nonces (block_number);
"""

SESSIONS = """
create table vault_balances (
    owner bytea not null,
    token bytea not null,
    deposited numeric(78,0) not null,
    withdrawn numeric(78,0) not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (owner, token)
);
comment on table vault_balances is 'What came in and was taken back; what sessions spent is in the sessions.';

create table sessions (
    session_id bytea primary key,
    owner bytea not null,
    agent bytea,
    token bytea,
    cap numeric(78,0),
    per_license_cap numeric(78,0),
    per_period_cap numeric(78,0),
    period numeric(20,0),
    kinds smallint,
    expires_at timestamptz,
    salt bytea,
    spent numeric(78,0) not null,
    period_window bigint,
    window_spent numeric(78,0),
    closed boolean not null,
    opened_at timestamptz,
    block_number bigint not null,
    log_index integer not null,
    changed_in bigint not null
);
create index sessions_owner on sessions (owner, token);
create index sessions_agent on sessions (agent);
comment on column sessions.opened_at is 'Null, as agent to salt, when it was closed before it was ever opened.';

create table session_purchases (
    license_id bytea primary key,
    session_id bytea not null,
    work_id bytea not null,
    price numeric(78,0) not null,
    spent numeric(78,0) not null,
    purchased_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null
);
create index session_purchases_session on session_purchases (session_id, block_number desc, log_index desc);
create index session_purchases_block on session_purchases (block_number);
"""

OVERSIGHT = """
create table flags (
    recording_id bytea not null,
    arbiter bytea not null,
    until timestamptz not null,
    count smallint not null,
    reason bytea not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (block_number, log_index)
);
create index flags_recording on flags (recording_id, block_number desc);

create table flag_lifts (
    recording_id bytea not null,
    arbiter bytea not null,
    lifted_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (block_number, log_index)
);
create index flag_lifts_recording on flag_lifts (recording_id, block_number);

create table disputes (
    recording_id bytea primary key,
    flagged_until timestamptz not null,
    count smallint not null,
    block_number bigint not null,
    log_index integer not null
);
comment on table disputes is 'The newest flag of each recording, registered or not.';

create table roles (
    role text not null,
    account bytea not null,
    active boolean not null,
    changed_at timestamptz not null,
    block_number bigint not null,
    log_index integer not null,
    primary key (role, account)
);
"""


def upgrade() -> None:
    """Create the tables, and add to those that are there."""
    for part in (BEGIN_ANEW, REGISTRY, TITLES, LICENSES, MONEY, SESSIONS, OVERSIGHT):
        op.execute(part)
