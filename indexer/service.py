"""The indexer as a process: waits for what it needs, leads or stands by, runs engine and resolver together."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection

from indexer.apply import Writer
from indexer.connections import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, asked_urls, connect, telling
from indexer.engine import Engine
from indexer.errors import SchemaMissing
from indexer.gateways import Gateways
from indexer.leader import lead
from indexer.progress import CatchUp
from indexer.projection import Contract, Router
from indexer.projections import STEMMA
from indexer.publish import PUBLISHED, chain_schema, generation_of
from indexer.resolver import Resolver
from indexer.rpc import Node
from indexer.source import Source
from stemma.chain.deployments import Deployment, deployment_when_there
from stemma.settings import Settings
from stemma.storage.opening import open_storage

_log = structlog.get_logger(__name__)


async def run(settings: Settings, *, generation: int | None = None, until: int | None = None) -> None:
    """Index the chain of the settings for ever, or until a block is applied.

    Without a ``generation``, into the one that the catalog shows, and on into the next when a rebuild has swapped them.
    Waits, and says so, for the deployments file, the database, its schema and the node.

    Raises:
        Stop: the indexer must not go on by itself.
        SettingsInvalid: no database is given.
    """
    database_url = settings.require_database_url()
    deployment = await deployment_when_there(settings.deployments_dir, settings.chain_id)
    router = Router(contracts_of(deployment), STEMMA)
    pause = FIRST_PAUSE_SECONDS
    while True:
        chosen = generation
        try:
            chosen = generation or await shown_generation(database_url)
            await _session(settings, deployment, router, chosen, until)
            return
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            _log.warning("the database is away: trying again", because=str(error).strip(), seconds=pause)
        except (SchemaMissing, psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as gone:
            if generation is None and await _is_swapped(database_url, chosen):
                _log.info("the catalog shows another generation: going on there")
                continue
            _log.warning("waiting for the tables", because=str(gone).strip(), seconds=pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def shown_generation(database_url: str) -> int:
    """The generation that the catalog shows; the first one before there is a catalog."""
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        row = await (await connection.execute(PUBLISHED)).fetchone()
    return generation_of(row[0]) if row else 1


async def _is_swapped(database_url: str, generation: int | None) -> bool:
    try:
        return await shown_generation(database_url) != generation
    except psycopg.OperationalError:
        return False


def contracts_of(deployment: Deployment) -> list[Contract]:
    """The contracts to follow."""
    return [
        Contract(name, bytes.fromhex(contract.address[2:]), contract.abi)
        for name, contract in deployment.contracts.items()
    ]


async def _session(
    settings: Settings, deployment: Deployment, router: Router, generation: int, until: int | None
) -> None:
    """Lead and index until the database connection breaks, or ``until`` is reached."""
    database_url = settings.require_database_url()
    schema = chain_schema(generation)
    async with (
        connect(database_url, schema, "writer") as writing,
        connect(database_url, schema, "resolver") as resolving,
        Node(asked_urls(settings.rpc_urls), chain_id=settings.chain_id) as node,
        telling(settings.rpc_urls) as heads,
        open_storage(settings) as storage,
        Gateways(settings.ipfs_gateways) as gateways,
    ):
        await lead(writing, generation)
        resolver, bar = Resolver(resolving, storage, gateways), CatchUp()

        def applied(block: int, head: int, logs: int) -> None:
            resolver.wake()
            bar.applied(block, head, logs)

        engine = Engine(
            node,
            Source(node, router.topics, checks_blooms=settings.check_blooms, heads=heads),
            Writer(writing, router),
            first_block=deployment.first_block,
            journal_blocks=settings.journal_blocks,
            on_applied=applied,
        )
        try:
            await _first_to_end(engine.run(until), resolver.run())
        finally:
            bar.close()


async def _first_to_end(*parts: Coroutine[Any, Any, None]) -> None:
    """Run the parts together until one ends; cancel the others; raise what ended it."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        try:
            task.result()
        except* (psycopg.OperationalError, psycopg.InterfaceError) as lost:
            raise lost.exceptions[0] from None
