"""The catalog's hot queries on a large catalog: each has an index beneath it, and search finds what people type."""

from typing import Any

import psycopg
import pytest

COUNT = 30_000

# Wide enough that no planner reads them whole for a page: recordings, their separations, stems and documents.
FILL = f"""
create temporary table n as select n, set_byte(int8send(n) || decode(repeat('5a', 20), 'hex'), 27, 0) as id,
    sha256(int8send(n)) as hash, substr(sha256(int8send(n % 997)), 1, 20) as account from generate_series(1, {COUNT}) n;
insert into chain_1.logs select n, 0, 0, now(), hash, hash, account, hash, null, null, null, '' from n;
insert into chain_1.recordings (recording_id, creator, content_hash, credits_digest, credits_codec, resale_royalty_ppm,
    attestor, registered_at, version, stack_ppm, ancestor_count, parent_count, block_number, log_index, changed_in)
    select id, account, hash, hash, 85, 0, account, now(), 0, 1000, 1, 1, n, 0, n from n;
insert into chain_1.separations (recording_id, version, attestor, stems_root, model, weights_hash, manifest_digest,
    manifest_codec, metadata_digest, committed_at, block_number, log_index)
    select id, 0, account, hash, hash, hash, hash, 85, hash, now(), n, 0 from n;
insert into chain_1.stems (stem_id, version, recording_id, kind, sha256, cid_digest, cid_codec, committed_at,
    block_number, log_index)
    select set_byte(id, 27, k), 0, id, k, hash, hash, 85, now(), n, 0 from n, generate_series(1, 6) k;
insert into chain_1.titles (work_id, holder, minter, minted_at, transfers, version, metadata_digest, block_number,
    log_index) select id, account, account, now(), 0, 0, hash, n, 0 from n where n % 2 = 0;
insert into chain_1.slots select id, 0, account, 1000, n, 0 from n;
insert into chain_1.parents select a.id, b.id, b.id, a.hash, 1000, a.n, 0 from n a join n b on b.n = a.n / 2;
insert into chain_1.royalty_entries select a.id, b.id, b.id, 1000, a.n, 0 from n a join n b on b.n = a.n / 2;
insert into chain_1.terms select hash, 0, '\\x', true, false, true, true, 1, 0, 0, 0, hash, now(), n, 0 from n;
insert into chain_1.attachments select id, hash, account, id, 0, n, true, now(), n, 0 from n;
insert into chain_1.licenses (license_id, work_id, recording_id, licensee, holder, terms_id, kind, coverage, version,
    granted_at, remix_ppm, transferable, price, fee, payer, seller, block_number, log_index, changed_in)
    select hash, id, id, account, account, hash, 0, 127, 0, now(), 0, true, n, 0, account, account, n, 0, n from n;
insert into chain_1.payments select id, id, '\\x', account, n, n, hash, now(), n, 0 from n;
insert into chain_1.claims select id, id, '\\x', n, n, n, now(), n, 0 from n;
insert into chain_1.withdrawals select id, '\\x', account, 0, n, n, now(), n, 0 from n;
insert into chain_1.accounts select id, '\\x', id, n * 1000, 0, n, 0, n, 0 from n;
insert into chain_1.moved select a.id, b.id, '\\x', 0, a.n, 0 from n a join n b on b.n = a.n / 2;
insert into chain_1.draws select id, '\\x', 0, 0, n, 0 from n;
insert into chain_1.sessions (session_id, owner, agent, spent, closed, block_number, log_index, changed_in)
    select hash, account, account, 0, false, n, 0, n from n;
insert into chain_1.session_purchases select hash, hash, id, n, n, now(), n, 0 from n;
insert into chain_1.flags select id, account, now(), 1, hash, n, 0 from n;
insert into chain_1.flag_lifts select id, account, now(), n, 0 from n;
insert into chain_1.disputes select id, now(), 1, n, 0 from n;
insert into content.documents (kind, digest, codec, state, body, settled_at)
    select kind, hash, 85, 'resolved', '{{}}', now() from n, unnest(array['credits', 'separation']) kind;
insert into content.credits (digest, codec, content_hash, title, artist, release_policy, tags, people, tag_words)
    select hash, 85, hash, 'Song ' || md5(n::text), 'Artist ' || n % 997, 'licensed', array['tag' || n % 500],
    'Ann ' || n, 'tag' || n % 500 from n;
insert into content.separations select hash, 85, id, hash, 'model ' || n % 3, n % 1000 * 1000, hash, hash,
    60 + n % 140, case when n % 24 = 0 then 'A minor' else 'C major' end from n;
analyze;
"""
ID = "(select recording_id from catalog.recordings where block_number = 777)"
ACCOUNT = "(select creator from catalog.recordings where block_number = 777)"
HASH = "(select content_hash from catalog.recordings where block_number = 777)"
NEWEST = "order by block_number desc, log_index desc limit 50"
HOT = {
    "newest": f"select * from catalog.recordings {NEWEST}",
    "next page": f"select * from catalog.recordings where (block_number, log_index) < (500, 0) {NEWEST}",
    "one recording": f"select * from catalog.recordings where recording_id = {ID}",
    "by content": f"select * from catalog.recordings where content_hash = {HASH}",
    "of an artist": f"select * from catalog.recordings where creator = {ACCOUNT} {NEWEST}",
    "stems": f"select * from catalog.stems where recording_id = {ID}",
    "stems of a page": f"""
        select * from catalog.stems
        where recording_id = any (array(select recording_id from catalog.recordings {NEWEST}))""",
    "one stem": f"select * from catalog.stems where stem_id = set_byte({ID}, 27, 3)",
    "separations": f"select * from catalog.separations where recording_id = {ID}",
    "of a model": f"select * from catalog.separations where model = {HASH}",
    "titles of a holder": f"select * from catalog.titles where holder = {ACCOUNT}",
    "ancestors": f"select * from catalog.royalty_entries where recording_id = {ID}",
    "descendants": f"select * from catalog.royalty_entries where ancestor_recording_id = {ID}",
    "lineage": f"""
        with recursive up as (
            select parent_recording_id as id, 1 as depth from catalog.parents where recording_id = {ID}
            union select p.parent_recording_id, up.depth + 1 from up
            join catalog.parents p on p.recording_id = up.id where up.depth < 8
        ) select * from up""",
    "children": f"select * from catalog.parents where parent_recording_id = {ID}",
    "on sale": f"select * from catalog.attachments where work_id = {ID} and active",
    "licenses of a work": f"select * from catalog.licenses where work_id = {ID} {NEWEST}",
    "licenses of a recording": f"select * from catalog.licenses where recording_id = {ID} {NEWEST}",
    "licenses of an account": f"select * from catalog.licenses where holder = {ACCOUNT} {NEWEST}",
    "one license": f"select * from catalog.licenses where license_id = {HASH}",
    "payments of a work": f"select * from catalog.payments where work_id = {ID} {NEWEST}",
    "payments of a recording": f"select * from catalog.payments where recording_id = {ID} {NEWEST}",
    "newest payments": f"select * from catalog.payments {NEWEST}",
    "claims": f"select * from catalog.claims where ancestor_id = {ID} {NEWEST}",
    "withdrawals": f"select * from catalog.withdrawals where to_account = {ACCOUNT} {NEWEST}",
    "account": f"select * from catalog.accounts where work_id = {ID}",
    "owed by a recording": f"select * from catalog.owed where recording_id = {ID}",
    "owed to an account": f"select * from catalog.owed where account = {ACCOUNT}",
    "dues of a recording": f"select * from catalog.dues where recording_id = {ID}",
    "dues to an ancestor": f"select * from catalog.dues where ancestor_recording_id = {ID}",
    "sessions": f"select * from catalog.sessions where owner = {ACCOUNT}",
    "purchases": f"select * from catalog.session_purchases where session_id = {HASH} {NEWEST}",
    "flags": f"select * from catalog.flags where recording_id = {ID}",
    "words": """
        select recording_id from catalog.search
        where words @@ websearch_to_tsquery('simple', 'song ann 777') limit 50""",
    "letters": "select recording_id from catalog.search where letters like '%ann 777%' limit 50",
    "tags": "select recording_id from catalog.search where tags @> array['tag77'] limit 50",
    "tempo": "select recording_id from catalog.search where bpm = 97 and musical_key = 'A minor' limit 50",
    "found": """
        select * from catalog.recordings where recording_id = any (
            array(select recording_id from catalog.search where letters like '%ann 777%' limit 50)
        )""",
}
# One batch of recordings that have no other separation.
FILL_BATCH = """
create temporary table n as select n, set_byte(int8send(n) || decode(repeat('5a', 20), 'hex'), 27, 0) as id,
    sha256(int8send(n)) as hash from generate_series(1::bigint, 3000) n;
insert into chain_1.recordings (recording_id, creator, content_hash, credits_digest, credits_codec, resale_royalty_ppm,
    attestor, registered_at, stack_ppm, ancestor_count, parent_count, block_number, log_index, changed_in)
    select id, '', hash, hash, 85, 0, '', now(), 0, 0, 0, n, 0, n from n;
insert into content.batches select hash, 85, hash, 3000 from n where n = 1;
insert into chain_1.batches (root, attestor, count, manifest_digest, manifest_codec, anchored_at, block_number,
    log_index) select hash, '', 3000, hash, 85, now(), 4000, 0 from n where n = 1;
insert into content.batch_leaves
    select b.hash, 85, n.n, n.id, b.hash, b.hash, b.hash, b.hash, 85, b.hash from n, n b where b.n = 1;
insert into content.batch_stems select b.hash, 85, n.n, k, set_byte(n.id, 27, k), sha256(int8send(n.n * 10 + k)),
    b.hash, 85 from n, n b, generate_series(1, 6) k where b.n = 1;
analyze
"""
SMALL = {"cursor", "batches", "batch_leaves", "batch_stems", "materializations", "seller_epochs"}


@pytest.fixture(scope="module")
def large(postgres, database_template, login_passwords):
    name = "stemma_test_large"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {database_template} strategy file_copy")
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        connection.execute(FILL)
        yield connection
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.mark.parametrize("query", HOT.values(), ids=HOT)
def test_a_hot_query_reads_no_table_whole(large, query) -> None:
    (plan,) = large.execute(f"explain (format json) {query}").fetchone()
    assert not whole(plan[0]["Plan"]), large.execute(f"explain {query}").fetchall()


def test_a_file_is_found_among_the_stems_of_batches_along_an_index(database) -> None:
    query = "select stem_id, kind from catalog.stems where sha256 = sha256(int8send(5003::bigint))"
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute(FILL_BATCH)
        assert [kind for _, kind in connection.execute(query)] == [3]
        (plan,) = connection.execute(f"explain (format json) {query}").fetchone()
    assert "batch_stems_sha256" in str(plan), plan


def whole(node: dict[str, Any]) -> set[str]:
    """The large tables that a plan reads from one end to the other."""
    found = set()
    if node["Node Type"] in ("Seq Scan", "Parallel Seq Scan") and node["Relation Name"] not in SMALL:
        found.add(node["Relation Name"])
    return found.union(*map(whole, node.get("Plans", [])))


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("cafe del mar", "Café del Mar"),
        ("BJÖRK", "Café del Mar"),
        ("bjork -night", "Café del Mar"),
        ("oya sitar", "Nattåget"),
        ("åsa", "Nattåget"),
        ("shoegaze", "Nattåget"),
        ("mar or sitar", None),
    ],
)
def test_words_are_found_without_their_accents(database, typed, title) -> None:
    fill_two(database)
    query = "words @@ websearch_to_tsquery('simple', catalog.plain(%s))"
    assert found(database, query, typed) == ([title] if title else ["Café del Mar", "Nattåget"])


@pytest.mark.parametrize(
    ("typed", "title"), [("nattaged", "Nattåget"), ("cafe del nar", "Café del Mar"), ("cafe dl", "Café del Mar")]
)
def test_words_are_found_with_mistakes(database, typed, title) -> None:
    fill_two(database)
    assert title in found(database, "catalog.plain(%s) <%% letters", typed)
    with psycopg.connect(database.api_url) as connection:
        ordered = "select title from catalog.search order by word_similarity(catalog.plain(%s), letters) desc"
        assert connection.execute(ordered, (typed,)).fetchone() == (title,)


def fill_two(database) -> None:
    with psycopg.connect(database.admin_url) as connection:
        for number, (title, artist, tags, people) in enumerate(
            [("Café del Mar", "Björk", ["ambient"], "Ann"), ("Nattåget", "Åsa", ["shoegaze"], "Øya\nSitár Ōno")], 1
        ):
            row = {"hash": bytes([number]) * 32, "id": bytes([number]) * 27 + b"\0", "n": number}
            connection.execute(
                "insert into chain_1.recordings (recording_id, creator, content_hash, credits_digest, credits_codec,"
                " resale_royalty_ppm, registered_at, stack_ppm, ancestor_count, parent_count, block_number, log_index,"
                " changed_in) values (%(id)s, '\\x01', %(hash)s, %(hash)s, 85, 0, now(), 0, 0, 0, %(n)s, 0, %(n)s)",
                row,
            )
            connection.execute(
                "insert into content.credits (digest, codec, content_hash, title, artist, release_policy, tags, people,"
                " tag_words)"
                " values (%(hash)s, 85, %(hash)s, %(title)s, %(artist)s, 'open', %(tags)s, %(people)s, %(joined)s)",
                row | {"title": title, "artist": artist, "tags": tags, "people": people, "joined": " ".join(tags)},
            )


def found(database, where: str, typed: str) -> list[str]:
    with psycopg.connect(database.api_url) as connection:
        rows = connection.execute(f"select title from catalog.search where {where} order by title", (typed,))
        return [title for (title,) in rows]
