"""The catalog while the index is not there yet, or does not know everything yet."""

import psycopg
import pytest
from sqlalchemy import text

from api.ingestion.jobs import Ingestion
from stack.databases import Database
from stemma.cid import Cid
from stemma.settings import Settings
from tests.api import sounds
from tests.api.conftest import RunningApi
from tests.api.house import commit_song, indexing, is_resolved, running, until
from tests.api.people import Person, assert_problem

pytestmark = pytest.mark.anyio


async def test_pending_metadata_hide_previews_and_keep_stems_closed(
    *, api: RunningApi, artist: Person, stranger: Person, ingestion: Ingestion, settings: Settings, database: Database
) -> None:
    """The manifest is not in storage when the index first looks for it."""
    song = await commit_song(api, artist, ingestion, sounds.tone())
    async with api.resources.engine.connect() as connection:
        named = await connection.execute(text("select result ->> 'manifestCid' from app.uploads"))
        cid = Cid.parse(named.scalar_one())
    content = await ingestion.storage.read_verified(cid, 1_000_000)
    await ingestion.storage.delete(cid, private=False)
    work = song["links"]["catalog"]
    stem = f"/catalog/{song['recordingId'][:-2]}01"
    async with running(indexing(settings, database)):

        async def is_listed() -> bool:
            return (await artist.http.get(work)).status_code == 200

        await until(is_listed)
        shown = (await artist.http.get(work)).json()
        assert (shown["metadata"], shown["manifest"], len(shown["stems"])) == ("pending", None, 6)
        assert_problem(await artist.http.get(f"{work}/preview"), 404, "metadata_pending")
        assert_problem(await stranger.http.get(f"{stem}/audio"), 403, "not_rights_holder")
        assert (await artist.http.get(f"{stem}/audio")).status_code == 200
        await ingestion.storage.put(content, private=False)
        await until(lambda: is_resolved(artist, song["recordingId"]), seconds=60)
        assert (await artist.http.get(f"{work}/preview")).status_code == 200


async def test_before_the_first_block_the_catalog_says_so(artist: Person, api: RunningApi) -> None:
    assert_problem(await artist.http.get("/catalog"), 503, "catalog_not_ready")
    assert_problem(await artist.http.get(f"/catalog/0x{'0' * 56}"), 503, "catalog_not_ready")


async def test_before_the_indexer_is_set_up_the_catalog_says_so(
    artist: Person, database: Database, api: RunningApi
) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("drop schema catalog cascade")
    assert_problem(await artist.http.get("/catalog"), 503, "catalog_not_ready")
    assert (await artist.upload(sounds.tone())).status_code == 202
    async with api.resources.engine.connect() as connection:
        assert (await connection.execute(text("select count(*) from app.uploads"))).scalar_one() == 1
