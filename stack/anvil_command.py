"""`stemma anvil`: the development chain alone, kept in a file between its runs."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

import click

from stack.anvil import anvil_program, anvil_url
from stack.chain_keeper import ChainKeeper
from stack.ports import LOOPBACK
from stack.program import RunningProgram

LOOK_SECONDS = 0.2
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - for a container, whose network is its own


@click.command("anvil")
@click.option(
    "--host", type=click.Choice([LOOPBACK, EVERY_ADDRESS]), default=LOOPBACK, show_default=True, help="Where to listen."
)
@click.option("--port", type=click.IntRange(1, 65535), default=8545, show_default=True)
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File that keeps the chain."
)
def command(host: str, port: int, state: Path) -> None:
    """Run the development chain, id 31337; whoever reaches it may spend from its published accounts."""
    with RunningProgram.start(anvil_program(state, port, host=host), log=sys.stdout.buffer) as anvil:
        asyncio.run(_keep(anvil, ChainKeeper(anvil_url(port), state)))


async def _keep(anvil: RunningProgram, keeper: ChainKeeper) -> None:
    """Save the chain until told to stop, and once more then. :raises ProgramDied: anvil ended by itself."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    keeping = asyncio.create_task(keeper.run())
    try:
        while not stop.is_set():
            anvil.require_alive()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
    finally:
        keeping.cancel()
    await keeper.save_if_up()
