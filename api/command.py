"""The commands `stemma api` and `stemma api-jobs`."""

import os
import sys

import click


@click.group(invoke_without_command=True)
@click.pass_context
def api(context: click.Context) -> None:
    """Serve the HTTP API."""
    if context.invoked_subcommand is None:
        _serve()


@api.command()
def migrate() -> None:
    """Create or update the schema `app`; DATABASE_URL names a role that may."""
    from api.migrations import upgrade
    from stemma.settings import get_settings

    upgrade(get_settings().require_database_url())


@click.command()
def jobs() -> None:
    """Do the API's background work: queue, messages, sender, schedules."""
    from stemma.logging import configure
    from stemma.metrics import serve_metrics
    from stemma.settings import get_settings

    settings = get_settings()
    configure("api-jobs", settings.log_format)
    serve_metrics(settings)

    import asyncio
    import signal

    from api.jobs import run_jobs

    async def run_until_told_to_stop() -> None:
        work = asyncio.ensure_future(run_jobs(settings))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        await asyncio.wait([work])
        if not work.cancelled():
            work.result()

    asyncio.run(run_until_told_to_stop())
    # A probe that was abandoned still runs in its thread; it holds nothing, and nobody waits for it.
    sys.stdout.flush()
    os._exit(0)


def _serve() -> None:
    from stemma.logging import configure
    from stemma.metrics import serve_metrics
    from stemma.settings import get_settings

    settings = get_settings()
    configure("api", settings.log_format)
    serve_metrics(settings)

    import uvicorn

    from api.app import create_app
    from api.resources import require_settings
    from api.server import QuietServer

    require_settings(settings)
    configuration = uvicorn.Config(
        create_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,  # `RequestContext` logs each request, with its id
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    server = QuietServer(configuration)
    server.run()
    if not server.started:
        sys.exit(1)
