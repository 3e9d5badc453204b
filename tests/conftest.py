"""Real services for the tests: started once for a pytest run, on free ports, stopped by process id at the end."""

from __future__ import annotations

import fcntl
import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql

from stack.anvil import anvil_program, anvil_url
from stack.anvil_node import AnvilNode, development_key
from stack.chain_keeper import ChainKeeper
from stack.databases import LOGINS, Database, ensure_database, ensure_logins, with_database
from stack.deploy import deploy_contracts
from stack.home import remove_home
from stack.ports import free_ports
from stack.postgres import PostgresServer, prepare_postgres
from stack.program import RunningProgram
from stack.pubsub_program import pubsub_program
from stack.redis import redis_program
from stack.redis import redis_url as url_of_redis
from stemma.garbage import forget_what_is_loaded, look_seldom

ROOT = Path(__file__).resolve().parent.parent
MEMORY, ROOM_BYTES = Path("/dev/shm"), 8 * 1024**3
# A busy machine makes any example slow now and then, which shows nothing.
settings.register_profile("stemma", deadline=None)
settings.load_profile("stemma")
look_seldom()


def pytest_collection_finish() -> None:
    """Whatever the tests import is there for good, and it is much."""
    forget_what_is_loaded()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def has_room(folder: Path) -> bool:
    """Whether it is there and takes what the tests' servers may write. A container's is 64 MB by default."""
    return folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM_BYTES


@pytest.fixture(scope="session")
def session_home() -> Iterator[Path]:
    """A folder for the servers of this run, reachable by the account that Postgres runs as.

    In memory where there is plenty: each test's database is a copy of some 300 files.
    """
    folder = Path(tempfile.mkdtemp(prefix="stemma-tests-", dir=MEMORY if has_room(MEMORY) else None))
    folder.chmod(0o711)
    yield folder
    remove_home(folder)


@pytest.fixture(scope="session")
def postgres(session_home: Path) -> Iterator[PostgresServer]:
    """An embedded Postgres; `.url(database)` is the administrator's URL."""
    [port] = free_ports(1)
    server = prepare_postgres(session_home, port, durable=False)
    with (session_home / "postgres.log").open("wb") as log, RunningProgram.start(server.program(), log=log):
        yield server


@pytest.fixture(scope="session")
def login_passwords() -> dict[str, str]:
    return {login: secrets.token_urlsafe(12) for login in LOGINS}


@pytest.fixture(scope="session")
def database_template(postgres: PostgresServer, login_passwords: dict[str, str]) -> str:
    """The name of a database with the roles and both migration histories, to be cloned."""
    from api.migrations import upgrade
    from indexer.migrate import migrate

    name = "stemma_template"
    ensure_database(postgres.url("postgres"), name)
    ensure_logins(postgres.url(name), login_passwords)
    migrate(postgres.url(name), generation=1)
    upgrade(postgres.url(name))
    return name


_numbers = itertools.count(1)


@pytest.fixture
def database(postgres: PostgresServer, database_template: str, login_passwords: dict[str, str]) -> Iterator[Database]:
    """A fresh database of this test, with everything migrated and nothing in it."""
    name = f"stemma_test_{next(_numbers)}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        names = {"name": sql.Identifier(name), "template": sql.Identifier(database_template)}
        connection.execute(sql.SQL("create database {name} template {template} strategy file_copy").format(**names))
        yield Database.of(with_database(postgres.url(), name), login_passwords)
        connection.execute(sql.SQL("drop database {name} with (force)").format(**names))


@pytest.fixture(scope="session")
def redis_server(session_home: Path) -> Iterator[str]:
    [port] = free_ports(1)
    with RunningProgram.start(redis_program(session_home / "redis", port, durable=False)):
        yield url_of_redis(port)


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of an empty Redis database."""
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def anvil() -> Iterator[AnvilNode]:
    """A fresh embedded chain of this test, automining, chain id 31337; it starts in a tenth of a second."""
    [port] = free_ports(1)
    with RunningProgram.start(anvil_program(None, port)):
        yield AnvilNode(anvil_url(port))


@dataclass(frozen=True, slots=True)
class Deployed:
    """A chain with the contracts on it."""

    node: AnvilNode
    deployments_dir: Path


@pytest.fixture(scope="session")
def deployment_state(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The state file of a chain on which `ape run deploy` was run, and its deployments.

    `STEMMA_TESTS_SHARED` names a folder in which processes that run at a time find what the first of them made.
    """
    shared = os.environ.get("STEMMA_TESTS_SHARED")
    folder = Path(shared or tmp_path_factory.getbasetemp()) / "deployed"
    folder.mkdir(parents=True, exist_ok=True)
    deployments = folder / "deployments"
    state = folder / "state.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not state.exists():
            [port] = free_ports(1)
            draft = folder / "draft.json"
            with RunningProgram.start(anvil_program(draft, port)):
                attested = {**os.environ, "ATTESTOR_PRIVATE_KEY": development_key(2)}
                deploy_contracts(anvil_url(port), deployments, attested)
                ChainKeeper(anvil_url(port), draft).save()
            draft.rename(state)
    return state, deployments


@pytest.fixture
def deployed(deployment_state: tuple[Path, Path], tmp_path: Path) -> Iterator[Deployed]:
    """A fresh chain of this test with the contracts deployed."""
    state, deployments = deployment_state
    [port] = free_ports(1)
    mine = tmp_path / "deployments"
    shutil.copytree(deployments, mine)
    with RunningProgram.start(anvil_program(state, port)):
        yield Deployed(AnvilNode(anvil_url(port)), mine)


@pytest.fixture(scope="session")
def pubsub(session_home: Path) -> Iterator[str]:
    """The host:port of the Pub/Sub emulator."""
    [port] = free_ports(1)
    with RunningProgram.start(pubsub_program(session_home / "pubsub.sqlite", port)):
        yield f"127.0.0.1:{port}"


@pytest.fixture
def pubsub_project() -> str:
    """A project of this test alone, so that tests share the emulator and nothing else."""
    return f"test-{secrets.token_hex(6)}"
