"""Finality as nodes tell it that do not agree: what it is of, and that it goes on.

The answers are put in the source's mouth: of real nodes behind one URL nobody can say which one answers next.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from unittest.mock import patch

import pytest

from indexer.blocks import Batch, Header, Marks
from indexer.calls import RpcBlock
from indexer.source import Source
from tests.indexer.engines import QUICK, scripted_engine
from tests.indexer.scripted_chain import ScriptedChain
from tests.indexer.scripted_node import ScriptedNode

pytestmark = pytest.mark.anyio
ALWAYS_LOOKING = replace(QUICK, marks=0.0)


@pytest.fixture
async def node() -> AsyncIterator[ScriptedNode]:
    rng = random.Random(11)
    async with ScriptedNode(ScriptedChain(rng), rng).serving() as serving:
        yield serving


async def test_a_mark_beyond_the_tip_makes_nothing_final_that_may_change(database, node) -> None:
    """The head is a laggard's, the marks are those of a node that is ahead on another branch."""
    node.chain.mine(30)
    async with scripted_engine(database.indexer_url, node.url, pace=ALWAYS_LOOKING) as (engine, _):
        await engine.run(until=node.chain.head.number)
        anchor, beyond = engine.chain.anchor.number, node.chain.head.number + 8

        async def marks(source: Source, head: Header) -> Marks:
            return Marks(beyond, beyond)

        with patch.object(Source, "marks", marks):
            await engine.converge()
        assert engine.chain.anchor.number == anchor

        node.chain.reorg(3, 1)
        async with asyncio.timeout(30):
            while engine.chain.tip.hash != node.chain.head.hash:
                await engine.converge()


async def test_finality_goes_on_where_it_is_as_fast_as_the_blocks(database, node) -> None:
    """With the logs of a batch comes, each time, a mark above the batch."""
    node.chain.mine(10)
    live = Source.live

    async def ahead(source: Source, base: Header, last: int, head: tuple[Header, RpcBlock]) -> tuple[Batch, Marks]:
        batch, _ = await live(source, base, last, head)
        return batch, Marks(batch.last.number + 1, batch.last.number + 1)

    async def newest(source: Source, head: Header) -> Marks:
        return Marks(head.number, head.number)

    async with scripted_engine(database.indexer_url, node.url, pace=ALWAYS_LOOKING) as (engine, _):
        await engine.run(until=node.chain.head.number)
        with patch.object(Source, "live", ahead), patch.object(Source, "marks", newest):
            for _ in range(20):
                node.chain.mine(1)
                await engine.converge()
        assert node.chain.head.number - engine.chain.anchor.number <= 2
