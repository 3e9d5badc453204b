"""A catalog of any size for measuring reads: rows straight into the chain schema, deterministic, made by the server.

Of N recordings each has six stems and its documents; a fifth are remixes of earlier ones, a tenth have a title, a
twentieth are on sale, a tenth were licensed, and as many were paid.
"""

from typing import Any

import psycopg

from stemma.chain.intents import model_hash
from stemma.chain.royalties import Entry
from stemma.works import from_bytes

_FIRST_BLOCK = 1_000
_PER_BLOCK = 10
_PARENTS_PPM = 100_000
_MODEL = "demucs-htdemucs-6s"
_RESTORED = """
select indexdef from pg_indexes i where schemaname in ('chain_1', 'content') and tablename = any(%s)
and not exists (select from pg_constraint c where c.conname = i.indexname)
"""
_FILLED = ("logs", "recordings", "separations", "stems", "titles", "documents", "credits")
_SLOW_TO_INDEX = (*_FILLED, "slots", "parents", "royalty_entries", "licenses", "payments", "attachments", "accounts")

SONGS = """
create temporary table songs as
select i, w as recording_id, h as content_hash, {first} + i / {per} as block_number, (i %% {per}) * 20 as log_index,
    substr(sha256(('creator' || (i %% greatest({n} / 20, 1)))::bytea), 1, 20) as creator,
    sha256(('credits' || i)::bytea) as credits, sha256(('manifest' || i)::bytea) as manifest,
    timestamptz '2026-01-01' + interval '2 seconds' * (i / {per}) as at,
    case when i >= 10 and i %% 5 = 0 then i - 10 + i %% 7 end as parent
from (
    select i, sha256(int4send(i)) as h, substr(sha256(sha256(int4send(i))), 5, 27) || '\\x00'::bytea as w
    from generate_series(0, {n} - 1) i
) s;
create index on songs (i);
create temporary table roots (i integer primary key, root bytea);
analyze songs;
"""

CHAIN = """
insert into chain_1.cursor (chain_id, genesis_hash, contracts, block_number, block_hash, block_time, safe_block,
    finalized_block, history_block)
values (31337, sha256('genesis'),
    jsonb_build_object('IPNFT', '0x' || encode(substr(sha256('IPNFT'), 1, 20), 'hex')),
    {last}, sha256('{last}'), now(), {last} - 32, {last} - 64,
    greatest({last} - 50000, 0));
insert into chain_1.logs (block_number, log_index, tx_index, block_time, block_hash, tx_hash, address, topic0, topic1,
    topic2, topic3, data)
select block_number, log_index + k, log_index / 20, at, sha256(int8send(block_number)), sha256(recording_id),
    substr(sha256('registry'), 1, 20), sha256(int4send(k)), recording_id, null, null, content_hash
from songs, generate_series(0, 1) k;
insert into chain_1.logs (block_number, log_index, tx_index, block_time, block_hash, tx_hash, address, topic0, topic1,
    topic2, topic3, data)
select block_number, log_index + 2, log_index / 20, at, sha256(int8send(block_number)), sha256(recording_id),
    substr(sha256('IPNFT'), 1, 20), '\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
    decode(repeat('00', 32), 'hex'), decode(repeat('00', 12), 'hex') || creator,
    decode('00000000', 'hex') || recording_id, ''
from songs where i %% 10 = 0;
insert into chain_1.recordings (recording_id, creator, content_hash, credits_digest, credits_codec, resale_royalty_ppm,
    attestor, registered_at, version, block_number, log_index, changed_in, table_root, stack_ppm, ancestor_count,
    parent_count)
select recording_id, creator, content_hash, credits, 85, 50000, substr(sha256('attestor'), 1, 20), at, 0, block_number,
    log_index, block_number, (select r.root from roots r where r.i = s.i),
    case when parent is null then 0 else 100000 end, case when parent is null then 0 else 1 end,
    case when parent is null then 0 else 1 end
from songs s;
insert into chain_1.separations (recording_id, version, attestor, stems_root, model, weights_hash, manifest_digest,
    manifest_codec, metadata_digest, block_number, log_index, committed_at)
select recording_id, 0, substr(sha256('attestor'), 1, 20), sha256(recording_id), '\\x{model_hash}'::bytea,
    sha256('weights'), manifest, 85, sha256(manifest), block_number, log_index + 1, at
from songs;
insert into chain_1.stems (stem_id, version, recording_id, kind, sha256, cid_digest, cid_codec, committed_at,
    block_number, log_index)
select set_byte(recording_id, 27, k), 0, recording_id, k, content_hash, manifest, 85, at, block_number, log_index + 1
from songs, generate_series(1, 6) k;
insert into chain_1.slots (recording_id, slot, account, ppm, block_number, log_index)
select recording_id, 0, creator, 250000, block_number, log_index from songs;
"""

RIGHTS = """
insert into chain_1.titles (work_id, holder, minter, minted_at, transfers, block_number, log_index, version,
    metadata_digest)
select recording_id, creator, creator, at, 0, block_number, log_index, 0, sha256(manifest) from songs where i %% 10 = 0;
insert into chain_1.parents (recording_id, parent_id, parent_recording_id, license_id, ppm, block_number, log_index)
select s.recording_id, p.recording_id, p.recording_id, sha256(s.content_hash), 100000, s.block_number, s.log_index
from songs s join songs p on p.i = s.parent;
insert into chain_1.royalty_entries (recording_id, ancestor_id, ancestor_recording_id, ppm, block_number, log_index)
select recording_id, parent_id, parent_recording_id, ppm, block_number, log_index from chain_1.parents;
insert into chain_1.terms (terms_id, kind, token, transferable, exclusive, commercial_use, attribution, territory,
    max_grants, remix_ppm, duration, legal_digest, published_at, block_number, log_index)
select sha256(int4send(t)), t %% 5, substr(sha256('usdc'), 1, 20), true, false, true, true, 1, 0,
    case when t %% 5 = 2 then 100000 else 0 end, 0, sha256('legal'), timestamptz '2026-01-01', {first}, 0
from generate_series(0, 19) t;
insert into chain_1.attachments (work_id, terms_id, holder, title_epoch_work, title_epoch_count, price, attached,
    attached_at, block_number, log_index)
select recording_id, sha256(int4send(i / 20 %% 20)), creator, recording_id, 0, 1000000 + i %% 1000, true, at,
    block_number, log_index
from songs where i %% 20 = 1;
insert into chain_1.licenses (license_id, work_id, recording_id, licensee, holder, terms_id, kind, coverage, version,
    granted_at, expires_at, remix_ppm, transferable, remix_id, price, fee, payer, seller, session_id, block_number,
    log_index, changed_in)
select sha256(content_hash), recording_id, recording_id, substr(credits, 1, 20), substr(credits, 1, 20),
    sha256(int4send(i / 10 %% 20)), i / 10 %% 5, 127, 0, at, null, 0, true, null, 1000000, 0,
    substr(credits, 1, 20), creator, null, block_number, log_index, block_number
from songs where i %% 10 = 3;
insert into chain_1.payments (work_id, recording_id, token, payer, amount, received, payment_reference, paid_at,
    block_number, log_index)
select recording_id, recording_id, substr(sha256('usdc'), 1, 20), substr(credits, 1, 20), 1000000, 1000000,
    sha256(content_hash), at, block_number, log_index
from songs where i %% 10 = 3;
insert into chain_1.accounts (work_id, token, recording_id, received, own_moved, income, title_drawn, block_number,
    log_index)
select work_id, token, recording_id, received, 0, 0, 0, block_number, log_index from chain_1.payments;
insert into chain_1.feed (event_name, reverted, block_number, block_hash, block_time, tx_hash, log_index, payload)
select 'recording.registered', false, block_number, sha256(int8send(block_number)), at, sha256(recording_id), log_index,
    jsonb_build_object('recordingId', '0x' || encode(recording_id, 'hex'))
from songs order by i desc limit 1000;
"""

CONTENT = """
insert into content.documents (kind, digest, codec, state, body, size_bytes, settled_at)
select 'credits', credits, 85, 'resolved', jsonb_build_object('schema', 'stemma.credits/1', 'title', 'Song ' || i,
    'artist', 'Artist ' || i %% 1000), 100, at from songs
union all
select 'separation', manifest, 85, 'resolved', '{{"schema": "stemma.separation/1"}}', 100, at from songs;
insert into content.credits (digest, codec, content_hash, title, artist, release_policy, tags, people, tag_words)
select credits, 85, content_hash,
    (array['Blue', 'Red', 'Café', 'Night', 'Silver', 'Slow'])[1 + i %% 6] || ' Song ' || i,
    'Artist ' || i %% 1000, 'licensed', array['tag' || i %% 50], 'Somebody ' || i %% 300, 'tag' || i %% 50
from songs;
insert into content.separations (digest, codec, recording_id, content_hash, model_version, duration_ms, model,
    weights_hash, bpm, musical_key)
select manifest, 85, recording_id, content_hash, '{model}', 120000 + i::bigint * 7919 %% 180000,
    '\\x{model_hash}'::bytea, sha256('weights'), 60 + i %% 120,
    (array['A minor', 'C major', 'E minor', 'G major'])[1 + i %% 4]
from songs;
"""


def fill(admin_url: str, recordings: int) -> None:
    """Fill an empty, migrated database. Takes about a minute and a half for 100,000 recordings on a busy machine.

    Raises:
        psycopg.Error: the schema is another one than this program knows, or is not empty.
    """
    last = _FIRST_BLOCK + recordings // _PER_BLOCK
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off; set maintenance_work_mem = '512MB'; set work_mem = '128MB'")
        restored = [row[0] for row in connection.execute(_RESTORED, (list(_SLOW_TO_INDEX),))]
        for definition in restored:
            schema, name = _name_of(definition)
            connection.execute(f"drop index {schema}.{name}")
        names = {"model": _MODEL, "model_hash": model_hash(_MODEL).hex()}
        numbers = {"n": recordings, "first": _FIRST_BLOCK, "per": _PER_BLOCK, "last": last}
        _run(connection, SONGS, {**numbers, **names})
        _copy_roots(connection)
        for script in (CHAIN, RIGHTS, CONTENT):
            _run(connection, script, {**numbers, **names})
        for definition in restored:
            connection.execute(definition)
        connection.execute("drop table songs")
        connection.execute("vacuum analyze")


def _run(connection: psycopg.Connection[tuple[Any, ...]], script: str, values: dict[str, int | str]) -> None:
    for statement in script.format(**values).split(";\n"):
        if statement.strip():
            connection.execute(statement.replace("%%", "%"))


def _copy_roots(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """The roots of the royalty tables, which are keccaks: Postgres has none."""
    remixes = connection.execute(
        "select s.i, p.recording_id from songs s join songs p on p.i = s.parent order by s.i"
    ).fetchall()
    with connection.cursor() as cursor, cursor.copy("copy roots (i, root) from stdin (format binary)") as copy:
        copy.set_types(["int4", "bytea"])
        for number, parent in remixes:
            copy.write_row((number, Entry(from_bytes(parent), _PARENTS_PPM).leaf))


def _name_of(definition: str) -> tuple[str, str]:
    words = definition.split()
    table = words[words.index("ON") + 1]
    return table.split(".")[0], words[words.index("ON") - 1]
