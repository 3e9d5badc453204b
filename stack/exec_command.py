"""`stemma exec`: a command beside the running stack, as `docker compose exec` runs one in a container."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from stack.errors import StackError
from stack.home import default_home
from stack.parts import SERVICES
from stack.running import joined


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=default_home,
    help="Folder of the stack's data; STEMMA_HOME, or .stemma in the checkout.",
)
@click.argument("process", type=click.Choice([*SERVICES, "prepare"]))
@click.argument("arguments", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def command(home: Path, process: str, arguments: tuple[str, ...]) -> None:
    """Run COMMAND with the settings of PROCESS of the running stack.

    `prepare` has the database's administrator, whom `migrate`, `publish` and `rebuild` need. For example:
    stemma exec indexer stemma indexer status
    """
    stack = joined(home.absolute())
    if stack is None:
        raise StackError(f"no stack runs on {home}: start it with `make up`")
    environment = {**os.environ, **stack.environment(process)}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', os.defpath)}"
    try:
        os.execvpe(arguments[0], arguments, environment)  # noqa: S606 - what the user typed
    except FileNotFoundError as error:
        raise click.UsageError(f"there is no command {arguments[0]}") from error
