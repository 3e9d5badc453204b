"""A song's way through the API and its background work, over real queues, messages, chain and index."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from httpx_sse import aconnect_sse
from sqlalchemy import text

from api.jobs import run_jobs
from api.notifications import UPLOADS_CHANNEL
from stack.databases import Database
from stemma.settings import Settings
from tests.api import sounds
from tests.api.acting_worker import ActingWorker
from tests.api.conftest import RunningApi
from tests.api.house import indexing, running, until
from tests.api.people import Person, assert_problem
from tests.conftest import Deployed

pytestmark = pytest.mark.anyio


async def _events(
    person: Person, upload: dict[str, Any], after: int | None = None
) -> list[tuple[int, str, dict[str, Any]]]:
    """The upload's stream to its end."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    path = f"/stems/uploads/{upload['uploadId']}/events"
    async with asyncio.timeout(120), aconnect_sse(person.http, "GET", path, headers=headers) as source:
        assert source.response.headers["content-type"].startswith("text/event-stream")
        return [(int(e.id), e.event, json.loads(e.data)) async for e in source.aiter_sse() if e.data]


async def _upload(person: Person, audio: bytes, **fields: object) -> dict[str, Any]:
    answer = await person.upload(audio, **fields)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def test_a_song_from_upload_to_catalog(
    api: RunningApi, artist: Person, settings: Settings, database: Database, deployed: Deployed
) -> None:
    deployed.node.mine(5)
    worker = ActingWorker(api.settings, repeat=3)
    async with running(run_jobs(settings)), running(indexing(settings, database)), worker.working():
        upload = await _upload(artist, sounds.tone(), title="Blue")
        following = [asyncio.create_task(_events(artist, upload)) for _ in range(3)]
        assert (await artist.sign(upload)).status_code == 202
        first, *others = await asyncio.gather(*following)
        assert all(other == first for other in others), "all listeners hear the same"
        stages = list(dict.fromkeys(data["stage"] for _, _, data in first))
        assert [s for s in stages if s != "awaiting_signature"] == [
            *("received", "probing", "queued", "separating", "submitting", "committed", "indexed")
        ]
        assert [number for number, _, _ in first] == list(range(1, len(first) + 1))
        assert any(event == "percent" and data["percent"] == 60 for _, event, data in first)
        assert await _events(artist, upload, after=first[3][0]) == first[4:]
        path = f"/stems/uploads/{upload['uploadId']}/events"
        done = await artist.http.get(path, headers={"Last-Event-ID": str(first[-1][0])})
        assert done.status_code == 204
        view = await artist.get_upload(upload)
        assert (view["stage"], view["percent"], view["modelVersion"]) == ("indexed", 100, "demucs-tiny-synth")
        work = (await artist.http.get(upload["links"]["catalog"])).json()
        assert (work["tx"], work["block"]) == (view["tx"], view["block"])
        assert [stem["kind"] for stem in work["stems"]] == ["vocals", "drums", "bass", "guitar", "piano", "other"]
        assert len(worker.taken) == 1
        duplicate = assert_problem(await artist.upload(sounds.tone()), 409, "recording_exists")
        assert duplicate["recordingId"] == upload["recordingId"]

        deployed.node.reorg(3)
        deployed.node.mine(2)

        async def is_back() -> bool:
            now = await artist.get_upload(upload)
            if (now["tx"], now["block"]) == (view["tx"], view["block"]):
                return False
            shown = await artist.http.get(upload["links"]["catalog"])
            return now["stage"] == "indexed" and shown.status_code == 200 and shown.json()["block"] == now["block"]

        await until(is_back)
        again = await _events(artist, upload, after=first[-1][0])
        assert [data["stage"] for _, _, data in again] == ["submitting", "committed", "indexed"]
        assert again[-1][2]["reorgs"] == 1
        async with api.resources.engine.connect() as connection:
            sent = await connection.execute(text("select count(*), count(distinct nonce) from app.transactions"))
            assert sent.one() == (1, 1)


async def test_what_the_worker_gives_up_fails_with_its_code(
    api: RunningApi, artist: Person, settings: Settings
) -> None:
    worker = ActingWorker(api.settings, fail_with="separation_implausible")
    async with running(run_jobs(settings)), worker.working():
        upload = await _upload(artist, sounds.tone())
        await artist.sign(upload)
        *_, (_, event, last) = await _events(artist, upload)
    assert (event, last["stage"]) == ("stage", "failed")
    assert last["error"] == {"code": "separation_implausible", "detail": "it would not"}
    assert not any("private" in path.parts for path in api.stored_files()), "the original is gone"


async def test_bad_audio_is_told_to_whoever_listens(api: RunningApi, artist: Person, settings: Settings) -> None:
    async with running(run_jobs(settings)):
        upload = await _upload(artist, sounds.text_named_wav())
        *_, (_, _, last) = await _events(artist, upload)
    assert last["error"]["code"] == "audio_unreadable"


async def test_two_background_processes_lead_by_turns(
    api: RunningApi, artist: Person, settings: Settings, database: Database
) -> None:
    worker = ActingWorker(api.settings)
    async with running(indexing(settings, database)), worker.working():
        async with running(run_jobs(settings)):
            await asyncio.sleep(1)
            standby = asyncio.create_task(run_jobs(settings))
            first = await _upload(artist, sounds.tone(pitch=300))
            await artist.sign(first)
            assert (await _events(artist, first))[-1][2]["stage"] == "indexed"
        second = await _upload(artist, sounds.tone(pitch=400))
        await artist.sign(second)
        assert (await _events(artist, second))[-1][2]["stage"] == "indexed", "the other took over"
        standby.cancel()
        with pytest.raises(asyncio.CancelledError):
            await standby
    assert len(worker.taken) == 2


async def test_listeners_survive_a_lost_database_connection(
    api: RunningApi, artist: Person, database: Database
) -> None:
    import psycopg

    upload = await _upload(artist, sounds.silence(2))
    following = asyncio.create_task(_events(artist, upload))
    await asyncio.sleep(0.3)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stemma-listen'")
        admin.execute(
            "update app.uploads set stage = 'failed', error_code = 'x', error_detail = 'y', last_event = 2"
            " where id = %s",
            [upload["uploadId"]],
        )
        admin.execute(
            "insert into app.upload_events (upload_id, seq, event, data)"
            """ values (%s, 2, 'stage', '{"stage": "failed", "percent": 0}')""",
            [upload["uploadId"]],
        )
    assert [data["stage"] for _, _, data in await following] == ["received", "failed"]


async def test_a_listener_that_goes_away_is_forgotten(api: RunningApi, artist: Person) -> None:
    upload = await _upload(artist, sounds.tone())
    path = f"/stems/uploads/{upload['uploadId']}/events"
    for _ in range(3):
        async with aconnect_sse(artist.http, "GET", path) as source:
            async for _event in source.aiter_sse():
                break

    async def is_forgotten() -> bool:
        return all(channel != UPLOADS_CHANNEL for channel, _ in api.resources.notifications._waiting)

    await until(is_forgotten)


@pytest.mark.parametrize("given", ["-1", "x", "2147483648", "9" * 30])
async def test_a_bad_last_event_id_is_refused(artist: Person, given: str) -> None:
    upload = await _upload(artist, sounds.tone())
    answer: httpx.Response = await artist.http.get(upload["links"]["events"], headers={"Last-Event-ID": given})
    assert_problem(answer, 422, "request_invalid")
