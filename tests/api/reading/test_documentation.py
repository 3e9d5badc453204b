"""Every query in the documentation is asked, as it stands there."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from httpx_sse import aconnect_sse

from tests.api.reading.conftest import Told
from tests.indexer.house_on_chain import NATIVE, address

pytestmark = pytest.mark.anyio

_ROOT = Path(__file__).resolve().parents[3]
_API, _CATALOG, _README = ((_ROOT / name).read_text() for name in ("docs/api.md", "docs/catalog.md", "README.md"))
_FENCES = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_CODES = re.compile(r"`([^`\n]+)`")
_CURL = re.compile(r"^curl \"?\$API(/[^\s\"]*)\"?", re.MULTILINE)
_NOT_HERE = ("preview", "audio", "/metadata/{workId}.json")
"""Files, of which the told house has none."""


def blocks(text: str, language: str) -> list[str]:
    return [body for found, body in _FENCES.findall(text) if found == language]


CURLS = [path for text in (_API, _README) for block in blocks(text, "sh") for path in _CURL.findall(block)]
SUBSCRIPTIONS = [code for code in _CODES.findall(_FENCES.sub("", _API)) if code.startswith("subscription ")]


def inline_paths() -> list[str]:
    """The paths between backquotes, each written out: `…` goes on from the last whole one of a table."""
    found: list[str] = []
    base = ""
    for code in _CODES.findall(_FENCES.sub("", _API)):
        each = code.removeprefix("GET ")
        if each.startswith("module="):
            each = f"/api?{each}"
        elif each.startswith("…/"):
            each = base + each[1:]
        elif each == "/catalog/{workId}":
            base = each
        if re.match(r"/[a-z{.]", each) and not any(part in each for part in _NOT_HERE):
            whole = re.fullmatch(r"(.*action=)([a-z]+(?:\|[a-z]+)+)", each)
            found += [whole[1] + action for action in whole[2].split("|")] if whole else [each]
    return list(dict.fromkeys(found))


def written_out(path: str, told: Told, license_: dict[str, Any], session_id: str) -> list[str]:
    """A path with names of things that are there; several where it offers a choice."""
    remix = next(title for title, work in told.recordings.items() if told.chain.tables[work].entries)
    [entry, *_] = told.chain.tables[told.recordings[remix]].entries
    ids = {"/licenses": license_["licenseId"], "/terms": license_["termsId"], "/vault": session_id}
    values = {
        "{workId}": [told.hex(remix)],
        "{ancestor}": [f"0x{entry.work:056x}"],
        "{licenseId}": [license_["licenseId"]],
        "{id}": [next((name for start, name in ids.items() if path.startswith(start)), "")],
        "{address}": [address(1)],
        "{hash}": [license_["tx"]],
        "{n|hash}": [str(license_["block"]), license_["blockHash"]],
        "{a}": [told.chain.at("IPNFT")],
        "{IPNFT|Licenses}": ["IPNFT", "Licenses"],
        "token=0x…": [f"token={NATIVE}"],
        "ancestor=0x…": [f"ancestor=0x{entry.work:056x}"],
        "artist=0x…": [f"artist={address(1)}"],
        "/0x…": [f"/{told.hex(remix)}"],
        "query=…": ["query=%7B_meta%7Bblock%7Bnumber%7D%7D%7D"],
    }
    paths = [path]
    for placeholder, names in values.items():
        paths = [each.replace(placeholder, name) for each in paths for name in names]
    ask_for = {"tokennfttx": f"&address={address(1)}", "getabi": f"&address={told.chain.at('IPNFT')}"}
    ask_for["getsourcecode"] = ask_for["getabi"]
    return [each + next((more for action, more in ask_for.items() if each.endswith(action)), "") for each in paths]


@pytest.mark.parametrize("path", [*CURLS, *inline_paths()])
async def test_a_request(path: str, told: Told, http: httpx.AsyncClient) -> None:
    license_ = (await http.get("/licenses")).json()["items"][0]
    session_id = (await http.get("/vault/sessions")).json()["items"][0]["sessionId"]
    for each in written_out(path, told, license_, session_id):
        assert "{" not in each, each
        assert "…" not in each, each
        if each == "/catalog/stream":
            continue  # never ends; test_stream reads it
        answer = await http.get(each)
        assert answer.status_code == 200, (each, answer.text)
        if each.startswith("/api?"):
            assert answer.json()["message"] in ("OK", "No records found"), answer.text
        if each.startswith("/catalog?ancestor="):
            assert answer.json()["items"]


@pytest.mark.parametrize("query", blocks(_API, "graphql"))
async def test_a_graphql_query(query: str, told: Told, http: httpx.AsyncClient) -> None:
    answer = (await http.post("/graphql", json={"query": query})).json()
    assert "errors" not in answer, answer
    assert answer["data"]["_meta"]["block"]["number"] > 0


@pytest.mark.parametrize("query", SUBSCRIPTIONS)
async def test_a_subscription(query: str, told: Told, http: httpx.AsyncClient) -> None:
    query = query.replace("changes {", "changes(after: 0) {")  # or it would wait for one
    async with aconnect_sse(
        http, "POST", "/graphql", json={"query": query}, headers={"Accept": "text/event-stream"}
    ) as source:
        async for event in source.aiter_sse():
            assert "errors" not in json.loads(event.data)
            break


@pytest.mark.parametrize("query", blocks(_CATALOG, "sql"))
async def test_a_sql_query(query: str, told: Told) -> None:
    async with await psycopg.AsyncConnection.connect(told.house.database.api_url) as connection:
        found = await connection.execute(query)
        assert found.description
    assert blocks(_CATALOG, "sql")


async def test_the_readmes_routes_are_served(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    served = {
        (method.upper(), re.sub(r"{\w+}", "{}", path)) for path, each in document["paths"].items() for method in each
    }
    told = re.findall(r"`(GET|POST) (/[^`]*)`", _README)
    assert len(told) > 5
    assert {(method, re.sub(r"{\w+}", "{}", path)) for method, path in told} <= served


def test_there_is_something_to_ask() -> None:
    assert len(CURLS) > 6
    assert len(inline_paths()) > 20
    assert len(SUBSCRIPTIONS) == 2
