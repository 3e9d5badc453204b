"""The `stemma worker` command."""

import os
import sys

import click


@click.command()
def command() -> None:
    """Separate uploaded songs into stems."""
    from stemma.logging import configure
    from stemma.metrics import serve_metrics
    from stemma.settings import get_settings

    settings = get_settings()
    configure("worker", settings.log_format)
    if settings.attestor_private_key is None:
        raise click.ClickException("ATTESTOR_PRIVATE_KEY is not set; a worker signs what it separates")
    serve_metrics(settings)

    import asyncio

    from stem_worker.service import serve

    asyncio.run(serve(settings, settings.attestor_private_key.get_secret_value()))
    # One segment of the large model takes longer than a stop may: the thread that computes it is not waited for.
    sys.stdout.flush()
    os._exit(0)
