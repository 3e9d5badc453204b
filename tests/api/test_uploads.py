"""Uploading over HTTP: what is taken, what is refused, and that nothing is left of what is refused."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from api.ingestion import jobs, lifecycle, repository
from api.ingestion.jobs import Ingestion
from api.ingestion.states import Cause, Failure, Signal
from api.transactions.schemas import Outcome, Refused, Unmined
from stemma import works
from stemma.documents import CreditsDocument
from stemma.storage import Unavailable
from tests.api import sounds
from tests.api.conftest import RunningApi
from tests.api.people import Person, assert_problem, form

pytestmark = pytest.mark.anyio


async def _upload(artist: Person, audio: bytes, **fields: object) -> dict[str, object]:
    answer = await artist.upload(audio, **fields)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def _count(api: RunningApi, table: str) -> int:
    async with api.resources.engine.connect() as connection:
        return int((await connection.execute(text(f"select count(*) from app.{table}"))).scalar_one())


async def test_an_upload_is_stored_named_and_waits_for_its_signature(api: RunningApi, artist: Person) -> None:
    audio = sounds.tone()
    upload = await _upload(
        artist,
        audio,
        title="  Blue  ",
        tags=["Jazz"],
        credits=[{"name": "Ann", "role": "voice", "account": artist.address}],
        split=[{"account": artist.address, "ppm": 250_000}],
        resaleRoyaltyPpm="50000",
        releasePolicy="open",
        isrc="USRC17607839",
    )
    digest = hashlib.sha256(audio).digest()
    assert upload["contentHash"] == "0x" + digest.hex()
    assert upload["recordingId"] == works.to_hex(works.recording_id(digest))
    message = upload["typedData"]["message"]
    assert message["creator"] == artist.address
    assert message["split"] == [{"account": artist.address, "ppm": 250_000}]
    assert message["resaleRoyaltyPpm"] == 50_000
    credits = CreditsDocument(
        content_hash="0x" + digest.hex(),
        title="Blue",
        artist="Somebody",
        tags=["jazz"],
        credits=[{"name": "Ann", "role": "voice", "account": artist.address}],
        isrc="USRC17607839",
        release_policy="open",
    )
    assert message["creditsDigest"] == "0x" + credits.digest().hex()
    view = await artist.get_upload(upload)
    assert (view["stage"], view["percent"], view["signed"], view["title"]) == ("received", 0, False, "Blue")
    [stored] = api.stored_files()
    assert stored.read_bytes() == audio
    assert "private" in stored.parts


async def test_fields_may_come_behind_the_file(artist: Person) -> None:
    boundary = "b0undary"
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'.encode()]
    parts += [sounds.tone(), b"\r\n"]
    parts += [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in form().items()
    ]
    parts.append(f"--{boundary}--\r\n".encode())
    answer = await artist.http.post(
        "/stems/upload",
        content=b"".join(parts),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    assert answer.status_code == 202, answer.text


async def test_a_file_over_the_limit_is_stopped_on_the_way(api: RunningApi, artist: Person) -> None:
    limit = api.settings.upload_max_bytes
    problem = assert_problem(await artist.upload(b"x" * (limit + 1)), 413, "file_too_large")
    assert problem["maxBytes"] == limit

    async def endless() -> object:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        for _ in range(200):
            yield b"x" * 100_000

    chunked = await artist.http.post(
        "/stems/upload", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert_problem(chunked, 413, "file_too_large")
    assert api.stored_files() == []


async def test_exactly_the_limit_is_taken(api: RunningApi, artist: Person) -> None:
    assert (await artist.upload(b"x" * api.settings.upload_max_bytes)).status_code == 202


async def test_a_body_that_ends_early_leaves_nothing(api: RunningApi, artist: Person) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + sounds.tone()[:9000]
    answer = await artist.http.post(
        "/stems/upload", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert_problem(answer, 400, "upload_incomplete")
    assert api.stored_files() == []
    assert await _count(api, "uploads") == 0


async def test_a_connection_that_breaks_leaves_nothing(api: RunningApi, artist: Person) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    _reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST /stems/upload HTTP/1.1\r\nHost: {host}\r\nAuthorization: {artist.http.headers['authorization']}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 3000000\r\n\r\n"
    )
    writer.write(head.encode())
    writer.write(b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + b"x" * 1_500_000)
    await writer.drain()
    for _ in range(200):
        if api.stored_files():
            break
        await asyncio.sleep(0.01)
    assert api.stored_files(), "the file is on its way in"
    writer.close()
    for _ in range(500):
        if not api.stored_files():
            break
        await asyncio.sleep(0.01)
    assert api.stored_files() == []
    assert await _count(api, "uploads") == 0


async def test_nobody_sees_the_uploads_of_others(artist: Person, stranger: Person) -> None:
    upload = await _upload(artist, sounds.tone())
    path = f"/stems/uploads/{upload['uploadId']}"
    assert_problem(await stranger.http.get(path), 404, "upload_not_found")
    assert_problem(await stranger.http.get(f"{path}/events"), 404, "upload_not_found")
    assert_problem(await stranger.http.post(f"{path}/signature", json={"signature": "0x11"}), 404, "upload_not_found")
    assert_problem(await artist.http.get("/stems/uploads/nonsense"), 422, "request_invalid")


async def test_the_same_song_again_names_the_earlier_one(api: RunningApi, artist: Person, stranger: Person) -> None:
    audio = sounds.tone()
    first = await _upload(artist, audio)
    again = assert_problem(await artist.upload(audio, title="Other"), 409, "recording_exists")
    assert (again["recordingId"], again["uploadId"]) == (first["recordingId"], first["uploadId"])
    await artist.sign(first)
    foreign = assert_problem(await stranger.upload(audio), 409, "recording_exists")
    assert foreign["recordingId"] == first["recordingId"]
    assert "uploadId" not in foreign, "whose upload it is concerns nobody else"
    assert len(list(_private_files(api))) == 1


async def test_an_upload_that_nobody_signed_keeps_no_creator_waiting(
    api: RunningApi, artist: Person, stranger: Person, ingestion: Ingestion
) -> None:
    audio = sounds.tone()
    squatting = await _upload(stranger, audio)
    mine = await _upload(artist, audio)
    assert (await artist.sign(mine)).status_code == 202
    assert_problem(await stranger.sign(squatting), 409, "recording_exists")
    async with api.resources.engine.begin() as connection:
        await connection.execute(text("update app.uploads set signature_due_at = now()"))
    for upload in (squatting, mine):
        await jobs.probe_upload(ingestion, UUID(upload["uploadId"]))
    await jobs.fail_unsigned(ingestion)
    assert (await stranger.get_upload(squatting))["error"]["code"] == "signature_missing"
    assert (await artist.get_upload(mine))["stage"] == "queued"
    assert len(list(_private_files(api))) == 1, "the file they share is kept for the one that lives"


async def test_of_two_creators_who_sign_at_once_one_goes_on(
    api: RunningApi, artist: Person, stranger: Person, ingestion: Ingestion
) -> None:
    audio = sounds.tone()
    uploads = [(person, await _upload(person, audio)) for person in (artist, stranger)]
    answers = await asyncio.gather(*(person.sign(upload) for person, upload in uploads for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [202, 202, 409, 409]
    assert await _count(api, "uploads where signature is not null") == 1


async def test_a_revert_that_a_reorg_takes_away_lets_the_upload_go_on_unless_it_was_made_anew(
    api: RunningApi, artist: Person, ingestion: Ingestion
) -> None:
    upload = await _upload(artist, sounds.tone())
    await artist.sign(upload)
    upload_id = UUID(upload["uploadId"])

    async def hear(outcome: Outcome) -> str:
        async with api.resources.engine.begin() as connection:
            await jobs.take_outcome(ingestion, connection, upload_id, outcome)
        return str((await artist.get_upload(upload))["stage"])

    async with api.resources.engine.begin() as connection:
        await connection.execute(text("update app.uploads set stage = 'submitting'"))
    assert await hear(Refused("commit_reverted", "why")) == "failed"
    assert await hear(Unmined()) == "submitting"
    assert await hear(Refused("commit_reverted", "why")) == "failed"
    again = await _upload(artist, sounds.tone())
    assert await hear(Unmined()) == "failed", "the new upload has taken its place"
    assert (await artist.get_upload(again))["stage"] == "received"


async def test_of_many_uploads_of_one_song_at_once_one_is_taken(api: RunningApi, artist: Person) -> None:
    audio = sounds.tone()
    answers = await asyncio.gather(*(artist.upload(audio) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 5
    assert await _count(api, "uploads") == 1
    assert len(api.stored_files()) == 1


def _private_files(api: RunningApi) -> Iterator[Path]:
    return (path for path in api.stored_files() if "private" in path.parts)


BAD_AUDIO = {
    "audio_unreadable": sounds.text_named_wav(),
    "audio_silent": sounds.silence(15),
    "audio_not_finite": sounds.not_numbers(),
    "audio_too_long": sounds.tone(20.5),
    "audio_empty": sounds.without_samples(),
    "audio_too_short": sounds.tone(0.3),
}


@pytest.mark.parametrize("code", BAD_AUDIO)
async def test_bad_audio_fails_with_its_own_code_and_leaves_no_file(
    api: RunningApi, artist: Person, ingestion: Ingestion, code: str
) -> None:
    upload = await _upload(artist, BAD_AUDIO[code])
    await artist.sign(upload)
    await jobs.probe_upload(ingestion, UUID(upload["uploadId"]))
    view = await artist.get_upload(upload)
    assert (view["stage"], view["error"]["code"]) == ("failed", code)
    assert api.stored_files() == []
    assert await _count(api, "outbox") == 0
    problem = assert_problem(await artist.sign(upload), 409, "upload_failed")
    assert problem["failure"]["code"] == code
    assert (await artist.upload(BAD_AUDIO[code])).status_code == 202, "a failed upload may be tried again"


async def test_probe_then_signature_orders_one_separation(
    api: RunningApi, artist: Person, ingestion: Ingestion
) -> None:
    upload = await _upload(artist, sounds.tone())
    await jobs.probe_upload(ingestion, UUID(upload["uploadId"]))
    assert (await artist.get_upload(upload))["stage"] == "awaiting_signature"
    signed = await artist.sign(upload)
    assert (signed.status_code, signed.json()["stage"]) == (202, "queued")
    assert (await artist.sign(upload)).status_code == 202
    await jobs.probe_upload(ingestion, UUID(upload["uploadId"]))
    assert await _count(api, "outbox") == 1
    assert (await artist.get_upload(upload))["stage"] == "queued"


async def test_signature_then_probe_orders_one_separation(
    api: RunningApi, artist: Person, ingestion: Ingestion
) -> None:
    upload = await _upload(artist, sounds.tone())
    assert (await artist.sign(upload)).json()["signed"] is True
    await asyncio.gather(*(jobs.probe_upload(ingestion, UUID(upload["uploadId"])) for _ in range(3)))
    assert (await artist.get_upload(upload))["stage"] == "queued"
    assert await _count(api, "outbox") == 1
    assert any("public" in path.parts for path in api.stored_files()), "the signed credits are published"


async def test_wrong_and_missing_signatures(artist: Person, stranger: Person) -> None:
    upload = await _upload(artist, sounds.tone())
    path = f"/stems/uploads/{upload['uploadId']}/signature"
    assert_problem(await artist.http.post(path, json={}), 422, "signature_missing")
    assert_problem(await artist.http.post(path, json={"signature": "0x"}), 422, "signature_missing")
    assert_problem(await artist.http.post(path, json={"signature": "0x" + "00" * 65}), 422, "signature_invalid")
    message = {**upload["typedData"]["message"], "resaleRoyaltyPpm": 1}
    assert_problem(await artist.sign(upload, message=message), 422, "signature_invalid")
    domain = {**upload["typedData"]["domain"], "chainId": 1}
    assert_problem(await artist.sign(upload, domain=domain), 422, "signature_invalid")
    other = Person(artist.http, stranger.account)
    assert_problem(await other.sign(upload), 422, "signature_invalid")
    undeployed = {"signature": "0x" + "00" * 96 + "6492" * 16}
    problem = assert_problem(await artist.http.post(path, json=undeployed), 422, "signature_invalid")
    assert "deploy it" in problem["detail"]
    assert (await artist.get_upload(upload))["signed"] is False


async def test_a_signature_that_never_comes_ends_the_upload(
    api: RunningApi, artist: Person, ingestion: Ingestion
) -> None:
    upload = await _upload(artist, sounds.tone())
    await jobs.probe_upload(ingestion, UUID(upload["uploadId"]))
    await jobs.fail_unsigned(ingestion)
    assert (await artist.get_upload(upload))["stage"] == "awaiting_signature"
    async with api.resources.engine.begin() as connection:
        await connection.execute(text("update app.uploads set signature_due_at = now()"))
    await jobs.fail_unsigned(ingestion)
    view = await artist.get_upload(upload)
    assert (view["stage"], view["error"]["code"]) == ("failed", "signature_missing")
    assert api.stored_files() == []


async def test_old_percents_are_forgotten_once_nothing_goes_on(
    api: RunningApi, artist: Person, ingestion: Ingestion
) -> None:
    upload = await _upload(artist, sounds.tone())
    upload_id = UUID(upload["uploadId"])
    await artist.sign(upload)
    await jobs.probe_upload(ingestion, upload_id)

    async def told(signal: Signal) -> list[str]:
        async with api.resources.engine.begin() as connection:
            await lifecycle.report(connection, ingestion.storage, upload_id, signal)
            await connection.execute(text("update app.upload_events set created_at = now() - interval '8 days'"))
        await jobs.forget_percents(ingestion)
        async with api.resources.engine.connect() as connection:
            history = await repository.events_after(connection, upload_id, 0)
        return [f"{entry.data['stage']} {entry.data['percent']}" for entry in history]

    before = await told(Signal(Cause.PROGRESSED, percent=10))
    assert before[-1] == "separating 10"
    assert await told(Signal(Cause.PROGRESSED, percent=20)) == [*before, "separating 20"], "somebody may listen"
    failed = Signal(Cause.SEPARATION_FAILED, failure=Failure("worker_lost", "it is gone"))
    assert [entry.split()[0] for entry in await told(failed)] == [*(entry.split()[0] for entry in before), "failed"]


async def test_an_upload_that_was_never_queued_is_swept_up(
    api: RunningApi, artist: Person, ingestion: Ingestion
) -> None:
    upload = await _upload(artist, sounds.tone())
    await api.resources.redis.flushall()
    async with api.resources.engine.begin() as connection:
        await connection.execute(text("update app.uploads set updated_at = now() - interval '1 hour'"))
    await jobs.requeue_unprobed(ingestion, api.resources.queue)
    await jobs.requeue_unprobed(ingestion, api.resources.queue)
    waiting = await api.resources.redis.lrange("bull:uploads:wait", 0, -1)
    assert [job.decode() for job in waiting] == [upload["uploadId"]]


async def test_a_file_that_kills_every_probe_is_given_up(api: RunningApi, artist: Person, ingestion: Ingestion) -> None:
    upload = await _upload(artist, sounds.tone())
    async with api.resources.engine.begin() as connection:
        await connection.execute(
            text("update app.uploads set stage = 'probing', probe_attempts = :n"), {"n": jobs.MAX_PROBE_ATTEMPTS}
        )
    await jobs.probe_upload(ingestion, UUID(upload["uploadId"]))
    assert (await artist.get_upload(upload))["error"]["code"] == "probe_failed"


async def test_a_storage_that_is_away_is_not_the_files_fault(
    api: RunningApi, artist: Person, ingestion: Ingestion
) -> None:
    upload = await _upload(artist, sounds.tone())
    folder = api.storage_folder / "private" / "files"
    away = folder.with_name("away")
    folder.rename(away)
    folder.touch()  # neither there nor absent: reading below it fails
    for _ in range(jobs.MAX_PROBE_ATTEMPTS + 2):
        with pytest.raises(Unavailable):
            await jobs.probe_upload(ingestion, UUID(upload["uploadId"]))
    folder.unlink()
    away.rename(folder)
    await jobs.probe_upload(ingestion, UUID(upload["uploadId"]))
    assert (await artist.get_upload(upload))["stage"] == "awaiting_signature"


async def test_a_storage_that_is_full_says_so_and_nothing_of_itself(api: RunningApi, artist: Person) -> None:
    folder = api.storage_folder / "private" / "incoming"
    folder.rmdir()
    folder.touch()  # nothing can be written below it
    answer = await artist.upload(sounds.tone())
    assert_problem(answer, 503, "storage_unavailable")
    assert str(api.storage_folder) not in answer.text


async def test_a_file_damaged_in_storage_is_refused(api: RunningApi, artist: Person, ingestion: Ingestion) -> None:
    upload = await _upload(artist, sounds.tone())
    [stored] = api.stored_files()
    stored.write_bytes(stored.read_bytes()[:-1] + b"!")
    await jobs.probe_upload(ingestion, UUID(upload["uploadId"]))
    assert (await artist.get_upload(upload))["error"]["code"] == "probe_failed"


async def test_uploads_wait_until_the_contracts_are_known(api: RunningApi, artist: Person) -> None:
    deployments = api.settings.deployments_dir / "31337.json"
    content = deployments.read_bytes()
    deployments.unlink()
    assert_problem(await artist.upload(sounds.tone()), 503, "deployment_missing")
    assert api.stored_files() == []
    deployments.write_bytes(content)
    assert (await artist.upload(sounds.tone())).status_code == 202


async def test_without_redis_an_upload_is_taken_all_the_same(api: RunningApi, artist: Person) -> None:
    api.resources.queue._redis_url = "redis://127.0.0.1:9"
    assert (await artist.upload(sounds.tone())).status_code == 202


async def test_location_and_links_lead_on(artist: Person) -> None:
    answer = await artist.upload(sounds.tone())
    assert isinstance(answer, httpx.Response)
    links = answer.json()["links"]
    assert answer.headers["location"] == links["self"]
    assert (await artist.http.get(links["self"])).status_code == 200
    assert_problem(await artist.http.get(links["catalog"]), 503, "catalog_not_ready")
