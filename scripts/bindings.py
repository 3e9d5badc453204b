"""Writes stemma/chain/abi anew from the contracts: `ape run bindings`. `--check` only says whether that is needed."""

import json
from pathlib import Path

import click

from scripts.deployment.artifacts import abi_of, creation_code_of
from scripts.deployment.compiling import compile_if_stale
from stemma.chain.abi import CONTRACTS

ABI_FOLDER = Path(__file__).resolve().parent.parent / "stemma" / "chain" / "abi"
VALIDATOR = "UniversalSignatureValidator"


def bindings() -> dict[str, str]:
    """The files of stemma/chain/abi: {name: content}."""
    files = {f"{contract}.json": json.dumps(abi_of(contract), indent=1) + "\n" for contract in CONTRACTS}
    files[f"{VALIDATOR}.creation.hex"] = creation_code_of(VALIDATOR).hex() + "\n"
    return files


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is stale.")
def cli(check: bool) -> None:
    """Write the ABIs that services read at run time."""
    compile_if_stale()
    stale = {name: content for name, content in bindings().items() if _current(name) != content}
    if check and stale:
        raise click.ClickException(f"stale: {', '.join(stale)}; run `ape run bindings`")
    for name, content in stale.items():
        (ABI_FOLDER / name).write_text(content, "utf-8")
        click.echo(f"wrote {name}")


def _current(name: str) -> str | None:
    path = ABI_FOLDER / name
    return path.read_text("utf-8") if path.exists() else None
