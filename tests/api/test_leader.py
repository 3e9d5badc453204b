"""Who leads goes on leading, whatever becomes of the work."""

import asyncio

import pytest

from api.leader import lead_forever
from stack.databases import Database
from tests.api.house import running

pytestmark = pytest.mark.anyio


async def test_work_that_breaks_is_begun_anew(database: Database) -> None:
    begun = asyncio.Semaphore(0)
    times = 0

    async def part() -> None:
        if times == 1:
            raise RuntimeError("a part broke")
        await asyncio.Event().wait()

    async def work() -> None:
        nonlocal times
        times += 1
        begun.release()
        async with asyncio.TaskGroup() as parts:
            parts.create_task(part())
            parts.create_task(asyncio.Event().wait())

    async with running(lead_forever(database.api_url, work)), asyncio.timeout(20):
        await begun.acquire()
        await begun.acquire()
