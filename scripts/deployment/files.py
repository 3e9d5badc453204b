"""The files that a deployment leaves: <chainId>.json, and standard-json inputs by which explorers verify sources."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ape import compilers, project
from eth_hash.auto import keccak
from eth_typing import ChecksumAddress
from eth_utils import to_checksum_address
from pydantic import ValidationError
from web3 import Web3

from scripts.deployment.artifacts import abi_of
from stemma.chain.deployments import Deployment, deployment_file


@dataclass(frozen=True)
class Created:
    """A contract that the factory created, by which transaction, in which block."""

    name: str
    address: ChecksumAddress
    block: int
    transaction: str
    constructor_arguments: bytes


def write_deployment(
    folder: Path,
    *,
    web3: Web3,
    source_digest: str,
    factory: str,
    deployer: str,
    admin: str,
    tokens: dict[str, str],
    contracts: Sequence[Created],
) -> Deployment:
    """Write the files, each whole or not at all, and return what they say.

    What was deployed from other sources before is kept as <chainId>-v<version>.json, closed with its last block.
    """
    chain_id = web3.eth.chain_id
    (folder / "inputs").mkdir(parents=True, exist_ok=True)
    described = {}
    for created in contracts:
        contract_type = getattr(project, created.name).contract_type
        compiler_input, compiler = standard_json_input(contract_type.source_id)
        input_name = f"{created.name}-{source_digest[2:10]}.json"
        _write(folder / "inputs" / input_name, compiler_input)
        described[created.name] = {
            "address": created.address,
            "firstBlock": created.block,
            "txHash": created.transaction,
            "codeHash": "0x" + keccak(web3.eth.get_code(created.address)).hex(),
            "sourceName": f"{contract_type.source_id}:{created.name}",
            "compiler": compiler,
            "constructorArguments": "0x" + created.constructor_arguments.hex(),
            "standardJsonInput": input_name,
            "abi": abi_of(created.name),
        }
    first_block = min(created.block for created in contracts)
    version = _version(folder, web3, factory, first_block)
    deployment = Deployment.model_validate(
        {
            "chainId": chain_id,
            "version": version,
            "fromBlock": first_block,
            "toBlock": None,
            "sourceDigest": source_digest,
            "factory": factory,
            "deployer": deployer,
            "admin": admin,
            "tokens": tokens,
            "contracts": described,
        }
    )
    _write(deployment_file(folder, chain_id), deployment.model_dump(by_alias=True))
    return deployment


def _version(folder: Path, web3: Web3, factory: str, first_block: int) -> int:
    """The number of the deployment by this factory; closes the one before it, if that is on the same chain."""
    chain_id = web3.eth.chain_id
    try:
        previous = Deployment.model_validate_json(deployment_file(folder, chain_id).read_bytes())
    except (FileNotFoundError, ValidationError):
        return 1
    if previous.factory == factory:
        return previous.version
    if not web3.eth.get_code(to_checksum_address(previous.factory)):
        return 1  # of a development chain that was begun anew
    closed = previous.model_copy(update={"to_block": first_block - 1})
    _write(folder / f"{chain_id}-v{previous.version}.json", closed.model_dump(by_alias=True))
    return previous.version + 1


@cache
def standard_json_input(source_id: str) -> tuple[dict[str, Any], str]:
    """The compiler's standard-json input of one source and all it imports, and the compiler's full version.

    The settings are those that the code was compiled with, so the same bytes come out, metadata hash included.
    """
    solidity = compilers.solidity
    [(version, compiler_input)] = solidity.get_standard_input_json([project.path / source_id], project=project).items()
    return compiler_input, f"v{version}"


def _write(path: Path, content: dict[str, Any]) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    os.replace(scratch, path)
