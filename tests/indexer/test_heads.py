"""Heads told by a real node's websocket, and the bar that shows a backfill."""

import asyncio
import io
import time

import pytest
from rich.console import Console

from indexer import heads as module
from indexer.heads import Heads
from indexer.progress import SHOWN_FROM_BLOCKS, CatchUp
from stack.anvil_node import AnvilNode

pytestmark = pytest.mark.anyio


async def test_a_new_head_ends_the_waiting(anvil: AnvilNode, monkeypatch) -> None:
    monkeypatch.setattr(module, "QUIET_SECONDS", 30.0)
    async with Heads(anvil.url.replace("http", "ws")) as heads:
        async with asyncio.timeout(20):
            await heads.wait(20.0)  # the answer to the subscription
        for _ in range(3):
            waiting = asyncio.create_task(heads.wait(20.0))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            await asyncio.to_thread(anvil.mine)
            async with asyncio.timeout(10):
                await waiting


async def test_without_a_websocket_there_is_polling(monkeypatch) -> None:
    async with Heads("ws://127.0.0.1:1/") as heads:
        started = time.monotonic()
        await heads.wait(0.01)
        assert time.monotonic() - started < 1.0


def test_the_bar_comes_while_far_behind_and_goes_at_the_head() -> None:
    said = io.StringIO()
    bar = CatchUp(Console(file=said, force_terminal=True, width=120))
    bar.applied(10, 12, 5)
    assert said.getvalue() == ""
    head = 10 + 2 * SHOWN_FROM_BLOCKS
    for block in (10, 100, head):
        bar.applied(block, head, 1_000)
    assert "catching up" in said.getvalue()
    before = said.getvalue()
    bar.applied(head + 1, head + 1, 1)
    assert said.getvalue() == before
