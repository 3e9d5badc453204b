"""Where the contracts are: the files ``<chainId>.json`` that ``ape run deploy`` writes, and whether they still hold."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import structlog
from eth_hash.auto import keccak
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from stemma.chain.abi import CONTRACTS, load_abi
from stemma.chain.errors import DeploymentMissing
from stemma.chain.intents import SigningDomain
from stemma.chain.json_rpc import call_blocking

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0

_log = structlog.get_logger(__name__)

SOURCE_ROOT = Path(__file__).resolve().parents[2]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class ContractDeployment(_Model):
    """One contract on one chain.

    ``code_hash`` is the keccak of the code on chain; ``first_block`` and ``tx_hash`` are its creation's. To verify the
    source in an explorer: ``standard_json_input`` (a file in ``inputs/`` beside the deployments file), ``source_name``
    (``path:Contract``), ``compiler`` and ``constructor_arguments`` (ABI-encoded).
    """

    address: str
    first_block: int
    tx_hash: str
    code_hash: str
    source_name: str
    compiler: str
    constructor_arguments: str
    standard_json_input: str
    abi: list[dict[str, Any]]


class Deployment(_Model):
    """The house's contracts on one chain. ``source_digest`` names the sources they were compiled from.

    ``version`` counts deployments on this chain; ``from_block`` and ``to_block`` are the first and the last block in
    which it is the house's (None: it still is; an earlier one is kept as <chainId>-v<version>.json). ``tokens`` are
    addresses by symbol that were accepted from the start, the native coin's being zero.
    """

    chain_id: int
    version: int
    from_block: int
    to_block: int | None
    source_digest: str
    factory: str
    deployer: str
    admin: str
    tokens: dict[str, str]
    contracts: dict[str, ContractDeployment]

    @property
    def registry(self) -> ContractDeployment:
        """The StemRegistry."""
        return self.contracts["StemRegistry"]

    @property
    def ipnft(self) -> ContractDeployment:
        """The IPNFT."""
        return self.contracts["IPNFT"]

    @property
    def first_block(self) -> int:
        """The first block that can hold an event of any of the contracts."""
        return min(contract.first_block for contract in self.contracts.values())

    @property
    def signing_domain(self) -> SigningDomain:
        """What creators' and attestors' signatures are bound to."""
        return SigningDomain(chain_id=self.chain_id, registry=self.registry.address)


def deployment_file(folder: Path, chain_id: int) -> Path:
    """Where the deployment on a chain is written down."""
    return folder / f"{chain_id}.json"


def load_deployment(folder: Path, chain_id: int) -> Deployment:
    """The deployment on a chain.

    Raises:
        DeploymentMissing: the file is not there, is not a deployments file, or is about another chain.
    """
    path = deployment_file(folder, chain_id)
    try:
        deployment = Deployment.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise DeploymentMissing(f"{path} does not exist; deploy the contracts with `ape run deploy`") from None
    except ValidationError as error:
        raise DeploymentMissing(f"{path} is not a deployments file: {error}") from error
    if deployment.chain_id != chain_id or not set(CONTRACTS) <= set(deployment.contracts):
        raise DeploymentMissing(f"{path} does not describe the contracts on chain {chain_id}")
    return deployment


async def deployment_when_there(folder: Path, chain_id: int) -> Deployment:
    """The deployment on a chain; wait until the contracts are deployed, and say so."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return load_deployment(folder, chain_id)
        except DeploymentMissing as missing:
            _log.warning("waiting for the deployment", reason=missing.detail, seconds=pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def matches_chain(deployment: Deployment, rpc_url: str, *, source_root: Path = SOURCE_ROOT) -> bool:
    """Whether the deployment is what this repository's sources make and what the chain behind ``rpc_url`` holds.

    Compares sources and ABIs (no compiler needed), the chain's id, the hash of each contract's code, and the blocks of
    the creating transactions, since a chain begun anew may hold the same code at the same address.

    Raises:
        RpcUnreachable: no node answered sensibly.
        RpcRefused: the node answered with an error.
    """
    return matches_sources(deployment, source_root) and _matches_node(deployment, rpc_url)


def matches_sources(deployment: Deployment, source_root: Path = SOURCE_ROOT) -> bool:
    """Whether the contracts were compiled from these sources and speak the ABIs of this package.

    An installation without contracts/ has only the ABIs to compare.
    """
    if (source_root / "contracts").is_dir() and deployment.source_digest != source_digest(source_root):
        return False
    return all(deployment.contracts[name].abi == load_abi(name) for name in CONTRACTS)


def source_digest(root: Path = SOURCE_ROOT) -> str:
    """``0x`` and the SHA-256 over all that decides the deployed code, without compiling it.

    That is: the sources but for contracts/dev, the compiler's settings in ape-config.yaml, the pinned versions of the
    compiler and the contract library.
    """
    digest = hashlib.sha256()
    sources = root / "contracts"
    for path in sorted(sources.rglob("*.sol")):
        name = path.relative_to(sources).as_posix()
        if name.startswith("dev/"):
            continue
        digest.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    pins = json.loads((root / "package.json").read_bytes())["dependencies"]
    digest.update(f"{pins['solc']}\0{pins['@openzeppelin/contracts']}\0".encode())
    digest.update(_compiler_settings((root / "ape-config.yaml").read_text("utf-8")).encode())
    return "0x" + digest.hexdigest()


def _compiler_settings(config: str) -> str:
    """The block ``solidity:`` of ape-config.yaml, taken as text so that services need no YAML reader."""
    block: list[str] = []
    for line in config.splitlines():
        if line.startswith("solidity:") or (block and line.startswith((" ", "\t"))):
            block.append(line.rstrip())
        elif block and line.strip():
            break
    return "\n".join(block)


def _matches_node(deployment: Deployment, rpc_url: str) -> bool:
    if int(call_blocking(rpc_url, "eth_chainId"), 16) != deployment.chain_id:
        return False
    return all(_is_on_chain(contract, rpc_url) for contract in deployment.contracts.values())


def _is_on_chain(contract: ContractDeployment, rpc_url: str) -> bool:
    code = bytes.fromhex(call_blocking(rpc_url, "eth_getCode", contract.address, "latest")[2:])
    if "0x" + keccak(code).hex() != contract.code_hash:
        return False
    receipt = call_blocking(rpc_url, "eth_getTransactionReceipt", contract.tx_hash)
    return receipt is not None and int(receipt["blockNumber"], 16) == contract.first_block
