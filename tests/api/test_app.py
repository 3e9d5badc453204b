"""What every answer has in common, the OpenAPI document, health, and the processes' start and end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from api import problems
from api.app import create_app
from api.migrations import VERSION_TABLE, config
from api.tables import metadata
from stack.databases import Database
from stack.ports import free_ports
from stemma.database.engine import sqlalchemy_url
from stemma.settings import Settings
from tests.api.conftest import RunningApi
from tests.api.people import Person, assert_problem

pytestmark = pytest.mark.anyio
STEMMA = Path(sys.executable).with_name("stemma")


async def test_unknown_paths_methods_and_large_bodies_are_problems(anybody: Person) -> None:
    assert_problem(await anybody.http.get("/nowhere"), 404, "route_not_found")
    wrong = await anybody.http.delete("/catalog")
    assert_problem(wrong, 405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET"
    large = await anybody.http.post("/auth/login", json={"message": "x" * 100_000, "signature": "0x"})
    assert_problem(large, 413, "content_too_large")


async def test_a_defect_is_a_problem_with_the_same_headers(api: RunningApi, anybody: Person, monkeypatch: Any) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(type(api.resources.issuer), "jwks", broken)
    answer = await anybody.http.get("/.well-known/jwks.json", headers={"X-Request-Id": "my-request"})
    problem = assert_problem(answer, 500, "internal_error")
    assert problem["requestId"] == "my-request"
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_without_the_database_reads_are_unavailable(api: RunningApi, anybody: Person, database: Database) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        [name] = admin.execute("select current_database()").fetchone()
    with psycopg.connect(database.admin_url.rsplit("/", 1)[0] + "/postgres", autocommit=True) as admin:
        admin.execute(f"alter database {name} allow_connections false")
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        try:
            assert_problem(await anybody.http.get("/catalog"), 503, "dependency_unavailable")
            assert_problem(await anybody.http.post("/auth/nonce"), 503, "dependency_unavailable")
            ready = await anybody.http.get("/readyz")
            checks = {check["name"]: check for check in ready.json()["checks"]}
            assert ready.status_code == 503
            assert not checks["database"]["ready"]
            assert checks["redis"]["ready"]
            assert (await anybody.http.get("/healthz")).json() == {"status": "ok"}
        finally:
            admin.execute(f"alter database {name} allow_connections true")
    assert (await anybody.http.post("/auth/nonce")).status_code == 200, "it comes back by itself"


async def test_readiness_names_every_part(api: RunningApi, anybody: Person) -> None:
    body = (await anybody.http.get("/readyz")).json()
    checks = {check["name"]: check for check in body["checks"]}
    assert set(checks) == {"database", "redis", "storage", "contracts", "chain", "index", "index_lag"}
    assert [name for name, check in checks.items() if not check["ready"]] == ["index", "index_lag"]
    assert checks["index"]["reason"] == "the index has not seen a block yet"


async def test_headers_of_security_and_request_ids(anybody: Person) -> None:
    answer = await anybody.http.get("/healthz", headers={"X-Request-Id": "bad id with spaces"})
    assert answer.headers["x-request-id"] != "bad id with spaces"
    for header in ("content-security-policy", "referrer-policy", "x-frame-options", "strict-transport-security"):
        assert answer.headers[header]
    assert "server" not in answer.headers


async def test_only_listed_origins_may_call_from_browsers(anybody: Person) -> None:
    good = await anybody.http.get("/healthz", headers={"Origin": "https://stemma.example"})
    assert good.headers["access-control-allow-origin"] == "https://stemma.example"
    assert "Stemma-As-Of" in good.headers["access-control-expose-headers"]
    bad = await anybody.http.get("/healthz", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in bad.headers


async def test_the_openapi_document_names_operations_and_errors(anybody: Person) -> None:
    document = (await anybody.http.get("/openapi.json")).json()
    operations = [op for path in document["paths"].values() for op in path.values()]
    assert sorted(op["operationId"] for op in operations) == sorted(
        [
            *("createLoginNonce", "login", "getKeySet"),
            *("uploadRecording", "getUpload", "signUpload", "streamUploadEvents"),
            *("listCatalog", "getWork", "getPreview", "getStemAudio", "getTokenMetadata"),
            *("listProblems", "getProblem", "getHealth", "getReadiness"),
        ]
    )
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


async def test_odd_requests_never_get_anything_but_answers_and_problems(anybody: Person) -> None:
    """Every documented operation with nonsense in every parameter."""
    document = (await anybody.http.get("/openapi.json")).json()
    nonsense = ["", "%00", "..%2f..", "0x" + "f" * 56, "💥", "-1", "null", "a" * 300]
    for path, operations in document["paths"].items():
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


def test_the_migrations_make_exactly_the_tables(database: Database) -> None:
    engine = create_engine(sqlalchemy_url(database.admin_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "version_table": VERSION_TABLE,
                "include_name": lambda name, kind, _parents: kind != "schema" or name == "app",
            },
        )
        assert compare_metadata(context, metadata) == []
        assert config(connection).get_main_option("script_location")
    engine.dispose()


def test_migrations_can_run_twice_and_the_indexer_cannot_see_app(database: Database) -> None:
    from api.migrations import upgrade

    upgrade(database.admin_url)
    with psycopg.connect(database.indexer_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from app.users")
    with psycopg.connect(database.api_url) as connection:
        connection.execute("select * from app.users")
        connection.execute("select * from catalog.head")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table app.other (id int)")


def test_an_api_without_its_settings_says_which(settings: Settings) -> None:
    async def start(**changes: object) -> None:
        app = create_app(settings.model_copy(update={"public_url": "http://x", **changes}))
        async with app.router.lifespan_context(app):
            pass

    for name, value in (("jwt_private_key_file", None), ("public_url", "")):
        with pytest.raises(ValueError, match=name.upper()):
            asyncio.run(start(**{name: value}))


def _environment(settings: Settings, port: int) -> dict[str, str]:
    assert settings.relayer_private_key is not None
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url,
        "PUBSUB_EMULATOR_HOST": settings.pubsub_emulator_host,
        "PUBSUB_PROJECT": settings.pubsub_project,
        "RPC_URLS": ",".join(settings.rpc_urls),
        "DEPLOYMENTS_DIR": str(settings.deployments_dir),
        "STORAGE_URL": settings.storage_url,
        "JWT_PRIVATE_KEY_FILE": str(settings.jwt_private_key_file),
        "RELAYER_PRIVATE_KEY": settings.relayer_private_key.get_secret_value(),
        "API_PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
    }


@pytest.mark.parametrize("command", ["api", "api-jobs"])
async def test_the_processes_stop_when_told_to(settings: Settings, tmp_path: Path, command: str) -> None:
    [port] = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        STEMMA, command, cwd=tmp_path, env=_environment(settings, port), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        if command == "api":
            async with httpx.AsyncClient() as http:
                while True:
                    try:
                        assert (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
                        break
                    except httpx.ConnectError:
                        await asyncio.sleep(0.1)
        else:
            while b"sending as" not in await process.stdout.readline():
                pass
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        output = await process.stdout.read()
        assert await process.wait() == 0, output.decode()


def _references(node: object) -> set[str]:
    if isinstance(node, dict):
        here = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return here.union(*(_references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(_references(value) for value in node))
    return set()
