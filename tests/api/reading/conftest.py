"""Two catalogs with a server over each: every event of every contract once, and very many recordings."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from api.catalog.cursors import Place, encode
from stack.anvil_node import AnvilNode
from stack.catalog_rows import fill
from stack.databases import Database, ensure_logins, with_database
from stack.postgres import PostgresServer
from stemma import works
from stemma.works import WorkId
from tests.api.conftest import House, OpenHouse, RunningApi, make_settings, serving
from tests.indexer.house_on_chain import HouseOnChain
from tests.indexer.onchain import index_until_head
from tests.indexer.story import tell


@dataclass(frozen=True)
class Told:
    """The house, its contracts, and the story's recordings by title."""

    house: House
    chain: HouseOnChain
    recordings: dict[str, WorkId]

    @property
    def api(self) -> RunningApi:
        return self.house.api

    def hex(self, title: str) -> str:
        return works.to_hex(self.recordings[title])


@pytest.fixture(scope="session")
async def told(open_house: OpenHouse, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    """Shared by all tests that only read."""
    async with open_house("stemma_test_story") as house:
        settings = house.api.settings
        chain = HouseOnChain(AnvilNode(settings.rpc_urls[0]), Path(settings.deployments_dir))
        recordings = await asyncio.to_thread(tell, chain)
        folder = tmp_path_factory.mktemp("story")
        await index_until_head(house.database.indexer_url, chain, folder)
        yield Told(house, chain, recordings)


@pytest.fixture
async def http(told: Told) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=told.api.url, timeout=60) as client:
        yield client


RECORDINGS = 20_000


@dataclass(frozen=True)
class Large:
    """A server over a large catalog, and names of things in its midst."""

    api: RunningApi
    http: httpx.AsyncClient
    names: dict[str, str]
    admin_url: str


@pytest.fixture(scope="session")
def filled(postgres: PostgresServer, database_template: str, login_passwords: dict[str, str]) -> Iterator[Database]:
    given = os.environ.get("STEMMA_FILLED_DATABASE")
    if given:
        ensure_logins(given, login_passwords)
        yield Database.of(given, login_passwords)
        return
    name = "stemma_test_plans"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {database_template} strategy file_copy")
    fill(postgres.url(name), RECORDINGS)
    yield Database.of(with_database(postgres.url(), name), login_passwords)
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
async def large(
    filled: Database,
    redis_server: str,
    pubsub: str,
    deployment_state: tuple[Path, Path],
    jwt_key_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Large]:
    settings = make_settings(
        database_url=filled.api_url,
        redis_url=redis_server,
        rpc_url="http://127.0.0.1:1",
        deployments_dir=deployment_state[1],
        folder=tmp_path_factory.mktemp("plans"),
        jwt_key_file=jwt_key_file,
        pubsub=(pubsub, "plans"),
    )
    async with serving(settings) as api, httpx.AsyncClient(base_url=api.url, timeout=120) as http:
        yield Large(api, http, _names(filled), filled.admin_url)


def _names(database: Database) -> dict[str, str]:
    with psycopg.connect(database.admin_url) as connection:
        row = connection.execute(
            "select r.recording_id, r.creator, r.parent_recording_id, l.license_id, l.terms_id, l.holder, s.holder,"
            " b.middle, c.sha256"
            " from (select max(block_number) / 2 as middle from chain_1.recordings) b cross join lateral (select"
            " recording_id, creator, parent_recording_id from chain_1.recordings join chain_1.parents"
            " using (recording_id) where recordings.block_number >= middle limit 1) r cross join lateral (select *"
            " from chain_1.licenses where block_number >= middle order by block_number limit 1) l cross join lateral"
            " (select a.holder from chain_1.attachments a join chain_1.terms t using (terms_id)"
            " where t.kind = 0 and a.block_number >= middle limit 1) s cross join lateral (select sha256"
            " from chain_1.stems where block_number >= middle limit 1) c"
        ).fetchone()
    assert row is not None
    work, creator, parent, license_id, terms_id, holder, seller = (f"0x{bytes(each).hex()}" for each in row[:7])
    names = {"work": work, "creator": creator, "parent": parent, "license": license_id, "terms": terms_id}
    names |= {"holder": holder, "seller": seller, "sha256": f"0x{bytes(row[8]).hex()}"}
    return names | {"cursor": encode(Place(row[7], 0)), "stem": work[:-2] + "03"}
