"""`stemma exec`: a command beside the running stack, as `docker compose exec` runs one in a container."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from stack.errors import StackError
from stack.options import HOME
from stack.parts import SERVICES
from stack.running import joined


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@HOME
@click.argument("process", type=click.Choice([*SERVICES, "prepare"]))
@click.argument("arguments", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def command(home: Path, process: str, arguments: tuple[str, ...]) -> None:
    """Run COMMAND with the settings of PROCESS of the running stack.

    `prepare` has the database's administrator, whom `migrate`, `publish`, `rebuild` and `verify` need. For example:
    stemma exec indexer stemma indexer status
    """
    stack = joined(home.absolute())
    if stack is None:
        raise StackError(f"no stack runs on {home}: start it with `make up`")
    environment = {**os.environ, **stack.environment(process)}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', os.defpath)}"
    try:
        os.execvpe(arguments[0], arguments, environment)  # noqa: S606 - what the user typed
    except OSError as error:
        raise click.UsageError(f"{arguments[0]} cannot be run: {error.strerror}") from error
