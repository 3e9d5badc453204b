"""Health, the migrations, and the processes' start and end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from api.migrations import VERSION_TABLE, config
from api.tables import metadata
from stack.databases import Database
from stack.ports import free_ports
from stemma.database.engine import sqlalchemy_url
from stemma.settings import Settings
from tests.api import sounds
from tests.api.conftest import RunningApi, serving
from tests.api.people import Person, assert_problem

pytestmark = pytest.mark.anyio
STEMMA = Path(sys.executable).with_name("stemma")


async def test_without_the_database_nothing_is_read_and_no_file_is_taken(
    api: RunningApi, anybody: Person, artist: Person, database: Database
) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        [name] = admin.execute("select current_database()").fetchone()
    with psycopg.connect(database.admin_url.rsplit("/", 1)[0] + "/postgres", autocommit=True) as admin:
        admin.execute(f"alter database {name} allow_connections false")
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        try:
            assert_problem(await anybody.http.get("/catalog"), 503, "dependency_unavailable")
            assert_problem(await anybody.http.post("/auth/nonce"), 503, "dependency_unavailable")
            assert_problem(await artist.upload(sounds.tone()), 503, "dependency_unavailable")
            assert api.stored_files() == []
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


async def test_a_public_storage_that_is_away_is_named_but_not_where_it_is(settings: Settings) -> None:
    away = settings.model_copy(update={"public_storage_url": "ipfs+http://127.0.0.1:9"})
    async with serving(away) as api, httpx.AsyncClient(base_url=api.url) as http:
        checks = {check["name"]: check for check in (await http.get("/readyz")).json()["checks"]}
    assert checks["storage"] == {"name": "storage", "ready": False, "reason": checks["storage"]["reason"]}
    assert "127.0.0.1" not in checks["storage"]["reason"]


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
