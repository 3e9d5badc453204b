"""A real API server on a free port, over the real Postgres, Redis, Pub/Sub emulator and chain of the house."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import structlog
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from api.ingestion.jobs import Ingestion
from api.resources import Resources
from api.transactions.sender import Sender
from stack.anvil import anvil_program, anvil_url
from stack.databases import Database, with_database
from stack.ports import free_ports
from stack.postgres import PostgresServer
from stack.program import RunningProgram
from stemma.chain.rpc import JsonRpc
from stemma.database.engine import create_engine
from stemma.settings import Settings
from stemma.storage import Storage, open_storage
from tests.api.people import ARTIST_KEY, ATTESTOR_KEY, RELAYER_KEY, STRANGER_KEY, Person
from tests.api.sending import Ear
from tests.conftest import Deployed


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> Iterator[None]:
    """As in service: structlog's own default draws every local variable of a traceback, which takes seconds."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
    yield
    structlog.reset_defaults()


@dataclass(frozen=True, slots=True)
class RunningApi:
    """A server and what it holds."""

    url: str
    settings: Settings
    resources: Resources
    storage_folder: Path

    def stored_files(self) -> list[Path]:
        """Every file in storage, finished or not."""
        return [path for path in self.storage_folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="session")
def jwt_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("jwt") / "key.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.fixture
def settings(
    database: Database,
    redis_url: str,
    deployed: Deployed,
    pubsub: str,
    pubsub_project: str,
    tmp_path: Path,
    jwt_key_file: Path,
) -> Settings:
    return make_settings(
        database_url=database.api_url,
        redis_url=redis_url,
        rpc_url=deployed.node.url,
        deployments_dir=deployed.deployments_dir,
        folder=tmp_path,
        jwt_key_file=jwt_key_file,
        pubsub=(pubsub, pubsub_project),
    )


def make_settings(
    *,
    database_url: str,
    redis_url: str,
    rpc_url: str,
    deployments_dir: Path,
    folder: Path,
    jwt_key_file: Path,
    pubsub: tuple[str, str],
) -> Settings:
    """The settings of one stack under test, with small limits."""
    return Settings(
        _env_file=None,
        database_url=database_url,
        redis_url=redis_url,
        pubsub_emulator_host=pubsub[0],
        pubsub_project=pubsub[1],
        rpc_urls=[rpc_url],
        deployments_dir=deployments_dir,
        storage_url=f"file://{folder}/storage",
        jwt_private_key_file=jwt_key_file,
        relayer_private_key=RELAYER_KEY,
        attestor_private_key=ATTESTOR_KEY,
        upload_max_bytes=4_000_000,
        upload_max_seconds=20,
        cors_origins=["https://stemma.example"],
    )


@dataclass(frozen=True, slots=True)
class House:
    """A server with a database and a chain of its own."""

    api: RunningApi
    database: Database


OpenHouse = Callable[[str], AbstractAsyncContextManager[House]]


@pytest.fixture(scope="session")
def open_house(
    *,
    postgres: PostgresServer,
    database_template: str,
    login_passwords: dict[str, str],
    redis_server: str,
    pubsub: str,
    deployment_state: tuple[Path, Path],
    jwt_key_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> OpenHouse:
    """Opens houses that several tests share."""

    @asynccontextmanager
    async def opened(name: str) -> AsyncIterator[House]:
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name} template {database_template} strategy file_copy")
        database = Database.of(with_database(postgres.url(), name), login_passwords)
        state, deployments = deployment_state
        [port] = free_ports(1)
        with RunningProgram.start(anvil_program(state, port)):
            settings = make_settings(
                database_url=database.api_url,
                redis_url=redis_server,
                rpc_url=anvil_url(port),
                deployments_dir=deployments,
                folder=tmp_path_factory.mktemp(name),
                jwt_key_file=jwt_key_file,
                pubsub=(pubsub, f"project-{name.replace('_', '-')}"),
            )
            async with serving(settings) as api:
                yield House(api, database)
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)")

    return opened


@pytest.fixture(scope="session")
async def shared_api(open_house: OpenHouse) -> AsyncIterator[RunningApi]:
    """One server for all tests that leave nothing behind; a module takes it by overriding `api`."""
    async with open_house("stemma_test_api_shared") as house:
        yield house.api


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[RunningApi]:
    """Run the API in this event loop on a free port."""
    # Named as TCP, or asyncio leaves Nagle's algorithm on, and each request waits 40 ms for a delayed acknowledgement.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        mine = settings.model_copy(update={"public_url": url})
        app = create_app(mine)
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2)
        )
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            assert not task.done(), task.exception()
            await asyncio.sleep(0.01)
        folder = Path(settings.storage_url.removeprefix("file://"))
        try:
            yield RunningApi(url, mine, app.state.resources, folder)
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[RunningApi]:
    async with serving(settings) as running:
        yield running


@pytest.fixture
async def anybody(api: RunningApi) -> AsyncIterator[Person]:
    """Somebody who has not signed in."""
    person = Person.of(api.url, STRANGER_KEY)
    yield person
    await person.http.aclose()


@pytest.fixture
async def artist(api: RunningApi) -> AsyncIterator[Person]:
    person = Person.of(api.url, ARTIST_KEY)
    await person.sign_in()
    yield person
    await person.http.aclose()


@pytest.fixture
async def stranger(api: RunningApi) -> AsyncIterator[Person]:
    person = Person.of(api.url, STRANGER_KEY)
    await person.sign_in()
    yield person
    await person.http.aclose()


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database.api_url, application_name="tests")
    yield engine
    await engine.dispose()


@pytest.fixture
async def storage(settings: Settings) -> AsyncIterator[Storage]:
    async with open_storage(settings) as storage:
        yield storage


@pytest.fixture
def ingestion(engine: AsyncEngine, storage: Storage, settings: Settings) -> Ingestion:
    """The background work, to be done by hand."""
    return Ingestion(engine, storage, settings.upload_max_seconds)


@pytest.fixture
async def rpc(deployed: Deployed) -> AsyncIterator[JsonRpc]:
    deployed.node.mine(5)  # so that a reorg of a few blocks does not reach the contracts
    async with JsonRpc(deployed.node.url) as rpc:
        yield rpc


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def make_sender(engine: AsyncEngine, rpc: JsonRpc, ear: Ear) -> Callable[..., Sender]:
    """Make a sender of a key, by another node if one is given."""

    def make(key: str = RELAYER_KEY, *, node: JsonRpc = rpc) -> Sender:
        return Sender(engine, node, private_key=key, chain_id=31337, listener=ear)

    return make


@pytest.fixture
def sender(make_sender: Callable[..., Sender]) -> Sender:
    return make_sender()
