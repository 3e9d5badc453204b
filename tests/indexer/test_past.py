"""Every view of the catalog as of every block of the window: equal to what it showed when that block was the newest."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from indexer.migrate import migrate, publish
from stemma.catalog import views
from stemma.catalog.as_of import BlockOutOfReach, read_as_of
from stemma.database.engine import create_engine
from tests.indexer.engines import scripted_engine
from tests.indexer.scripted_chain import FINALITY, ScriptedChain
from tests.indexer.scripted_node import ScriptedNode

pytestmark = [pytest.mark.anyio]

WINDOW = FINALITY + 20
# The feed tells a story and takes parts of it back; what is final is judged by now.
COMPARED = [table for name, table in views.metadata.tables.items() if not name.endswith((".feed", ".head"))]
HEAD = [views.head.c[name] for name in ("chain_id", "block_number", "block_hash", "block_time")]


async def shown(connection: AsyncConnection) -> dict[str, list[str]]:
    """All that the catalog says through this connection."""
    found = {"head": [repr(row) for row in await connection.execute(select(*HEAD))]}
    for table in COMPARED:
        found[table.name] = sorted(repr(row) for row in await connection.execute(select(table)))
    return found


@asynccontextmanager
async def reading(database: Any) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database.api_url, application_name="test")
    try:
        yield engine
    finally:
        await engine.dispose()


async def as_of(engine: AsyncEngine, block: int) -> dict[str, list[str]]:
    async with engine.connect() as connection:
        await read_as_of(connection, block)
        return await shown(connection)


@pytest.mark.parametrize(("seed", "copied_above"), [(0, -1), (1, 1_000)])
async def test_the_past_is_what_the_present_was(database, seed: int, copied_above: int) -> None:
    rng = random.Random(seed)
    chain = ScriptedChain(rng)
    chain.mine(rng.randint(1, 30))
    seen: dict[int, dict[str, list[str]]] = {}
    async with ScriptedNode(chain, rng).serving() as node, reading(database) as reader:
        async with scripted_engine(
            database.indexer_url, node.url, pipelined_logs=copied_above, journal_blocks=WINDOW
        ) as (engine, _):
            await engine.run(until=chain.head.number)
            for step in range(2 * WINDOW):
                if step < WINDOW and rng.random() < 0.2:
                    depth = rng.randint(1, FINALITY)
                    chain.reorg(depth, 1)
                    seen = {number: what for number, what in seen.items() if number < chain.head.number}
                    while engine.chain.tip.hash != chain.head.hash:
                        await engine.converge()
                else:
                    chain.mine(1)
                    await engine.run(until=chain.head.number)
                async with reader.connect() as connection:
                    seen[chain.head.number] = await shown(connection)
        oldest = chain.head.number - WINDOW
        window = {number: what for number, what in seen.items() if number >= oldest}
        assert len(window) > WINDOW // 2
        for number, what in window.items():
            assert await as_of(reader, number) == what, f"as of block {number}"

        # An index that has met these blocks in one go remembers them as well.
        migrate(database.admin_url, generation=2)
        publish(database.admin_url, 2)
        async with scripted_engine(
            database.indexer_url, node.url, generation=2, pipelined_logs=copied_above, journal_blocks=WINDOW
        ) as (engine, _):
            await engine.run(until=chain.head.number)
        for number, what in window.items():
            then = await as_of(reader, number)
            if not chain.blocks[number].logs and number < chain.finalized:
                then["head"] = what["head"]  # not every header is kept
            assert then == what, f"as of block {number}"
        for outside in (oldest - 1, chain.head.number + 1):
            with pytest.raises(BlockOutOfReach) as refused:
                await as_of(reader, outside)
            assert refused.value.extra == {"oldestBlock": oldest, "newestBlock": chain.head.number}
            assert str(oldest) in refused.value.detail


async def test_the_past_is_refused_to_whoever_names_no_block(database) -> None:
    async with reading(database) as engine, engine.connect() as connection:
        statement = select(views.titles).execution_options(schema_translate_map={"catalog": "catalog_at"})
        with pytest.raises(DBAPIError, match=r"stemma\.at_block"):
            await connection.execute(statement)


async def test_a_connection_that_read_the_past_reads_the_present_again(database) -> None:
    rng = random.Random(5)
    chain = ScriptedChain(rng)
    chain.mine(60)
    async with ScriptedNode(chain, rng).serving() as node, reading(database) as reader:
        async with scripted_engine(database.indexer_url, node.url) as (engine, _):
            await engine.run(until=chain.head.number)
        early = await as_of(reader, ScriptedChain.first_block)
        for _ in range(3):  # whichever connection of the pool it is
            async with reader.connect() as connection:
                assert await shown(connection) != early


async def test_a_point_read_of_the_past_goes_by_key(database) -> None:
    """The rows of a million titles are not looked through for one of them, nor the journal."""
    with psycopg.connect(database.admin_url) as connection:
        connection.execute(
            "insert into chain_1.titles select int8send(n) || decode(repeat('00', 20), 'hex'), '\\x01', '\\x02', now(),"
            " 0, 5, 1, 0, '\\x03' from generate_series(1, 20000) n"
        )
        connection.execute(
            "insert into chain_1.titles_journal select 10 + n % 50, true, t.* from chain_1.titles t,"
            " generate_series(1, 2) n"
        )
        connection.execute("analyze chain_1.titles; analyze chain_1.titles_journal")
        connection.execute("set stemma.at_block = '7'")
        plan = "\n".join(
            line
            for (line,) in connection.execute(
                "explain select t.* from chain_1.recordings r"
                " join chain_1_past.titles t on t.work_id = r.recording_id where r.creator = '\\x05'"
            )
        )
    assert "Index Scan using titles_pkey" in plan, plan
    assert "titles_journal_pkey" in plan, plan
    assert "Seq Scan" not in plan, plan
