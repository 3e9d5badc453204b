"""`stemma indexer`: run, migrate, publish, status. Imports lazily, so that `--help` answers at once."""

import asyncio
import signal
import sys

import click

_GENERATION = click.option("--generation", default=1, show_default=True, help="Which chain_<n> to work on.")


@click.group(name="indexer")
def command() -> None:
    """Index the chain into Postgres."""


@command.command()
@_GENERATION
@click.option("--until", type=click.IntRange(min=0), help="Stop when this block is applied.")
def run(generation: int, until: int | None) -> None:
    """Follow the chain for ever, or until a block. One process leads, others stand by."""
    from stemma.logging import configure
    from stemma.metrics import serve_metrics
    from stemma.settings import get_settings

    settings = get_settings()
    configure("indexer", settings.log_format)
    serve_metrics(settings)
    sys.exit(asyncio.run(_run(generation, until)))


@command.command()
@_GENERATION
@click.option("--fresh", is_flag=True, help="Drop chain_<n> first: it can be derived from the chain again.")
def migrate(generation: int, fresh: bool) -> None:
    """Bring schemas, views and grants up to date; DATABASE_URL must be an administrator's.

    Readers keep the generation that they see; `publish` gives them another.
    """
    from indexer.migrate import migrate as bring_up_to_date
    from stemma.settings import get_settings

    bring_up_to_date(get_settings().database_url.get_secret_value(), generation=generation, fresh=fresh)
    click.echo(f"chain_{generation}, content and catalog are up to date")


@command.command()
@_GENERATION
def publish(generation: int) -> None:
    """Point the catalog at a generation, in one step; DATABASE_URL must be an administrator's."""
    from indexer.migrate import publish as point_views_at
    from stemma.settings import get_settings

    point_views_at(get_settings().database_url.get_secret_value(), generation)
    click.echo(f"the catalog shows chain_{generation}")


@command.command()
@_GENERATION
def status(generation: int) -> None:
    """Say how far the index is, what is final, what waits for its documents."""
    from indexer.status import read_status, report
    from stemma.settings import get_settings

    found = read_status(get_settings().database_url.get_secret_value(), generation)
    click.echo(report(found))
    sys.exit(0 if found else 1)


async def _run(generation: int, until: int | None) -> int:
    """Run until done (0), told to stop (0), or stopped by something that needs a person (2)."""
    import structlog

    from indexer import service
    from indexer.errors import Stop
    from stemma.settings import get_settings

    log = structlog.get_logger("indexer")
    service.relax_garbage_collection()
    running = asyncio.ensure_future(service.run(get_settings(), generation=generation, until=until))
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
