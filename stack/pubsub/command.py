"""`stemma pubsub-emulator`."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Literal

import click
import structlog

from stack.pubsub.server import serving
from stemma.logging import configure


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one.")
@click.option(
    "--database",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="SQLite file that keeps topics, subscriptions and messages.",
)
def command(host: str, port: int, database: Path) -> None:
    """Serve Google Pub/Sub to the stock client, from one file.

    Clients find it by PUBSUB_EMULATOR_HOST=host:port.
    """
    log_format: Literal["console", "json"] = "json" if os.environ.get("LOG_FORMAT") == "json" else "console"
    configure("pubsub", log_format)
    asyncio.run(_serve(host, port, database))


async def _serve(host: str, port: int, database: Path) -> None:
    log = structlog.get_logger("stack.pubsub")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with serving(database, host, port) as bound:
        log.info("pubsub emulator ready", host=host, port=bound, database=str(database))
        await stop.wait()
    log.info("pubsub emulator stopped")
