"""Documents from real storage into `content`: what is missing waits, what is wrong is refused for good."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import rfc8785

from indexer.connections import connect
from indexer.gateways import Gateways
from indexer.metrics import METRICS
from indexer.resolver import TROUBLE_SECONDS, WORKERS, Resolver
from stemma.chain.intents import model_hash
from stemma.cid import DAG_PB, RAW
from stemma.storage.opening import open_storage_at
from stemma.storage.storage import Storage
from tests.indexer.onchain import Song

pytestmark = pytest.mark.anyio

_RECORDINGS = """
insert into chain_1.recordings (
    recording_id, creator, content_hash, credits_digest, credits_codec, resale_royalty_ppm, attestor, registered_at,
    version, stack_ppm, ancestor_count, parent_count, block_number, log_index, changed_in
) values
"""


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage_at((tmp_path / "storage").as_uri()) as opened:
        yield opened


@pytest.fixture
async def resolver(database, storage) -> AsyncIterator[Resolver]:
    async with connect(database.indexer_url, "chain_1", "resolver") as connection, Gateways([]) as gateways:
        yield Resolver(connection, storage, gateways)


def want(database, kind: str, digest: bytes, codec: int = RAW) -> None:
    with psycopg.connect(database.admin_url) as connection:
        connection.execute(
            "insert into content.documents (kind, digest, codec) values (%s, %s, %s)", (kind, digest, codec)
        )


def document(database) -> dict[str, Any]:
    with psycopg.connect(database.admin_url) as connection:
        (row,) = connection.execute("select to_jsonb(d) from content.documents d").fetchall()
    return dict(row[0])


def make_due(database) -> None:
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("update content.documents set next_attempt_at = now()")


async def test_credits_and_manifest_are_read_into_columns(database, storage, resolver) -> None:
    song = Song(1)
    for kind, each in (("credits", song.credits), ("separation", song.manifest)):
        await storage.put(each.canonical(), private=False)
        want(database, kind, each.digest())
        assert await resolver.resolve_next()
    assert not await resolver.resolve_next()
    with psycopg.connect(database.admin_url) as connection:
        states = connection.execute(
            "select kind, state, attempts, size_bytes from content.documents order by kind"
        ).fetchall()
        credits = connection.execute(
            "select title, artist, tags, release_policy, content_hash from content.credits"
        ).fetchall()
        separations = connection.execute("select model_version, duration_ms from content.separations").fetchall()
    sizes = [len(song.credits.canonical()), len(song.manifest.canonical())]
    assert states == [("credits", "resolved", 1, sizes[0]), ("separation", "resolved", 1, sizes[1])]
    assert credits == [("Song 1", "Anna", ["dub", "test"], "licensed", song.content_hash)]
    assert separations == [("demucs-tiny-synth", 90_000)]


async def test_a_missing_file_stays_pending_is_tried_ever_more_rarely_and_resolves_when_it_comes(
    database, storage, resolver
) -> None:
    credits = Song(1).credits
    want(database, "credits", credits.digest())
    pauses = []
    for attempt in range(1, 5):
        assert await resolver.resolve_next()
        assert not await resolver.resolve_next(), "it is not due again at once"
        found = document(database)
        assert (found["state"], found["attempts"]) == ("pending", attempt)
        assert found["error"]
        with psycopg.connect(database.admin_url) as connection:
            row = connection.execute(
                "select extract(epoch from next_attempt_at - now()) from content.documents"
            ).fetchone()
        pauses.append(float(row[0]))
        make_due(database)
    assert pauses == sorted(pauses)
    assert pauses[-1] > 3
    await storage.put(credits.canonical(), private=False)
    assert await resolver.resolve_next()
    assert document(database)["state"] == "resolved"


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON",
        b"{}",
        rfc8785.dumps(json.loads(Song(1).credits.canonical()) | {"extra": 1}),
        rfc8785.dumps(json.loads(Song(1).credits.canonical()) | {"title": "NUL \0 inside"}),
        rfc8785.dumps(json.loads(Song(1).credits.canonical()) | {"title": " Song 1 "}),
        Song(1).credits.canonical().replace(b'{"artist"', b'{"artist":"Eve","artist"'),
        json.dumps(json.loads(Song(1).credits.canonical())).encode(),
        json.dumps(json.loads(Song(1).credits.canonical()) | {"description": "half a pair \ud800"}).encode(),
        Song(1).manifest.canonical(),
        b" " * (256 * 1024 + 1),
    ],
    ids=[
        "not-json",
        "empty",
        "extra-key",
        "nul",
        "blanks",
        "doubled-key",
        "not-canonical",
        "surrogate",
        "other-kind",
        "too-large",
    ],
)
async def test_a_document_that_can_never_become_good_is_invalid_for_good(database, storage, resolver, body) -> None:
    blob = await storage.put(body, private=False)
    want(database, "credits", blob.cid.digest, blob.cid.codec)
    assert await resolver.resolve_next()
    found = document(database)
    assert found["state"] == "invalid"
    assert found["error"]
    make_due(database)
    assert not await resolver.resolve_next()


@pytest.mark.parametrize(
    "body",
    [
        rfc8785.dumps(json.loads(Song(1).manifest.canonical()) | {"samples": 10**15, "sampleRate": 1}),
        Song(1).manifest.canonical().replace(b'"shifts":0', b'"shifts":1e99999'),
        Song(1).manifest.canonical().replace(b'"shifts":0', b'"shifts":' + b"9" * 40),
        Song(1).manifest.canonical().replace(b'"shifts":0', b'"shifts":NaN'),
        Song(1).manifest.canonical().replace(b'"shifts":0', b'"shifts":' + b"[" * 5_000 + b"]" * 5_000),
    ],
    ids=["too-long", "many-digits", "no-double", "nan", "deep"],
)
async def test_absurd_numbers_are_invalid_and_do_not_stop_the_resolver(database, storage, resolver, body) -> None:
    blob = await storage.put(body, private=False)
    want(database, "separation", blob.cid.digest)
    assert await resolver.resolve_next()
    assert document(database)["state"] == "invalid"


async def test_a_codec_that_is_no_file_is_invalid(database, resolver) -> None:
    want(database, "credits", bytes(32), codec=0x71)
    assert await resolver.resolve_next()
    assert document(database)["state"] == "invalid"


async def test_bytes_that_do_not_match_their_digest_are_not_believed(database, storage, resolver, tmp_path) -> None:
    credits = Song(1).credits
    await storage.put(credits.canonical(), private=False)
    forged = [path for path in (tmp_path / "storage").rglob("*") if path.is_file()]
    for path in forged:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b"Anna", b"Eve!"))
    want(database, "credits", hashlib.sha256(credits.canonical()).digest())
    assert await resolver.resolve_next()
    assert document(database)["state"] == "pending"


async def test_somebody_elses_document_does_not_count_for_a_recording(database, storage, resolver) -> None:
    """The view compares the document with the recording that names its digest."""
    mine, other = Song(1), Song(2)
    await storage.put(other.credits.canonical(), private=False)
    want(database, "credits", other.credits.digest())
    assert await resolver.resolve_next()
    values = {"id": mine.recording.to_bytes(28, "big"), "hash": mine.content_hash, "digest": other.credits.digest()}
    with psycopg.connect(database.admin_url) as connection:
        connection.execute(
            "insert into chain_1.logs values (1, 0, 0, now(), '\\x01', '\\x02', '\\x03', null, null, null, null, '')"
        )
        connection.execute(
            f"{_RECORDINGS} (%(id)s, '\\x04', %(hash)s, %(digest)s, 85, 0, '\\x05', now(), null, 0, 0, 0, 1, 0, 1)",
            values,
        )
        rows = connection.execute("select metadata_state, title, credits from catalog.recordings").fetchall()
    assert rows == [("invalid", None, None)]


@pytest.mark.parametrize("change", [{}, {"model": b"\x07" * 32}, {"weights": b"\x08" * 32}, {"id": bytes(28)}])
async def test_a_manifest_counts_if_it_names_what_stands_on_chain(database, storage, resolver, change) -> None:
    song = Song(1)
    for kind, each in (("credits", song.credits), ("separation", song.manifest)):
        await storage.put(each.canonical(), private=False)
        want(database, kind, each.digest())
        assert await resolver.resolve_next()
    values = {
        "id": song.recording.to_bytes(28, "big"),
        "hash": song.content_hash,
        "credits": song.credits.digest(),
        "manifest": song.manifest.digest(),
        "model": model_hash(song.manifest.model.version),
        "weights": bytes.fromhex(song.manifest.model.weights_sha256[2:]),
    } | change
    with psycopg.connect(database.admin_url) as connection:
        connection.execute(
            "insert into chain_1.logs values (1, 0, 0, now(), '\\x01', '\\x02', '\\x03', null, null, null, null, '')"
        )
        connection.execute(
            f"{_RECORDINGS} (%(id)s, '\\x04', %(hash)s, %(credits)s, 85, 0, '\\x05', now(), 0, 0, 0, 0, 1, 0, 1)",
            values,
        )
        connection.execute(
            "insert into chain_1.separations values"
            " (%(id)s, 0, '\\x05', '\\x06', %(model)s, %(weights)s, %(manifest)s, 85, '\\x09', 1, 0, now())",
            values,
        )
        (row,) = connection.execute(
            "select metadata_state, model_version, title, manifest is not null from catalog.recordings"
        ).fetchall()
    assert row == (("invalid", None, "Song 1", False) if change else ("resolved", "demucs-tiny-synth", "Song 1", True))


async def test_a_resolver_in_trouble_does_not_spin(database, resolver) -> None:
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("revoke update on content.documents from stemma_indexer")
    failed = METRICS.documents.labels("failed")._value
    before = failed.get()
    running = asyncio.create_task(resolver.run())
    await asyncio.sleep(0.8 * TROUBLE_SECONDS)
    running.cancel()
    await asyncio.wait([running])
    assert 0 < failed.get() - before <= WORKERS


async def test_a_large_document_by_its_tree_is_still_too_large(database, storage, resolver) -> None:
    blob = await storage.put(b"{}" + b" " * 600_000, private=False)
    assert blob.cid.codec == DAG_PB
    want(database, "separation", blob.cid.digest, DAG_PB)
    assert await resolver.resolve_next()
    assert document(database)["state"] == "invalid"
