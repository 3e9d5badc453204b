"""Engines as the tests start them: real Postgres, real HTTP, and a pace that does not waste time."""

import asyncio
import contextlib
import functools
import types
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection

from indexer.apply import PIPELINED_LOGS, Writer
from indexer.connections import connect
from indexer.engine import Engine, Pace
from indexer.projection import Router
from indexer.projections import STEMMA
from indexer.rpc import Node
from indexer.source import Source
from tests.indexer.scripted_chain import CONTRACTS_OF_CHAIN, ScriptedChain
from tests.indexer.scripted_node import CHAIN_ID

ROUTER = Router(CONTRACTS_OF_CHAIN, STEMMA)
QUICK = Pace(shortest_poll=0.001, longest_poll=0.001, first_pause=0.001, longest_pause=0.01, patience=0.02)

JOURNAL_BLOCKS = 1_000
REQUEST_SECONDS = 10.0


class Crash(BaseException):
    """Stands for the end of the process."""


@asynccontextmanager
async def scripted_engine(
    database_url: str,
    *urls: str,
    generation: int = 1,
    pace: Pace = QUICK,
    pipelined_logs: int = PIPELINED_LOGS,
    journal_blocks: int = JOURNAL_BLOCKS,
    request_seconds: float = REQUEST_SECONDS,
) -> AsyncIterator[tuple[Engine, AsyncConnection]]:
    """An engine on a scripted chain, on its own connection, which is cut at the end whatever state it is in."""
    async with connect(database_url, f"chain_{generation}", "writer") as connection:
        try:
            async with engine_on(
                connection,
                *urls,
                pace=pace,
                pipelined_logs=pipelined_logs,
                journal_blocks=journal_blocks,
                request_seconds=request_seconds,
            ) as engine:
                yield engine, connection
        finally:
            connection.pgconn.finish()


@asynccontextmanager
async def engine_on(
    connection: AsyncConnection,
    *urls: str,
    pace: Pace = QUICK,
    pipelined_logs: int = PIPELINED_LOGS,
    journal_blocks: int = JOURNAL_BLOCKS,
    request_seconds: float = REQUEST_SECONDS,
) -> AsyncIterator[Engine]:
    """An engine on a scripted chain, on a connection to its schema."""
    async with Node(urls, chain_id=CHAIN_ID, request_seconds=request_seconds, rest_seconds=0.001) as node:
        yield Engine(
            node,
            Source(node, ROUTER.topics),
            Writer(connection, ROUTER, pipelined_logs=pipelined_logs),
            first_block=ScriptedChain.first_block,
            journal_blocks=journal_blocks,
            pace=pace,
        )


async def run_until_crash(engine: Engine, connection: AsyncConnection, after: int) -> bool:
    """Run the engine until its ``after``-th await that really waits; return whether it came so far.

    First the database connection is cut, as the end of a process does, so that no tidying-up can reach the database.
    The engine has a task of its own: timers of its HTTP client cancel the task that they were set in.
    """
    return await asyncio.create_task(_drive(engine.run(), connection, after))


@types.coroutine
def _drive(running: Coroutine[Any, Any, None], connection: AsyncConnection, after: int) -> Generator[Any, Any, bool]:
    step = functools.partial(running.send, None)
    for _ in range(after):
        try:
            waiting_for = step()
        except StopIteration:
            return False
        try:
            step = functools.partial(running.send, (yield waiting_for))
        except BaseException as error:  # noqa: BLE001 - a timer's cancellation, for example: the engine's to handle
            step = functools.partial(running.throw, error)
    connection.pgconn.finish()
    # Tidying up may wait, too, and is cut short as well: a coroutine left half-way would be closed by the next one.
    with contextlib.suppress(Crash, psycopg.Error, StopIteration):
        while True:
            running.throw(Crash())
    return True
