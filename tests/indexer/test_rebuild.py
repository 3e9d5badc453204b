"""Deriving tables anew beside a running indexer, and finding what does not hold."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from indexer.errors import Stop
from indexer.projection import Router
from indexer.projections import STEMMA
from indexer.rebuild import rebuild
from indexer.service import shown_generation
from indexer.verify import verify
from tests.indexer.engines import scripted_engine
from tests.indexer.index_dump import dump
from tests.indexer.scripted_chain import CONTRACTS_OF_CHAIN, ScriptedChain
from tests.indexer.scripted_node import ScriptedNode

pytestmark = [pytest.mark.anyio]


@pytest.fixture
async def node() -> AsyncIterator[ScriptedNode]:
    rng = random.Random(11)
    async with ScriptedNode(ScriptedChain(rng), rng).serving() as serving:
        serving.chain.mine(120)
        yield serving


@pytest.fixture(autouse=True)
async def indexed(database, node) -> None:
    await index(database, node, 1)


async def index(database, node: ScriptedNode, generation: int) -> None:
    async with scripted_engine(database.indexer_url, node.url, generation=generation, journal_blocks=50) as (engine, _):
        await engine.run(until=node.chain.head.number)
        while engine.chain.tip.hash != node.chain.head.hash:
            await engine.converge()


def router() -> Router:
    return Router(CONTRACTS_OF_CHAIN, STEMMA)


def execute(url: str, statement: str, *parameters: Any) -> Any:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else None


@pytest.mark.parametrize("tables", [(), ("titles",), ("recordings", "stems")], ids=["all", "titles", "two"])
async def test_a_rebuilt_index_says_the_same_and_goes_on(database, node, tables) -> None:
    before = dump(database.admin_url, 1)
    for table in tables or ("titles", "recordings", "stems"):
        execute(database.admin_url, f"delete from chain_1.{table}")
    done = await rebuild(database.admin_url, router(), STEMMA, tables)
    assert done.generation == await shown_generation(database.indexer_url) == 2
    assert dump(database.admin_url, 2) == before
    assert execute(database.admin_url, "select to_regnamespace('chain_1')") == [(None,)]
    node.chain.mine(3)
    node.chain.reorg(8, 9)
    await index(database, node, 2)
    found = await verify(database.indexer_url, "chain_2", CONTRACTS_OF_CHAIN, STEMMA)
    assert found.differences == []
    assert found.block_hash == node.chain.head.hash


async def test_readers_and_the_indexer_go_on_during_a_rebuild(database, node) -> None:
    """A reader asks all the time, in transactions that stay open; the engine runs into the swap."""
    counts: list[int] = []
    is_done = asyncio.Event()

    def read() -> None:
        with psycopg.connect(database.api_url) as connection:
            while not is_done.is_set():
                for _ in range(3):
                    counts.append(connection.execute("select count(*) from catalog.recordings").fetchone()[0])
                connection.rollback()

    async def follow() -> None:
        generation = 1
        while not is_done.is_set():
            try:
                async with scripted_engine(
                    database.indexer_url, node.url, generation=generation, journal_blocks=50
                ) as (engine, _):
                    while not is_done.is_set():
                        node.chain.mine(1)
                        await engine.run(until=node.chain.head.number)
            except psycopg.errors.UndefinedTable:
                generation = await shown_generation(database.indexer_url)

    reading = asyncio.create_task(asyncio.to_thread(read))
    following = asyncio.create_task(follow())
    try:
        for generation in (2, 3):
            async with asyncio.timeout(60):
                assert (await rebuild(database.admin_url, router(), STEMMA)).generation == generation
            await asyncio.sleep(0.3)
    finally:
        is_done.set()
        await asyncio.gather(reading, following)
    assert counts
    assert counts == sorted(counts), "a reader saw a recording less"
    await index(database, node, 3)
    assert (await verify(database.indexer_url, "chain_3", CONTRACTS_OF_CHAIN, STEMMA)).differences == []


async def test_a_rebuild_of_what_does_not_exist_is_refused(database) -> None:
    with pytest.raises(Stop, match="no projection fills nothing"):
        await rebuild(database.admin_url, router(), STEMMA, ("nothing",))


async def test_a_rebuild_that_fails_changes_nothing(database) -> None:
    execute(database.admin_url, "update chain_1.logs set data = data || '\\x00' where block_number > 100")
    before = dump(database.admin_url, 1)
    with pytest.raises(Stop, match="cannot be decoded"):
        await rebuild(database.admin_url, router(), STEMMA)
    assert await shown_generation(database.indexer_url) == 1
    assert dump(database.admin_url, 1) == before


@pytest.mark.parametrize(
    ("damage", "table"),
    [
        ("update chain_1.titles set transfers = transfers + 1 where ctid = (select min(ctid) from {t})", "titles"),
        ("delete from chain_1.stems where ctid = (select min(ctid) from {t})", "stems"),
        ("update chain_1.recordings set version = version + 1 where ctid = (select max(ctid) from {t})", "recordings"),
        ("delete from chain_1.titles_journal where ctid = (select max(ctid) from {t})", "titles_journal"),
        ("update chain_1.feed set payload = '{{}}' where seq = 1", "feed"),
    ],
)
async def test_a_single_changed_row_is_found(database, damage: str, table: str) -> None:
    assert (await verify(database.indexer_url, "chain_1", CONTRACTS_OF_CHAIN, STEMMA)).differences == []
    execute(database.admin_url, damage.format(t=f"chain_1.{table}"))
    found = await verify(database.indexer_url, "chain_1", CONTRACTS_OF_CHAIN, STEMMA)
    assert found.differences
    assert all(difference.startswith(f"table {table} ") for difference in found.differences)


async def test_verifying_writes_nothing_not_even_what_documents_are_wanted(database) -> None:
    execute(database.admin_url, "delete from content.documents")
    await verify(database.indexer_url, "chain_1", CONTRACTS_OF_CHAIN, STEMMA)
    with psycopg.connect(database.admin_url) as connection:
        assert connection.execute("select count(*) from content.documents").fetchone() == (0,)


async def test_a_log_of_another_block_is_found(database) -> None:
    last = "(select max(block_number) from chain_1.logs)"
    execute(database.admin_url, f"update chain_1.headers set hash = '\\x00' where number = {last}")
    found = await verify(database.indexer_url, "chain_1", CONTRACTS_OF_CHAIN, STEMMA)
    assert any("of another block" in difference for difference in found.differences)
