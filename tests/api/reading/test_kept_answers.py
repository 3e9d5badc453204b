"""Answers are kept until the index changes, and are the same for everybody."""

import asyncio
import gzip

import httpx
import psycopg
import pytest

from tests.api.house import until
from tests.api.reading.conftest import Told
from tests.api.reading.counting import Counted

pytestmark = pytest.mark.anyio


async def test_the_same_question_is_asked_of_the_database_once(told: Told, http: httpx.AsyncClient) -> None:
    notify(told)
    query = {"query": "{stems(first: 7, skip: 1) {id}}"}
    for ask in (
        lambda: http.get("/licenses?limit=3"),
        lambda: http.post("/graphql", json=query),
    ):
        first = await ask()
        with Counted(told) as counted:
            again = await asyncio.gather(*(ask() for _ in range(5)))
        assert not counted.statements
        assert {each.content for each in again} == {first.content}
        assert {each.headers["etag"] for each in again} == {first.headers["etag"]}


async def test_a_change_of_the_index_ends_what_was_kept(told: Told, http: httpx.AsyncClient) -> None:
    first = await http.get("/payments?limit=2")
    notify(told)
    with Counted(told) as counted:

        async def is_asked_again() -> bool:
            assert (await http.get("/payments?limit=2")).content == first.content
            return bool(counted.statements)

        await until(is_asked_again, seconds=4)


async def test_many_who_ask_at_once_wait_for_one_answer(told: Told, http: httpx.AsyncClient) -> None:
    with Counted(told) as counted:
        answers = await asyncio.gather(*(http.get("/licenses?limit=4&kind=remix") for _ in range(20)))
    assert {each.status_code for each in answers} == {200}
    assert len(counted.statements) == 1


async def test_compressed_conditional_and_for_any_origin(told: Told, http: httpx.AsyncClient) -> None:
    whole = await http.get("/licenses", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in whole.headers
    async with http.stream("GET", "/licenses", headers={"Accept-Encoding": "gzip"}) as small:
        raw = b"".join([part async for part in small.aiter_raw()])
    assert gzip.decompress(raw) == whole.content
    assert small.headers["etag"] == whole.headers["etag"]
    unchanged = await http.get("/licenses", headers={"If-None-Match": whole.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["stemma-as-of"] == whole.headers["stemma-as-of"]
    allowed = await http.get("/licenses", headers={"Origin": "https://stemma.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://stemma.example"
    assert (
        "access-control-allow-origin"
        not in (await http.get("/licenses", headers={"Origin": "https://x.example"})).headers
    )


async def test_mistakes_are_not_kept(told: Told, http: httpx.AsyncClient) -> None:
    path = f"/licenses/0x{'7' * 64}"
    for _ in range(2):
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


def notify(told: Told) -> None:
    with psycopg.connect(told.house.database.admin_url, autocommit=True) as connection:
        connection.execute("notify stemma_feed, 'test'")
