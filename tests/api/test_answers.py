"""What every answer has in common, and the OpenAPI document; one server serves all of it."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api import problems
from tests.api.conftest import RunningApi
from tests.api.people import Person, assert_problem

pytestmark = pytest.mark.anyio
ORIGIN = "https://stemma.example"


@pytest.fixture
def api(shared_api: RunningApi) -> RunningApi:
    return shared_api


async def test_unknown_paths_methods_and_large_bodies_are_problems(anybody: Person) -> None:
    assert_problem(await anybody.http.get("/nowhere"), 404, "route_not_found")
    wrong = await anybody.http.delete("/catalog")
    assert_problem(wrong, 405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET, HEAD"
    large = await anybody.http.post("/auth/login", json={"message": "x" * 100_000, "signature": "0x"})
    assert_problem(large, 413, "content_too_large")

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 10_000

    endless = await anybody.http.post(
        "/auth/login", content=unannounced(), headers={"Content-Type": "application/json", "Origin": ORIGIN}
    )
    assert_problem(endless, 413, "content_too_large")
    assert endless.headers["access-control-allow-origin"] == ORIGIN, "the frontend may read why"


async def test_a_defect_is_a_problem_with_the_same_headers(api: RunningApi, anybody: Person, monkeypatch: Any) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(type(api.resources.issuer), "jwks", broken)
    answer = await anybody.http.get("/.well-known/jwks.json", headers={"X-Request-Id": "my-request", "Origin": ORIGIN})
    problem = assert_problem(answer, 500, "internal_error")
    assert problem["requestId"] == "my-request"
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == ORIGIN


async def test_headers_of_security_and_request_ids(anybody: Person) -> None:
    answer = await anybody.http.get("/healthz", headers={"X-Request-Id": "bad id with spaces"})
    assert answer.headers["x-request-id"] != "bad id with spaces"
    for header in ("content-security-policy", "referrer-policy", "x-frame-options", "strict-transport-security"):
        assert answer.headers[header]
    assert "server" not in answer.headers
    assert answer.headers["cache-control"] == "no-store", "unless an answer says otherwise"


async def test_only_listed_origins_may_call_from_browsers(anybody: Person) -> None:
    good = await anybody.http.get("/healthz", headers={"Origin": ORIGIN})
    assert good.headers["access-control-allow-origin"] == ORIGIN
    assert "Stemma-As-Of" in good.headers["access-control-expose-headers"]
    bad = await anybody.http.get("/healthz", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in bad.headers


async def test_the_openapi_document_names_operations_and_errors(anybody: Person) -> None:
    document = (await anybody.http.get("/openapi.json")).json()
    operations = [op for path in document["paths"].values() for op in path.values()]
    ids = [op["operationId"] for op in operations]
    assert len(ids) == len(set(ids))
    assert {
        *("createLoginNonce", "login", "getKeySet"),
        *("uploadRecording", "getUpload", "signUpload", "streamUploadEvents"),
        *("listCatalog", "getWork", "getPreview", "getStemAudio", "getTokenMetadata"),
        *("listProblems", "getProblem", "getHealth", "getReadiness"),
    } <= set(ids), "the main job's are stable"
    tags = {tag["name"] for tag in document["tags"]}
    for op in operations:
        assert set(op["tags"]) <= tags
        for status, response in op["responses"].items():
            if status == "default" or (int(status) >= 400 and op["operationId"] != "getReadiness"):
                assert list(response["content"]) == [problems.MEDIA_TYPE], (op["operationId"], status)
    registered = set(document["components"]["schemas"]["ErrorCode"]["enum"])
    assert registered == set(problems.registry())
    references = _references(document)
    assert references <= {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}


async def test_every_code_is_unique_and_explained(anybody: Person) -> None:
    listed = (await anybody.http.get("/problems")).json()
    assert len(listed) > 40
    for entry in listed:
        assert entry == (await anybody.http.get(f"/problems/{entry['code']}")).json()
        assert 400 <= entry["status"] < 600
        assert entry["description"]
    assert_problem(await anybody.http.get("/problems/none"), 404, "route_not_found")
    by_code: dict[str, set[tuple[int, str]]] = {}
    for error in problems._error_classes(problems.AppError):
        by_code.setdefault(error.code, set()).add((error.status.value, error.title))
    assert [code for code, meanings in by_code.items() if len(meanings) > 1] == [], "one code, one meaning"


def test_the_codes_of_failed_uploads_are_explained_by_a_process_that_only_serves() -> None:
    code = "import api.app, json; from api import problems; print(json.dumps(list(problems.registry())))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    carried = {"audio_unreadable", "audio_silent", "separation_implausible", "source_mismatch", "worker_lost"}
    assert carried | {"probe_failed", "separation_failed", "recording_exists"} <= set(json.loads(done.stdout))


async def test_odd_requests_never_get_anything_but_answers_and_problems(anybody: Person) -> None:
    """Every documented operation with nonsense in every parameter."""
    document = (await anybody.http.get("/openapi.json")).json()
    nonsense = ["", "%00", "..%2f..", "0x" + "f" * 56, "💥", "-1", "null", "a" * 300]
    for path, operations in document["paths"].items():
        if path == "/catalog/stream":
            continue  # it has no end
        for method in operations:
            for odd in nonsense:
                url = path
                for name in ("upload_id", "work_id", "code"):
                    url = url.replace("{" + name + "}", odd)
                answer = await anybody.http.request(
                    method, url, params={"limit": odd, "cursor": odd, "from": odd, "artist": odd}, content=odd.encode()
                )
                assert answer.status_code < 500 or answer.json().get("code") == "catalog_not_ready" or path == "/readyz"
                if answer.status_code >= 400 and path != "/readyz":
                    assert answer.headers["content-type"] == problems.MEDIA_TYPE, (url, answer.text)
                    assert answer.json()["code"] in problems.registry()


def _references(node: object) -> set[str]:
    if isinstance(node, dict):
        here = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return here.union(*(_references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(_references(value) for value in node))
    return set()
