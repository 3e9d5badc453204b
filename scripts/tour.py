"""Walks one family tree on a development chain and checks everybody's money to the last unit: `make tour`.

A song, its stems, two remixes and a remix of both; licenses by list price, by offer and in a session; payments, a
title that is sold in between, claims, settlements and withdrawals. Whatever somebody signs is signed, and every balance
is compared with what Python's books (scripts/touring/books.py) say. It fails where chain and books differ.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console

from scripts.touring.books import Books
from scripts.touring.cast import Cast
from scripts.touring.chain import TourChain
from scripts.touring.report import print_house, print_verdict
from scripts.touring.stage import Stage, endow
from scripts.touring.story import Story, raise_fee
from scripts.touring.verdict import as_json, judge, look
from stack.anvil import CHAIN_ID, anvil_program, anvil_url
from stack.deploy import contracts_in_place, deploy_contracts
from stack.errors import StackError
from stack.ports import free_ports
from stack.program import RunningProgram
from stemma.chain.deployments import load_deployment
from stemma.errors import AppError

PRINTED_WIDTH = 120
"""Columns, where the output goes to no terminal."""


@click.command()
@click.option("--rpc", metavar="URL", help="A development chain (id 31337) that runs; by default one is started.")
@click.option(
    "--deployments",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --rpc: where its deployments file is, or goes.",
)
@click.option("--pass-time", is_flag=True, help="With --rpc: let two days pass there, so that the fee can be raised.")
@click.option("--json", "with_json", is_flag=True, help="Print one JSON object as the last line of standard output.")
def main(rpc: str | None, deployments: Path | None, pass_time: bool, with_json: bool) -> None:
    """Walk one family tree of recordings, and check everybody's money."""
    if (rpc is None) != (deployments is None):
        raise click.UsageError("--rpc and --deployments go together")
    console = Console(stderr=with_json, highlight=False)
    if not console.is_terminal:
        console.width = PRINTED_WIDTH
    with ExitStack() as stack:
        try:
            url, folder = (rpc, deployments) if rpc and deployments else stack.enter_context(_own_chain())
            if not contracts_in_place(url, folder, CHAIN_ID):
                console.print("Deploying the contracts …", style="dim")
                deploy_contracts(url, folder)
            chain = TourChain(url, load_deployment(folder, CHAIN_ID))
        except AppError as error:
            raise click.ClickException(error.detail) from error
        except StackError as error:
            raise click.ClickException(str(error)) from error
        figures = tour(chain, console, may_pass_time=pass_time or rpc is None)
    if with_json:
        print(json.dumps(figures))


def tour(chain: TourChain, console: Console, *, may_pass_time: bool) -> dict[str, object]:
    """Walk, tell, compare. Returns all figures.

    Raises:
        TourFailed: the chain did other than the rules say.
    """
    stage = Stage(chain, Cast(chain), Books(chain["LicenseManager"].functions.feePpm().call()), console)
    stage.chapter("The house")
    print_house(stage)
    opening = look(stage)
    stage.books.fees.update(opening.fees)
    endowed = endow(stage)
    if may_pass_time:
        raise_fee(stage)
    Story(stage).play()
    verdict = judge(stage, opening, endowed)
    print_verdict(stage, verdict)
    return as_json(stage, verdict)


@contextmanager
def _own_chain() -> Iterator[tuple[str, Path]]:
    """A fresh anvil for the length of a block: its URL, and a folder for its deployment."""
    [port] = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="stemma-tour-") as folder, RunningProgram.start(anvil_program(None, port)):
        yield anvil_url(port), Path(folder)


if __name__ == "__main__":
    sys.exit(main())
