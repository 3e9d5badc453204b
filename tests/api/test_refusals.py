"""What is refused for its form alone; one server serves all of it, for nothing is left behind."""

import pytest
from sqlalchemy import text

from tests.api import sounds
from tests.api.conftest import RunningApi
from tests.api.people import Person, assert_problem

pytestmark = pytest.mark.anyio


@pytest.fixture
def api(shared_api: RunningApi) -> RunningApi:
    return shared_api


async def _count(api: RunningApi, table: str) -> int:
    async with api.resources.engine.connect() as connection:
        return int((await connection.execute(text(f"select count(*) from app.{table}"))).scalar_one())


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"credits": "not json"}, "credits"),
        ({"tags": '"jazz"'}, "tags"),
        ({"releasePolicy": "free"}, "releasePolicy"),
        ({"isrc": "123"}, "isrc"),
        ({"split": [{"account": "0x" + "1" * 40, "ppm": 600_000}] * 2}, ""),
        ({"split": [{"account": "0x" + "0" * 40, "ppm": 1}]}, "split/0/account"),
        ({"split": [{"account": "0x" + "1" * 40, "ppm": 0}]}, "split/0/ppm"),
        ({"split": [{"account": "0x" + "1" * 40, "ppm": 1}] * 17}, "split"),
        ({"resaleRoyaltyPpm": "100001"}, "resaleRoyaltyPpm"),
        ({"creator": "0x" + "1" * 40}, "creator"),
        ({"title": "a\0b"}, ""),
        ({"credits": [{"name": "a\0b", "role": "voice"}]}, ""),
    ],
)
async def test_bad_metadata_leave_nothing(api: RunningApi, artist: Person, fields: dict[str, object], at: str) -> None:
    problem = assert_problem(await artist.upload(sounds.tone(1.0), **fields), 422, "request_invalid")
    assert problem["errors"][0]["at"] == at
    assert api.stored_files() == []
    assert await _count(api, "uploads") == 0


async def test_a_missing_file_an_empty_file_and_other_bodies(api: RunningApi, artist: Person) -> None:
    missing = await artist.http.post("/stems/upload", files={"title": (None, "x")})
    assert_problem(missing, 422, "file_missing")
    assert_problem(await artist.upload(b""), 422, "audio_empty")
    assert_problem(await artist.http.post("/stems/upload", json={}), 415, "not_multipart")
    assert api.stored_files() == []


async def test_strangers_are_refused_before_their_bytes_are_read(api: RunningApi, anybody: Person) -> None:
    assert_problem(await anybody.upload(sounds.tone()), 401, "token_missing")
    assert api.stored_files() == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"kind": "kazoo"},
        {"from": "yesterday"},
        {"artist": "x" * 201},
        {"artist": "a\0b"},
        {"cursor": "x" * 65},
    ],
)
async def test_bad_queries(artist: Person, query: dict[str, object]) -> None:
    assert_problem(await artist.http.get("/catalog", params=query), 422, "request_invalid")


@pytest.mark.parametrize("cursor", ["!!!", "AAAA", "x" * 20, "Ag" + "A" * 17])
async def test_bad_cursors(artist: Person, cursor: str) -> None:
    assert_problem(await artist.http.get("/catalog", params={"cursor": cursor}), 400, "cursor_invalid")
