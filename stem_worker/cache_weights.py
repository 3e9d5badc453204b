"""Puts an operator's weights into an image while it is built: `python -m stem_worker.cache_weights FROM TO`."""

from pathlib import Path

import click

from stem_worker.errors import ModelUnavailable, WeightsRefused
from stem_worker.weights import HTDEMUCS_6S, PublishedModel, load_published


def cache_weights(source: Path, target: Path, published: PublishedModel = HTDEMUCS_6S) -> list[Path]:
    """Copy the published model's files from one folder to another, each one checked and loaded before it is written.

    Returns the copies, at least one.

    Raises:
        WeightsRefused: a file of the right name has the wrong hash, is too long, or does not fit the architecture.
        ModelUnavailable: the folder has none of the files.
    """
    copies = []
    for file in published.files:
        given = source / file.name
        if not given.is_file():
            continue
        if given.stat().st_size > file.max_bytes:
            raise WeightsRefused(f"{file.name} has more than {file.max_bytes} bytes; it was not read", file=file.name)
        data = given.read_bytes()
        load_published(published, file, data)
        target.mkdir(parents=True, exist_ok=True)
        copy = target / file.name
        copy.write_bytes(data)
        copies.append(copy)
    if not copies:
        names = " or ".join(file.name for file in published.files)
        raise ModelUnavailable(f"{source} holds no weights of {published.name}: put {names} there (docs/model.md)")
    return copies


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
def main(source: Path, target: Path) -> None:
    """Copy the weights of htdemucs_6s from SOURCE to TARGET, if they are the published ones to the last byte."""
    try:
        for copy in cache_weights(source, target):
            click.echo(f"{copy}: hash checked, loads")
    except (WeightsRefused, ModelUnavailable) as error:
        raise click.ClickException(error.detail) from error


if __name__ == "__main__":
    main()
