"""`stemma ipfs-emulator`."""

import signal
import sys
from pathlib import Path

import click


@click.command("ipfs-emulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5001, show_default=True, help="Port; 0 picks a free one."
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".stemma/ipfs"),
    show_default=True,
    help="Folder of blocks and pins.",
)
def command(host: str, port: int, data: Path) -> None:
    """Serve a slice of Kubo's RPC for development: add, cat, pins and blocks, without a network."""
    import uvicorn

    from stack.ipfs.server import create_app

    # uvicorn stops in good order and then raises the signal again; that should not look like a crash.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
    uvicorn.run(create_app(data), host=host, port=port, log_level="warning", timeout_graceful_shutdown=3)


if __name__ == "__main__":
    command()
