"""Reading the catalog that the real indexer makes of real commits."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from api.catalog import cursors
from api.catalog.cursors import Place
from api.catalog.errors import CursorInvalid
from api.ingestion.jobs import Ingestion
from stemma.cid import Cid
from stemma.database.engine import create_engine
from stemma.storage import open_storage
from tests.api import sounds
from tests.api.conftest import House, OpenHouse, RunningApi
from tests.api.house import commit_song, indexing, is_resolved, running, until
from tests.api.people import ARTIST_KEY, STRANGER_KEY, Person, assert_problem

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Library:
    """Three songs in the catalog, oldest first: two of the artist's (the second open), one of the stranger's."""

    songs: list[dict[str, Any]]

    @property
    def ids(self) -> list[str]:
        return [song["recordingId"] for song in self.songs]

    def stem(self, song: int, kind: int) -> str:
        return self.ids[song][:-2] + f"{kind:02x}"


@pytest.fixture(scope="module")
async def furnished(open_house: OpenHouse) -> AsyncIterator[tuple[House, Library]]:
    """A house with three songs, shared by the tests of this module, which only read."""
    async with open_house("stemma_test_catalog") as house, open_storage(house.api.settings) as storage:
        engine = create_engine(house.database.api_url, application_name="tests")
        ingestion = Ingestion(engine, storage, 20)
        artist, stranger = (Person.of(house.api.url, key) for key in (ARTIST_KEY, STRANGER_KEY))
        for person in (artist, stranger):
            await person.sign_in()
        songs = [
            await commit_song(house.api, artist, ingestion, sounds.tone(pitch=200), title="One", artist="Ann Äther"),
            await commit_song(
                house.api,
                artist,
                ingestion,
                sounds.tone(pitch=300),
                title="Two",
                artist="Bob",
                releasePolicy="open",
                split=[{"account": artist.address, "ppm": 1000}],
                tags=["jazz"],
            ),
            await commit_song(
                house.api,
                stranger,
                ingestion,
                sounds.tone(pitch=400),
                preview_type="text/html\r\nX-Evil: 1",
                title="Three",
                artist="ann äther",
            ),
        ]
        async with running(indexing(house.api.settings, house.database)):
            for song in songs:
                await until(lambda song=song: is_resolved(artist, song["recordingId"]))
            yield house, Library(songs)
        for person in (artist, stranger):
            await person.http.aclose()
        await engine.dispose()


@pytest.fixture
def library(furnished: tuple[House, Library]) -> Library:
    return furnished[1]


@pytest.fixture
def api(furnished: tuple[House, Library]) -> RunningApi:
    return furnished[0].api


async def _list(person: Person, **query: object) -> dict[str, Any]:
    answer = await person.http.get("/catalog", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_listing_filters_and_pages(api: RunningApi, library: Library, artist: Person, stranger: Person) -> None:
    one, two, three = library.ids
    everything = await _list(artist)
    assert [item["workId"] for item in everything["items"]] == [three, two, one]
    assert everything["next"] is None
    head = everything["asOf"]
    assert (head["chainId"], head["finality"]) == (31337, "latest")
    assert head["block"] >= everything["items"][0]["block"]
    assert len(head["hash"]) == 66

    async def ids(**query: object) -> list[str]:
        return [item["workId"] for item in (await _list(artist, **query))["items"]]

    assert await ids(artist=artist.address) == [two, one]
    assert await ids(artist=stranger.address.lower()) == [three]
    assert await ids(artist="ANN ÄTHER") == [three, one]
    assert await ids(artist="nobody") == []
    assert await ids(model="demucs-tiny-synth") == [three, two, one]
    assert await ids(model="demucs-htdemucs-6s") == []
    moment = everything["items"][1]["registeredAt"]
    assert two in await ids(**{"from": moment})
    assert two not in await ids(to=moment)
    assert await ids(to="2000-01-01T00:00:00") == []
    drums = await _list(artist, kind=["drums", "bass"])
    assert [[stem["kind"] for stem in item["stems"]] for item in drums["items"]] == [["drums", "bass"]] * 3

    walked: list[str] = []
    cursor: str | None = None
    while True:
        page = await _list(artist, limit=1, **({"cursor": cursor} if cursor else {}))
        walked += [item["workId"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert walked == [three, two, one]


async def test_a_page_takes_one_statement(api: RunningApi, library: Library, artist: Person) -> None:
    statements: list[str] = []
    engine = api.resources.reader.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "catalog.recordings" in statement:  # the feed is looked at beside
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        await _list(artist, artist=artist.address, kind="drums", limit=2)
        await artist.http.get(f"/catalog/{library.stem(0, 1)}")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(statements) == 2


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**31 - 1))
def test_cursors_round_trip(block: int, log: int) -> None:
    assert cursors.decode(cursors.encode(Place(block, log))) == Place(block, log)


@given(st.text(max_size=40))
def test_anything_else_is_no_cursor(text: str) -> None:
    try:
        place = cursors.decode(text)
    except CursorInvalid:
        return
    assert cursors.decode(cursors.encode(place)) == place


async def test_the_entity_tag_covers_the_items_and_not_the_head(
    library: Library, artist: Person, api: RunningApi
) -> None:
    first = await artist.http.get("/catalog")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "public, max-age=0, must-revalidate"
    again = await artist.http.get("/catalog", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    before = first.json()["asOf"]["block"]
    await api.resources.rpc.call("anvil_mine", "0x1")

    async def moved_on() -> bool:
        return (await _list(artist))["asOf"]["block"] > before

    await until(moved_on)
    later = await artist.http.get("/catalog", headers={"If-None-Match": tag})
    assert later.status_code == 304
    assert f"block={before + 1}" in later.headers["stemma-as-of"]
    other = await artist.http.get("/catalog", params={"limit": 1})
    assert other.headers["etag"] != tag


async def test_finality_is_told_of_head_and_items(library: Library, artist: Person, api: RunningApi) -> None:
    await api.resources.rpc.call("anvil_mine", hex(70))

    async def is_final() -> bool:
        page = await _list(artist)
        return all(item["finality"] == "finalized" for item in page["items"]) and page["asOf"]["finality"] == "latest"

    await until(is_final)


async def test_one_recording_and_one_stem(library: Library, artist: Person) -> None:
    two = (await artist.http.get(f"/catalog/{library.ids[1]}")).json()
    assert (two["title"], two["artist"], two["tags"], two["releasePolicy"]) == ("Two", "Bob", ["jazz"], "open")
    assert two["split"] == [{"slot": 0, "account": artist.address, "ppm": 1000}]
    assert two["credits"]["title"] == "Two"
    assert two["manifest"]["schema"] == "stemma.separation/1"
    assert (two["creator"], two["rightsHolder"], two["titleHolder"]) == (artist.address, artist.address, None)
    assert len(two["stems"]) == 6
    stem = (await artist.http.get(f"/catalog/{library.stem(1, 2)}")).json()
    assert (stem["kind"], stem["recordingId"], stem["recording"]["title"]) == ("drums", library.ids[1], "Two")
    assert {name: stem[name] for name in ("workId", "sha256", "cid", "tx", "block")} == {
        name: two["stems"][1][name] for name in ("workId", "sha256", "cid", "tx", "block")
    }


async def test_works_that_are_not_there(library: Library, artist: Person) -> None:
    assert_problem(await artist.http.get(f"/catalog/0x{'0' * 56}"), 404, "work_not_found")
    assert_problem(await artist.http.get(f"/catalog/{library.stem(0, 7)}"), 404, "work_not_found")
    for bad in ("0x12", library.ids[0].upper(), library.ids[0] + "00"):
        assert_problem(await artist.http.get(f"/catalog/{bad}"), 422, "request_invalid")


async def test_a_manifest_cannot_make_a_page_of_a_preview(library: Library, anybody: Person) -> None:
    preview = await anybody.http.get(f"/catalog/{library.stem(2, 1)}/preview")
    assert (preview.status_code, preview.headers["content-type"]) == (200, "application/octet-stream")
    assert "x-evil" not in preview.headers


async def test_previews_are_public(library: Library, anybody: Person) -> None:
    for work in (library.ids[0], library.stem(0, 3)):
        preview = await anybody.http.get(f"/catalog/{work}/preview")
        assert (preview.status_code, preview.headers["content-type"]) == (200, "audio/mpeg")
        assert preview.content.startswith(b"preview ")
        assert preview.headers["cache-control"].startswith("public")


async def test_licensed_stems_are_for_their_holder_and_open_ones_for_all(
    library: Library, artist: Person, stranger: Person, anybody: Person
) -> None:
    licensed, free, recording = library.stem(0, 1), library.stem(1, 1), library.ids[0]
    answer = await artist.http.get(f"/catalog/{licensed}/audio")
    listed = (await artist.http.get(f"/catalog/{licensed}")).json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/flac")
    assert "0x" + hashlib.sha256(answer.content).hexdigest() == listed["sha256"]
    assert answer.headers["etag"] == f'"{listed["cid"]}"'
    assert answer.headers["cache-control"].startswith("private")
    anonymous = Person(httpx.AsyncClient(base_url=anybody.http.base_url), anybody.account)
    assert_problem(await anonymous.http.get(f"/catalog/{licensed}/audio"), 401, "token_missing")
    assert_problem(await stranger.http.get(f"/catalog/{licensed}/audio"), 403, "not_rights_holder")
    opened = await anonymous.http.get(f"/catalog/{free}/audio")
    assert (opened.status_code, opened.headers["cache-control"]) == (200, "public, max-age=300")
    assert_problem(await artist.http.get(f"/catalog/{recording}/audio"), 404, "file_unavailable")
    await anonymous.http.aclose()


async def test_ranges_heads_and_conditions(library: Library, artist: Person) -> None:
    path = f"/catalog/{library.stem(1, 4)}/audio"
    whole = await artist.http.get(path)
    size, tag = len(whole.content), whole.headers["etag"]
    assert whole.headers["accept-ranges"] == "bytes"

    async def ranged(value: str, **headers: str) -> httpx.Response:
        return await artist.http.get(path, headers={"Range": value, **headers})

    for value, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=10-99", 10, 100),
        (f"bytes={size - 5}-", size - 5, size),
        (f"bytes=5-{size * 2}", 5, size),
        ("bytes=-7", size - 7, size),
        (f"bytes=-{size * 3}", 0, size),
    ):
        part = await ranged(value)
        assert (part.status_code, part.content) == (206, whole.content[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    for value in (f"bytes={size}-", "bytes=-0"):
        problem = await ranged(value)
        assert assert_problem(problem, 416, "range_not_satisfiable")["size"] == size
        assert problem.headers["content-range"] == f"bytes */{size}"
    for value in ("bytes=9-3", "bytes=0-1,5-6", "lines=1-2", "bytes="):
        assert (await ranged(value)).status_code == 200
    assert (await ranged("bytes=0-1", **{"If-Range": tag})).status_code == 206
    assert (await ranged("bytes=0-1", **{"If-Range": '"old"'})).status_code == 200
    head = await artist.http.head(path)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
    assert (await artist.http.get(path, headers={"If-None-Match": tag})).status_code == 304


async def test_token_metadata_are_the_committed_files(library: Library, anybody: Person) -> None:
    for work, number in ((library.ids[1], 0), (library.stem(1, 6), 6)):
        answer = await anybody.http.get(f"/metadata/{work}.json")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json() == {"name": "Two", "kind": number}


async def test_a_damaged_or_missing_file_is_never_served(library: Library, artist: Person, api: RunningApi) -> None:
    stem = (await artist.http.get(f"/catalog/{library.stem(0, 5)}")).json()
    await api.resources.storage.delete(Cid.parse(stem["cid"]), private=True)
    assert_problem(await artist.http.get(f"/catalog/{stem['workId']}/audio"), 404, "file_not_found")
