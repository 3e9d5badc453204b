"""Deploys the contracts, once: `ape run deploy --network ethereum:local:http://127.0.0.1:PORT`.

Settings, from the environment; accounts are addresses, several of them comma-separated:

- DEPLOYER_PRIVATE_KEY  pays, and is the only one its factory obeys; on chain 31337 anvil's first development key
- CONTRACTS_ADMIN       proposes and executes what waits 48 hours; the deployer by default
- GUARDIAN              cancels what waits, revokes attestors, stops tokens, lowers the fee; must not be the admin
- ATTESTORS             whose signature over a separation counts; by default ATTESTOR_PRIVATE_KEY's
- ARBITERS              may flag disputed recordings; none by default
- FEE_RECIPIENT         draws the protocol's fees; the admin by default
- DEPLOYMENTS_DIR       where <chainId>.json goes; `deployments` by default

On chain 31337 anvil's development accounts stand in for what is not set, and a USDC for tests is deployed. A second run
finds everything in place and writes the same file; roles it grants none, because every grant waits in the timelock, but
it says which of the settings the chain does not follow.
"""

import os
from pathlib import Path

import click
from ape import networks
from ape.cli import ConnectedProviderCommand, network_option
from eth_utils import keccak, to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import TransactionNotFound
from web3.logs import DISCARD
from web3.types import TxReceipt

from scripts.deployment.artifacts import abi_of, creation_code_of
from scripts.deployment.compiling import compile_if_stale
from scripts.deployment.creations import ORDER, constructor_arguments
from scripts.deployment.files import Created, write_deployment
from scripts.deployment.plan import DEVELOPMENT_CHAIN, Plan, plan_from_environment
from stemma.chain.deployments import Deployment, load_deployment
from stemma.chain.errors import DeploymentMissing

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


class DeploymentConflict(click.ClickException):
    """What is on chain was deployed from other code or with other arguments, and contracts cannot be changed."""


class Deployer:
    """Brings a chain to what the plan says, step by step, each of which is skipped when it is done already."""

    def __init__(self, web3: Web3, plan: Plan, folder: Path) -> None:
        self._web3 = web3
        self._folder = folder
        self._plan = plan
        self._chain_id = web3.eth.chain_id

    def deploy(self) -> Deployment:
        """Create what is missing, and write <chainId>.json into the folder."""
        factory = self._factory()
        if self._chain_id == DEVELOPMENT_CHAIN:
            self._plan = self._plan.with_token("USDC", self._test_usdc())
        at = {name: created_address(factory, n) for n, name in enumerate(ORDER, start=1)}
        arguments = constructor_arguments(self._plan.holders, at)
        contracts = []
        for n, name in enumerate(ORDER, start=1):
            contracts.append(self._create(factory, n, name, arguments[name]))
            if name == "Roles":
                self._check_admin(at[name])
        for difference in self._differences(at):
            click.echo(difference, err=True)
        return write_deployment(
            self._folder,
            web3=self._web3,
            source_digest=self._plan.source,
            factory=factory,
            deployer=self._plan.deployer.address,
            admin=self._plan.holders.admin,
            tokens=self._plan.tokens,
            contracts=contracts,
        )

    def _factory(self) -> str:
        return self._create_at_fixed_address("DeploymentFactory", HexBytes(self._plan.source))

    def _test_usdc(self) -> str:
        return self._create_at_fixed_address("TestUSDC", HexBytes(bytes(32)))

    def _create_at_fixed_address(self, name: str, salt: HexBytes) -> str:
        """Create by CREATE2 a contract whose constructor takes the deployer's address."""
        self._ensure_create2_proxy()
        init_code = creation_code_of(name) + bytes(12) + HexBytes(self._plan.deployer.address)
        address = to_checksum_address(keccak(b"\xff" + HexBytes(CREATE2_PROXY) + salt + keccak(init_code))[12:])
        if not self._has_code(address):
            self._send(CREATE2_PROXY, salt + init_code)
            click.echo(f"{name} at {address}")
        return address

    def _ensure_create2_proxy(self) -> None:
        if self._has_code(CREATE2_PROXY):
            return
        missing = CREATE2_PROXY_COST - self._web3.eth.get_balance(to_checksum_address(CREATE2_PROXY_SIGNER))
        if missing > 0:
            self._send(CREATE2_PROXY_SIGNER, b"", value=missing)
        self._wait(self._web3.eth.send_raw_transaction(HexBytes(CREATE2_PROXY_TRANSACTION)))

    def _create(self, factory: str, n: int, name: str, arguments: tuple) -> Created:
        contract = self._web3.eth.contract(abi=abi_of(name), bytecode=creation_code_of(name))
        init_code = HexBytes(contract.constructor(*arguments).data_in_transaction)
        address = created_address(factory, n)
        entry = self._contract("DeploymentFactory", factory)
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
            # Of the first run, whatever the settings are today.
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

    def _check_admin(self, roles_address: str) -> None:
        admin = self._plan.holders.admin
        if not self._contract("Roles", roles_address).functions.isAdmin(admin).call():
            raise DeploymentConflict(
                f"{admin} is not the admin of {roles_address} on chain {self._chain_id}: correct CONTRACTS_ADMIN, or "
                "deploy with another DEPLOYER_PRIVATE_KEY"
            )

    def _differences(self, at: dict[str, str]) -> list[str]:
        """What the settings say and the chain does not follow; only the timelock can change it."""
        roles, splitter = self._contract("Roles", at["Roles"]), self._contract("RoyaltySplitter", at["RoyaltySplitter"])
        wanted = self._plan.holders
        missing = [
            *(f"{a} is no attestor" for a in wanted.attestors if not roles.functions.isAttestor(a).call()),
            *(f"{a} is no arbiter" for a in wanted.arbiters if not roles.functions.isArbiter(a).call()),
            *(f"{a} is not accepted" for a in wanted.tokens if not splitter.functions.isAccepted(a).call()),
        ]
        if not roles.functions.isGuardian(wanted.guardian).call():
            missing.append(f"{wanted.guardian} is no guardian")
        if splitter.functions.feeRecipient().call() != wanted.fee_recipient:
            missing.append(f"{wanted.fee_recipient} is not the fee recipient")
        return [f"{each}: the admin has to schedule that in the timelock, where it waits 48 hours" for each in missing]

    def _contract(self, name: str, address: str) -> Contract:
        return self._web3.eth.contract(to_checksum_address(address), abi=abi_of(name))

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
    compile_if_stale()
    web3 = networks.active_provider.web3
    folder = Path(os.environ.get("DEPLOYMENTS_DIR") or "deployments")
    chain_id = web3.eth.chain_id
    deployment = Deployer(web3, plan_from_environment(chain_id), folder).deploy()
    for name, contract in deployment.contracts.items():
        click.echo(f"{name} {contract.address} since block {contract.first_block}")
    click.echo(f"wrote {folder / str(chain_id)}.json")
