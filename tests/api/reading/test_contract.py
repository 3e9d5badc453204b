"""What the API says of itself against what it does: generated requests by REST and GraphQL (schemathesis)."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.failures import FailureGroup
from schemathesis.graphql import nodes
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.graphql.entities import ENTITIES
from tests.api.reading.conftest import Told
from tests.indexer.house_on_chain import NATIVE, address

pytestmark = pytest.mark.anyio

_TAGS = {"catalog", "rights", "explorer", "problems"}
_FEW = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_TOO_STRICT = [positive_data_acceptance]
"""A cursor is a text, but not every text is a cursor: the schema cannot say all that is refused."""

_REFUSALS = {"query_invalid", "query_too_costly", "query_too_deep", "block_not_indexed", "block_out_of_reach"}


async def test_rest_answers_as_its_document_says(told: Told, http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    known = await _known(told, http)
    asked: dict[str, int] = {}

    def run() -> None:
        schema = schemathesis.openapi.from_dict(_with_known(document, known))
        for found in schema.get_all_operations():
            operation = found.ok()
            if _TAGS.isdisjoint(operation.definition.raw["tags"]) or not _is_json(operation.definition.raw):
                continue

            @_FEW
            @given(operation.as_strategy())
            def check(case: schemathesis.Case) -> None:
                answer = case.call_and_validate(base_url=told.api.url, excluded_checks=_TOO_STRICT)
                asked[case.operation.label] = max(asked.get(case.operation.label, 0), int(answer.status_code == 200))

            try:
                check()
            except FailureGroup as failures:
                raise AssertionError("\n".join(map(str, failures.exceptions))) from failures

    await asyncio.to_thread(run)
    assert len(asked) > 30
    assert sum(asked.values()) > len(asked) / 2, "most of it was nothing but refused"


async def test_head_is_answered_as_get_without_the_body(told: Told, http: httpx.AsyncClient) -> None:
    known = await _known(told, http)
    document = (await http.get("/openapi.json")).json()
    paths = [path for path, operations in document["paths"].items() if "get" in operations and "/auth" not in path]
    compared = 0
    for path in paths:
        for name, values in known.items():
            path = path.replace("{" + name + "}", values[0])  # noqa: PLW2901
        if "{" in path:
            continue
        query = {"query": "{_meta {deployment}}"} if path == "/graphql" else {}
        head = await http.head(path, params=query)
        assert head.content == b""
        if path == "/catalog/stream":
            assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            continue
        answer = await http.get(path, params=query)
        assert head.status_code == answer.status_code, path
        for header in ("content-type", "content-length", "content-encoding", "etag", "cache-control", "stemma-as-of"):
            assert head.headers.get(header) == answer.headers.get(header), (path, header)
        compared += answer.status_code == 200
    assert compared > 25
    assert (await http.head("/auth/login")).status_code == 405
    assert (await http.head("/nowhere")).status_code == 404


async def test_graphql_answers_whatever_its_schema_allows(told: Told, http: httpx.AsyncClient) -> None:
    sdl = (await http.get("/graphql/schema")).text
    recordings = [told.hex(title) for title in told.recordings]
    newest = (await http.get("/catalog?limit=1")).json()["asOf"]["block"]
    schemathesis.graphql.scalar("Bytes", st.sampled_from(["0x", "0xab", *recordings]).map(nodes.String))
    schemathesis.graphql.scalar("BigInt", st.integers(-1, 2**256).map(str).map(nodes.String))
    schemathesis.graphql.scalar("Height", st.sampled_from([newest, newest - 1]).map(nodes.Int))
    schemathesis.graphql.scalar("Page", st.integers(0, 20).map(nodes.Int))
    schema = schemathesis.graphql.from_file(_with_bounds(sdl))
    answered: set[str] = set()

    def ask(name: str) -> None:
        @_FEW
        @given(schema["Query"][name].as_strategy())
        def check(case: schemathesis.Case) -> None:
            answer = asking.post("/graphql", json={"query": case.body})
            body = answer.json()
            assert answer.status_code == 200, case.body
            if "errors" in body:
                assert {each["extensions"]["code"] for each in body["errors"]} <= _REFUSALS, (case.body, body)
            else:
                answered.add(name)

        check()

    def run() -> None:
        for entity in ENTITIES.values():
            ask(entity.many)

    with httpx.Client(base_url=told.api.url, timeout=60) as asking:
        await asyncio.to_thread(run)
    assert len(answered) > 0.9 * len(ENTITIES), {each.many for each in ENTITIES.values()} - answered


def _with_bounds(sdl: str) -> str:
    """The schema with pages and blocks that exist in place of whole numbers: of those nearly all are refused."""
    for member in ("first", "skip"):
        sdl = sdl.replace(f"{member}: Int =", f"{member}: Page =")
    for member in ("number", "number_gte"):
        sdl = sdl.replace(f"  {member}: Int\n", f"  {member}: Height\n")
    return sdl + "\nscalar Height\nscalar Page\n"


async def _known(told: Told, http: httpx.AsyncClient) -> dict[str, list[str]]:
    """Names of things that are there, by parameter."""
    license_id = (await http.get("/licenses")).json()["items"][0]
    session = (await http.get("/vault/sessions")).json()["items"][0]
    works = [told.hex(title) for title in told.recordings]
    return {
        "work_id": [*works, works[0][:-2] + "03", "0x" + "0" * 56],
        "ancestor": works,
        "license_id": [license_id["licenseId"]],
        "terms_id": [license_id["termsId"]],
        "session_id": [session["sessionId"]],
        "address": [told.chain.at("IPNFT"), address(1), NATIVE],
        "name": ["IPNFT", "Licenses"],
        "tx_hash": [license_id["tx"]],
        "block": ["1", str(license_id["block"])],
    }


def _with_known(document: dict[str, Any], known: dict[str, list[str]]) -> dict[str, Any]:
    """The document with the names of things in place of their patterns: random ones would only not be found."""
    for operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path" and parameter["name"] in known:
                parameter["schema"] = {"type": "string", "enum": known[parameter["name"]]}
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _is_json(operation: dict[str, Any]) -> bool:
    return "application/json" in operation["responses"].get("200", {}).get("content", {})
