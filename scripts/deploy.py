"""Deploys the contracts, once: `ape run deploy --network ethereum:local:http://127.0.0.1:PORT`.

Settings, from the environment:

- DEPLOYER_PRIVATE_KEY  pays, and is the only one its factory obeys; on chain 31337 anvil's first development key
- CONTRACTS_ADMIN       address that may grant and revoke attestors; the deployer's by default
- ATTESTORS             addresses, comma-separated; by default ATTESTOR_PRIVATE_KEY's, and where that is not set
                        either, on chain 31337, anvil's third development account
- DEPLOYMENTS_DIR       where <chainId>.json goes; `deployments` by default

A second run finds everything in place, grants the attestors that are missing, and writes the same file.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import click
from ape import networks
from ape.cli import ConnectedProviderCommand, network_option
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak, to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import TransactionNotFound
from web3.logs import DISCARD
from web3.types import TxReceipt

from scripts.deployment.artifacts import abi_of, creation_code_of
from scripts.deployment.files import Created, write_deployment
from stemma.chain.deployments import Deployment, load_deployment, source_digest
from stemma.chain.errors import DeploymentMissing

DEVELOPMENT_CHAIN = 31337
DEVELOPMENT_ATTESTOR = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
DEVELOPMENT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

# https://github.com/Arachnid/deterministic-deployment-proxy: the same address on every chain, by a keyless transaction.
CREATE2_PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
CREATE2_PROXY_SIGNER = "0x3fAB184622Dc19b6109349B94811493BF2a45362"
CREATE2_PROXY_TRANSACTION = (
    "0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba022222222222222"
    "22222222222222222222222222222222222222222222222222a022222222222222222222222222222222222222222222222222222222"
    "22222222"
)
CREATE2_PROXY_COST = 10**16


@dataclass(frozen=True)
class Plan:
    """What is wanted on chain. ``source`` salts the factory's address: other sources, other addresses."""

    deployer: LocalAccount
    admin: str
    attestors: tuple[str, ...]
    source: str


class DeploymentConflict(click.ClickException):
    """What is on chain was deployed from other code or with other arguments, and contracts cannot be changed."""


def plan_from_environment(chain_id: int) -> Plan:
    """Read the settings. Raises click.UsageError when one is missing or malformed."""
    default_key = DEVELOPMENT_KEY if chain_id == DEVELOPMENT_CHAIN else ""
    key = os.environ.get("DEPLOYER_PRIVATE_KEY") or default_key
    if not key:
        raise click.UsageError(f"DEPLOYER_PRIVATE_KEY is needed to deploy on chain {chain_id}")
    deployer = Account.from_key(key)
    attestors = [part.strip() for part in os.environ.get("ATTESTORS", "").split(",") if part.strip()]
    if not attestors and (attestor_key := os.environ.get("ATTESTOR_PRIVATE_KEY")):
        attestors = [Account.from_key(attestor_key).address]
    if not attestors and chain_id == DEVELOPMENT_CHAIN:
        attestors = [DEVELOPMENT_ATTESTOR]
    if not attestors:
        raise click.UsageError("ATTESTORS or ATTESTOR_PRIVATE_KEY is needed: without an attestor nothing registers")
    return Plan(
        deployer=deployer,
        admin=to_checksum_address(os.environ.get("CONTRACTS_ADMIN") or deployer.address),
        attestors=tuple(to_checksum_address(attestor) for attestor in attestors),
        source=source_digest(),
    )


class Deployer:
    """Brings a chain to what the plan says, step by step, each of which is skipped when it is done already."""

    def __init__(self, web3: Web3, plan: Plan, folder: Path) -> None:
        self._web3 = web3
        self._folder = folder
        self._plan = plan
        self._chain_id = web3.eth.chain_id

    def deploy(self) -> Deployment:
        """Deploy, grant, and write <chainId>.json into the folder."""
        factory = self._factory()
        registry = self._create(factory, 1, "StemRegistry", [self._plan.admin, list(self._plan.attestors)])
        self._check_admin(registry.address)
        titles = self._create(factory, 2, "IPNFT", [registry.address])
        self._grant_missing(registry.address)
        return write_deployment(
            self._folder,
            web3=self._web3,
            source_digest=self._plan.source,
            factory=factory,
            deployer=self._plan.deployer.address,
            admin=self._plan.admin,
            contracts=[registry, titles],
        )

    def _factory(self) -> str:
        self._ensure_create2_proxy()
        salt = HexBytes(self._plan.source)
        argument = bytes(12) + HexBytes(self._plan.deployer.address)
        init_code = creation_code_of("DeploymentFactory") + argument
        address = to_checksum_address(keccak(b"\xff" + HexBytes(CREATE2_PROXY) + salt + keccak(init_code))[12:])
        if not self._has_code(address):
            self._send(CREATE2_PROXY, salt + init_code)
            click.echo(f"DeploymentFactory at {address}")
        return address

    def _ensure_create2_proxy(self) -> None:
        if self._has_code(CREATE2_PROXY):
            return
        missing = CREATE2_PROXY_COST - self._web3.eth.get_balance(to_checksum_address(CREATE2_PROXY_SIGNER))
        if missing > 0:
            self._send(CREATE2_PROXY_SIGNER, b"", value=missing)
        self._wait(self._web3.eth.send_raw_transaction(HexBytes(CREATE2_PROXY_TRANSACTION)))

    def _create(self, factory: str, n: int, name: str, arguments: list) -> Created:
        contract = self._web3.eth.contract(abi=abi_of(name), bytecode=creation_code_of(name))
        init_code = HexBytes(contract.constructor(*arguments).data_in_transaction)
        address = created_address(factory, n)
        entry = self._web3.eth.contract(factory, abi=abi_of("DeploymentFactory"))
        if self._has_code(address):
            transaction = self._known_transaction(name, address, entry) or _creating_transaction(entry, n)
        else:
            receipt = self._send(factory, HexBytes(entry.encode_abi("create", [n, init_code])))
            transaction = receipt["transactionHash"]
            click.echo(f"{name} at {address}")
        return Created(
            name=name,
            address=address,
            block=self._web3.eth.get_transaction_receipt(transaction)["blockNumber"],
            transaction=transaction.to_0x_hex(),
            # Of the first run: the attestors of a later one were granted, not given to the constructor.
            constructor_arguments=self._constructor_arguments(transaction, entry, name),
        )

    def _known_transaction(self, name: str, address: str, entry: Contract) -> HexBytes | None:
        """What an earlier run wrote down, where the node knows it: not every node lets itself be searched for logs."""
        try:
            written = HexBytes(load_deployment(self._folder, self._chain_id).contracts[name].tx_hash)
            receipt = self._web3.eth.get_transaction_receipt(written)
        except (DeploymentMissing, TransactionNotFound):
            return None
        logs = entry.events.Created().process_receipt(receipt, errors=DISCARD)
        return written if address in [log["args"]["at"] for log in logs] else None

    def _constructor_arguments(self, transaction: HexBytes, entry: Contract, name: str) -> bytes:
        sent = self._web3.eth.get_transaction(transaction)["input"]
        _, parameters = entry.decode_function_input(sent)
        code = creation_code_of(name)
        if not parameters["initCode"].startswith(code):
            raise DeploymentConflict(
                f"transaction {transaction.to_0x_hex()} on chain {self._chain_id} created something else than this "
                f"repository's {name}: compile with the pinned compiler, or deploy with another DEPLOYER_PRIVATE_KEY"
            )
        return parameters["initCode"][len(code) :]

    def _check_admin(self, registry_address: str) -> None:
        admin = self._registry(registry_address).functions.admin().call()
        if admin != self._plan.admin:
            raise DeploymentConflict(
                f"{registry_address} on chain {self._chain_id} has the admin {admin}, CONTRACTS_ADMIN says "
                f"{self._plan.admin}: correct the setting, or deploy with another DEPLOYER_PRIVATE_KEY"
            )

    def _grant_missing(self, registry_address: str) -> None:
        registry = self._registry(registry_address)
        for attestor in self._plan.attestors:
            if registry.functions.isAttestor(attestor).call():
                continue
            if self._plan.admin != self._plan.deployer.address:
                raise DeploymentConflict(f"{attestor} is no attestor; the admin {self._plan.admin} has to grant it")
            self._send(registry_address, HexBytes(registry.encode_abi("grantAttestor", [attestor])))
            click.echo(f"attestor {attestor}")

    def _registry(self, address: str) -> Contract:
        return self._web3.eth.contract(address, abi=abi_of("StemRegistry"))

    def _has_code(self, address: str) -> bool:
        return len(self._web3.eth.get_code(to_checksum_address(address))) > 0

    def _send(self, to: str, data: bytes, value: int = 0) -> TxReceipt:
        sender = self._plan.deployer
        transaction = {
            "chainId": self._chain_id,
            "from": sender.address,
            "to": to_checksum_address(to),
            "data": HexBytes(data),
            "value": value,
            "nonce": self._web3.eth.get_transaction_count(sender.address, "pending"),
            **self._fees(),
        }
        transaction["gas"] = self._web3.eth.estimate_gas(transaction)
        signed = sender.sign_transaction(transaction)
        return self._wait(self._web3.eth.send_raw_transaction(signed.raw_transaction))

    def _fees(self) -> dict[str, int]:
        tip = self._web3.eth.max_priority_fee
        base = self._web3.eth.get_block("latest")["baseFeePerGas"]
        return {"maxFeePerGas": 2 * base + tip, "maxPriorityFeePerGas": tip}

    def _wait(self, transaction: HexBytes) -> TxReceipt:
        receipt = self._web3.eth.wait_for_transaction_receipt(transaction, timeout=180, poll_latency=0.05)
        if receipt["status"] != 1:
            raise click.ClickException(f"transaction {transaction.to_0x_hex()} reverted")
        return receipt


def _creating_transaction(factory: Contract, n: int) -> HexBytes:
    [log] = factory.events.Created.get_logs(from_block=0, argument_filters={"n": n})
    return log["transactionHash"]


def created_address(factory: str, n: int) -> str:
    """The address of the contract that the factory creates at nonce n, below 128: keccak(rlp([factory, n]))."""
    return to_checksum_address(keccak(b"\xd6\x94" + HexBytes(factory) + bytes([n]))[12:])


@click.command(cls=ConnectedProviderCommand)
@network_option(required=True)
def cli() -> None:
    """Deploy the contracts, or find them deployed."""
    web3 = networks.active_provider.web3
    folder = Path(os.environ.get("DEPLOYMENTS_DIR") or "deployments")
    chain_id = web3.eth.chain_id
    deployment = Deployer(web3, plan_from_environment(chain_id), folder).deploy()
    for name, contract in deployment.contracts.items():
        click.echo(f"{name} {contract.address} since block {contract.first_block}")
    click.echo(f"wrote {folder / str(chain_id)}.json")
