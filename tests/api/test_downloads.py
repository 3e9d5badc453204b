"""Files of works: who may have them, and what a slow storage costs everybody else."""

from __future__ import annotations

import asyncio

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from sqlalchemy import text

from api.ingestion.jobs import Ingestion
from stack.databases import Database
from stemma.chain.deployments import load_deployment
from stemma.settings import Settings
from tests.api import sounds
from tests.api.conftest import RunningApi
from tests.api.house import commit_song, indexing, is_resolved, running, until
from tests.api.people import Person, assert_problem
from tests.conftest import Deployed

pytestmark = pytest.mark.anyio


async def _sell(deployed: Deployed, api: RunningApi, stem: str, seller: Person, buyer: Person) -> None:
    """Mint a stem's title and hand it over."""
    async with api.resources.engine.connect() as connection:
        found = await connection.execute(text("select result -> 'separation' from app.uploads"))
        separation = found.scalar_one()
    committed = [bytes.fromhex(separation[name][2:]) for name in ("stemsRoot", "metadataDigest")]
    work = int(stem, 16)
    calls = (
        keccak(b"mint(uint224,address,bytes32,bytes32)")[:4]
        + encode(["uint224", "address", "bytes32", "bytes32"], [work, seller.address, *committed]),
        keccak(b"transferFrom(address,address,uint256)")[:4]
        + encode(["address", "address", "uint256"], [seller.address, buyer.address, work]),
    )
    titles = load_deployment(deployed.deployments_dir, 31337).ipnft.address
    for data in calls:
        sent = deployed.node.rpc(
            "eth_sendTransaction", {"from": seller.address, "to": titles, "data": "0x" + data.hex()}
        )
        deployed.node.mine()
        assert deployed.node.rpc("eth_getTransactionReceipt", sent)["status"] == "0x1"


async def test_who_held_the_rights_in_the_past_has_no_file_today(
    *,
    api: RunningApi,
    artist: Person,
    stranger: Person,
    ingestion: Ingestion,
    settings: Settings,
    database: Database,
    deployed: Deployed,
) -> None:
    song = await commit_song(api, artist, ingestion, sounds.tone())
    stem = f"{song['recordingId'][:-2]}01"
    async with running(indexing(settings, database)):
        await until(lambda: is_resolved(artist, song["recordingId"]))
        assert (await artist.http.get(f"/catalog/{stem}/audio")).status_code == 200
        sold_after = (await artist.http.get(f"/catalog/{stem}")).json()["asOf"]["block"]
        await _sell(deployed, api, stem, artist, stranger)

        async def is_sold() -> bool:
            return (await artist.http.get(f"/catalog/{stem}")).json()["rightsHolder"] == stranger.address

        await until(is_sold)
        for when in ({}, {"block": sold_after}):
            assert_problem(await artist.http.get(f"/catalog/{stem}/audio", params=when), 403, "not_rights_holder")
        assert (await stranger.http.get(f"/catalog/{stem}/audio")).status_code == 200


async def test_a_storage_that_searches_for_long_holds_no_database_connections(
    *,
    api: RunningApi,
    artist: Person,
    ingestion: Ingestion,
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More requests wait for a file than there are connections to the database; others are served all the same."""
    song = await commit_song(api, artist, ingestion, sounds.tone())
    async with running(indexing(settings, database)):
        await until(lambda: is_resolved(artist, song["recordingId"]))

    async def search(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(api.resources.storage, "_find", search)
    preview = f"{song['links']['catalog']}/preview"
    waiting = [asyncio.create_task(artist.http.get(preview)) for _ in range(15)]
    try:
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in waiting)
        async with asyncio.timeout(10):
            fresh = await artist.http.get("/catalog", params={"limit": 3})  # asked for the first time, so not kept
            assert fresh.status_code == 200
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
