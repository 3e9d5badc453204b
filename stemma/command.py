"""The `stemma` command: finds its subcommands by entry points and loads only the one that is called."""

from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

import click

from stemma.errors import AppError
from stemma.garbage import look_seldom


class EntryPointGroup(click.Group):
    """A group whose commands are the entry points of the group ``stemma.commands``, of the rooms that are installed.

    An image holds one service, and its metadata name the commands of all. What a command raises for its user to read is
    printed as one sentence.
    """

    def invoke(self, ctx: click.Context) -> Any:
        look_seldom()
        try:
            return super().invoke(ctx)
        except AppError as error:
            raise click.ClickException(error.detail) from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found = _commands().get(cmd_name)
        if found is None:
            return None
        command = found.load()
        if not isinstance(command, click.Command):
            raise TypeError(f"{found.value} is not a click command")
        return command


def _commands() -> dict[str, EntryPoint]:
    found = entry_points(group="stemma.commands")
    return {point.name: point for point in found if find_spec(point.module.partition(".")[0])}


@click.group(cls=EntryPointGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Stemma: a song in; six stems, their rights and their money out."""
