"""`stemma indexer`: what operators do. Imports lazily, so that `--help` answers at once."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from indexer.projection import Contract
    from indexer.verify import Verification
    from stemma.settings import Settings

_CONFIG = click.option("--config", type=click.Path(dir_okay=False), help="Of other contracts: see examples/erc721.")
_GENERATION = click.option("--generation", type=int, help="Which chain_<n>; by default the one that the catalog shows.")


class _DatabaseGroup(click.Group):
    """Commands that need a database, and say in a sentence when it does not answer."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        from psycopg import OperationalError

        try:
            return super().invoke(ctx)
        except OperationalError as error:
            raise click.ClickException(f"the database does not answer: {error}") from error


@click.group(name="indexer", cls=_DatabaseGroup)
def command() -> None:
    """Index the chain into Postgres."""


@command.command()
@_GENERATION
@click.option("--until", type=click.IntRange(min=0), help="Stop when this block is applied.")
@_CONFIG
def run(generation: int | None, until: int | None, config: str | None) -> None:
    """Follow the chain for ever, or until a block. One process leads, others stand by."""
    from stemma.metrics import serve_metrics

    _require_one(generation, config)
    serve_metrics(_logging())
    sys.exit(asyncio.run(_run(generation, until, config)))


@command.command()
@_GENERATION
@click.option("--fresh", is_flag=True, help="Drop chain_<n> first: it can be derived from the chain again.")
def migrate(generation: int | None, fresh: bool) -> None:
    """Bring schemas, views and grants up to date; DATABASE_URL must be an administrator's.

    Readers keep the generation that they see; `publish` gives them another.
    """
    from indexer.migrate import migrate as bring_up_to_date
    from indexer.service import shown_generation
    from stemma.settings import get_settings

    database_url = get_settings().require_database_url()
    chosen = generation or asyncio.run(shown_generation(database_url))
    bring_up_to_date(database_url, generation=chosen, fresh=fresh)
    click.echo(f"chain_{chosen}, content and catalog are up to date")


@command.command()
@click.option("--generation", type=int, required=True, help="Which chain_<n> to show.")
def publish(generation: int) -> None:
    """Point the catalog at a generation, in one step; DATABASE_URL must be an administrator's."""
    from indexer.migrate import publish as point_views_at
    from stemma.settings import get_settings

    point_views_at(get_settings().require_database_url(), generation)
    click.echo(f"the catalog shows chain_{generation}")


@command.command()
@click.argument("projection", nargs=-1)
@_CONFIG
def rebuild(projection: tuple[str, ...], config: str | None) -> None:
    """Derive tables anew from the kept raw logs, without the node, and swap them in; all, or those of PROJECTION.

    A projection is named by the table that it fills. Readers see no gap and a running indexer goes on. DATABASE_URL
    must be an administrator's. With --config it is done in place, in one transaction: readers see the old rows until
    it ends, and the indexer waits.
    """
    from indexer.errors import SchemaMissing, Stop

    _logging()
    try:
        said = _rebuild_foreign(Path(config), projection) if config else _rebuild_house(projection)
    except (Stop, SchemaMissing) as reason:
        raise click.ClickException(str(reason)) from reason
    click.echo(said)


@command.command()
@_GENERATION
@click.option("--storage", is_flag=True, help="Compare with the contracts' storage, too; asks the node.")
@_CONFIG
def verify(generation: int | None, storage: bool, config: str | None) -> None:
    """Derive everything once more in scratch and compare row by row; says what differs, and fails if anything does."""
    from indexer.errors import SchemaMissing, Stop, TryAgain
    from indexer.verify import report

    _require_one(generation, config)
    _logging()
    try:
        found = asyncio.run(_verify_foreign(Path(config), storage) if config else _verify(generation, storage))
    except (Stop, SchemaMissing, TryAgain) as reason:
        raise click.ClickException(str(reason)) from reason
    click.echo(report(found))
    sys.exit(1 if found.differences else 0)


def _require_one(generation: int | None, config: str | None) -> None:
    if generation is not None and config:
        raise click.UsageError("--generation is of the catalog's chain_<n>; what --config names has one schema")


def _logging() -> "Settings":
    """Logs go to stdout from here on."""
    from stemma.logging import configure
    from stemma.settings import get_settings

    settings = get_settings()
    configure("indexer", settings.log_format)
    return settings


@command.command()
@_GENERATION
def status(generation: int | None) -> None:
    """Say how far the index is, how far behind the node and how fast, what is final, what waits for its documents."""
    from indexer.projection import Router
    from indexer.service import contracts_of, shown_generation
    from indexer.status import read_status, report
    from stemma.chain.deployments import load_deployment
    from stemma.chain.errors import DeploymentMissing
    from stemma.settings import get_settings

    settings = get_settings()
    database_url = settings.require_database_url()
    found = read_status(database_url, generation or asyncio.run(shown_generation(database_url)))
    try:
        contracts = contracts_of(load_deployment(settings.deployments_dir, settings.chain_id))
    except DeploymentMissing:
        contracts = []
    head = asyncio.run(_node_head(settings)) if found else None
    click.echo(report(found, node_head=head, names=Router.event_names(contracts)))
    sys.exit(0 if found else 1)


async def _node_head(settings: "Settings") -> int | None:
    """The node's newest block; None if it does not answer."""
    from indexer.calls import get_block
    from indexer.connections import asked_urls
    from indexer.errors import ForeignChain, TryAgain
    from indexer.rpc import Node

    if not settings.rpc_urls:
        return None
    try:
        async with Node(asked_urls(settings.rpc_urls), chain_id=settings.chain_id, request_seconds=3.0) as node:
            (block,) = await node.call([get_block("latest")])
    except (TryAgain, ForeignChain):
        return None
    return int(block.number, 16) if block else None


def _foreign(config: Path, until: int | None) -> Coroutine[Any, Any, None]:
    from indexer.foreign import load, run_foreign

    return run_foreign(load(config), until=until)


def _house(generation: int | None, until: int | None) -> Coroutine[Any, Any, None]:
    from indexer import service
    from stemma.settings import get_settings

    return service.run(get_settings(), generation=generation, until=until)


def _deployed() -> "tuple[Settings, list[Contract]]":
    from indexer.service import contracts_of
    from stemma.chain.deployments import load_deployment
    from stemma.chain.errors import DeploymentMissing
    from stemma.settings import get_settings

    settings = get_settings()
    try:
        return settings, contracts_of(load_deployment(settings.deployments_dir, settings.chain_id))
    except DeploymentMissing as missing:
        raise click.ClickException(missing.detail) from missing


def _rebuild_house(tables: tuple[str, ...]) -> str:
    from indexer.projection import Router
    from indexer.projections import STEMMA
    from indexer.rebuild import rebuild as derive_anew

    settings, contracts = _deployed()
    database_url = settings.require_database_url()
    done = asyncio.run(derive_anew(database_url, Router(contracts, STEMMA), STEMMA, tables))
    return f"the catalog shows chain_{done.generation}: {', '.join(done.tables)} derived from {done.logs} logs"


def _rebuild_foreign(config: Path, tables: tuple[str, ...]) -> str:
    from indexer.foreign import load
    from indexer.foreign_rebuild import rebuild_foreign

    foreign = load(config)
    logs = asyncio.run(rebuild_foreign(foreign, tables))
    return f"{', '.join(tables) or 'all tables'} of {foreign.config.database_schema} derived from {logs} logs"


async def _verify_foreign(config: Path, storage: bool) -> "Verification":
    from contextlib import AsyncExitStack

    from indexer.connections import asked_urls
    from indexer.foreign import ADVICE, load
    from indexer.rpc import Node
    from indexer.verify import verify as compare

    foreign = load(config)
    chosen = foreign.config
    async with AsyncExitStack() as stack:
        node = None
        if storage:
            node = await stack.enter_async_context(Node(asked_urls(chosen.rpc_urls), chain_id=chosen.chain_id))
        return await compare(
            *(chosen.database_url, chosen.database_schema, foreign.contracts, foreign.projections),
            node=node,
            advice=ADVICE,
        )


async def _verify(generation: int | None, storage: bool) -> "Verification":
    from contextlib import AsyncExitStack

    from indexer.connections import asked_urls
    from indexer.projections import STEMMA
    from indexer.publish import chain_schema
    from indexer.rpc import Node
    from indexer.service import shown_generation
    from indexer.verify import verify as compare

    settings, contracts = _deployed()
    database_url = settings.require_database_url()
    chosen = generation or await shown_generation(database_url)
    async with AsyncExitStack() as stack:
        node = None
        if storage:
            node = await stack.enter_async_context(Node(asked_urls(settings.rpc_urls), chain_id=settings.chain_id))
        return await compare(database_url, chain_schema(chosen), contracts, STEMMA, node=node)


async def _run(generation: int | None, until: int | None, config: str | None) -> int:
    """Run until done (0), told to stop (0), or stopped by something that needs a person (2)."""
    import structlog

    from indexer.errors import Stop
    from stemma.garbage import relax_for_batches

    log = structlog.get_logger("indexer")
    relax_for_batches()
    try:
        job = _foreign(Path(config), until) if config else _house(generation, until)
    except Stop as stop:
        log.error(stop.title, code=stop.code, detail=stop.detail)
        return 2
    running = asyncio.ensure_future(job)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        log.info("stopped")
    except Stop as stop:
        log.error(stop.title, code=stop.code, detail=stop.detail)
        return 2
    return 0
