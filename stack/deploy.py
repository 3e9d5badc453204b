"""The contracts on the chain: found there, or deployed by the ape script; only that loads ape and the compiler."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from stack.errors import BinaryMissing, ContractsMissing, StackError
from stack.home import ROOT

SOLC_FOLDER = ROOT / ".build" / "solc"


def contracts_in_place(rpc_url: str, deployments_dir: Path, chain_id: int) -> bool:
    """Whether there is a readable deployment file and it holds for these sources and that chain.

    :raises ChainError: the node does not answer.
    """
    from stemma.chain.deployments import load_deployment, matches_chain
    from stemma.chain.errors import DeploymentMissing

    try:
        deployment = load_deployment(deployments_dir, chain_id)
    except DeploymentMissing:
        return False
    return matches_chain(deployment, rpc_url)


def deploy_contracts(rpc_url: str, deployments_dir: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run the deployment script, whose output goes to ours. One at a time: ape's cache is shared.

    :raises BinaryMissing: the compiler is not installed.
    :raises StackError: it failed.
    """
    if not any(SOLC_FOLDER.glob("solc-v*")):
        raise BinaryMissing("the Solidity compiler", "run `make setup`")
    deployments_dir.mkdir(parents=True, exist_ok=True)
    ape = Path(sys.executable).with_name("ape")
    settings = {
        **(os.environ if environment is None else environment),
        "DEPLOYMENTS_DIR": str(deployments_dir),
        "SOLCX_BINARY_PATH": str(SOLC_FOLDER),
        "PATH": os.pathsep.join([str(ROOT / "node_modules" / ".bin"), os.environ.get("PATH", os.defpath)]),
    }
    with (SOLC_FOLDER.parent / "deploy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [ape, "run", "deploy", "--network", f"ethereum:local:{rpc_url}"],
            cwd=ROOT,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise StackError(f"`ape run deploy` failed with status {done.returncode}:\n{done.stdout}")


def refuse_to_deploy(deployments_dir: Path, chain_id: int) -> ContractsMissing:
    """The error for a chain where deploying is a person's decision."""
    return ContractsMissing(
        f"{deployments_dir / f'{chain_id}.json'} is missing or does not match the code on chain {chain_id}: "
        "deploy with `.venv/bin/ape run deploy`, see docs/development.md"
    )
