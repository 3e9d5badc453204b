"""Options that several of the stack's commands take."""

from __future__ import annotations

from pathlib import Path

import click

from stack.home import default_home

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=default_home,
    help="Folder of the stack's data; STEMMA_HOME, or .stemma in the checkout.",
)
