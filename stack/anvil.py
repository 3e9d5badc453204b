"""The embedded chain: anvil's native binary from npm, with its blocks, logs and receipts kept between runs."""

from __future__ import annotations

import platform
from pathlib import Path

from stack.errors import BinaryMissing
from stack.ports import LOOPBACK
from stack.program import Program
from stemma.chain.errors import ChainError
from stemma.chain.json_rpc import call_blocking

CHAIN_ID = 31337
KEPT_STATES = 64
"""Blocks back from the head whose full state is kept, in memory and on disk: so deep can a reorg be made."""

ROOT = Path(__file__).resolve().parent.parent


def anvil_binary(node_modules: Path = ROOT / "node_modules") -> Path:
    """The native binary: the launcher in `node_modules/.bin` is a node program whose end leaves its child running.

    :raises BinaryMissing: `npm ci` has not been run, or npm has no binary for this machine.
    """
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"@foundry-rs/anvil-{platform.system().lower()}-{machine}"
    binary = node_modules / package / "bin" / "anvil"
    if not binary.exists():
        raise BinaryMissing("anvil", f"run `make setup` ({package} is not in {node_modules})")
    return binary


def anvil_program(state: Path | None, port: int, *, host: str = LOOPBACK) -> Program:
    """An anvil that mines a block for each transaction.

    :param state: the chain to go on with, as `ChainKeeper` saved it, if it is there; None always begins anew.
        Anvil's own `--state-interval` is not used: it rewrites the file in place every second whether or not anything
        happened, so that a kill at the wrong moment leaves half a file and no chain at all.
    """
    command: tuple[str, ...] = (
        str(anvil_binary()),
        *("--host", host),
        *("--port", str(port)),
        *("--hardfork", "osaka"),
        *("--chain-id", str(CHAIN_ID)),
        *("--prune-history", str(KEPT_STATES)),
        "--silent",
    )
    if state is not None:
        state.parent.mkdir(parents=True, exist_ok=True)
        # Decided at each start: a crashed anvil goes on with what was saved since the first one.
        load_if_there = '[ -s "$0" ] && set -- "$@" --load-state "$0"; exec "$@"'
        command = ("/bin/sh", "-c", load_if_there, str(state), *command)
    return Program(
        name="anvil",
        argv=command,
        folder=state.parent if state else Path("/"),
        is_ready=lambda: answers_chain_id(anvil_url(port)),
    )


def anvil_url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def answers_chain_id(url: str) -> bool:
    """Whether a node answers at `url`."""
    try:
        return isinstance(call_blocking(url, "eth_chainId", timeout=1), str)
    except ChainError:
        return False
