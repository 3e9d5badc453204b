"""`stemma contracts`: what is deployed, who holds which role, what waits in the timelock; on a real chain."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_hash.auto import keccak

from stack.anvil_node import AnvilNode, development_key
from stemma.chain.deployments import Deployment, load_deployment
from stemma.chain.inspection import inspect

STEMMA = Path(sys.executable).with_name("stemma")
ADMIN, ATTESTOR, GUARDIAN, ARBITER = (Account.from_key(development_key(n)).address for n in (0, 2, 6, 7))
STRANGER = "0x1111111111111111111111111111111111111111"
TWO_DAYS = 48 * 3600
ATTESTOR_ROLE = keccak(b"ATTESTOR_ROLE")
NO_WORD = bytes(32)
_SCHEDULE = "address,uint256,bytes,bytes32,bytes32"


@pytest.fixture
def deployment(deployed) -> Deployment:
    return load_deployment(deployed.deployments_dir, deployed.node.chain_id)


def call(signature: str, *values) -> bytes:
    types = signature[signature.index("(") + 1 : -1].split(",")
    return keccak(signature.encode())[:4] + encode(types, values)


def send(node: AnvilNode, deployment: Deployment, sender: str, data: bytes, to: str | None = None) -> None:
    at = to or deployment.contracts["Roles"].address
    transaction = {"from": sender, "to": at, "data": "0x" + data.hex()}
    node.rpc("anvil_impersonateAccount", sender)
    receipt = node.rpc("eth_sendTransaction", transaction)
    node.rpc("evm_mine")
    assert node.rpc("eth_getTransactionReceipt", receipt)["status"] == "0x1"


def schedule(node: AnvilNode, deployment: Deployment, target: str, data: bytes, value: int = 0) -> None:
    order = (target, value, data, NO_WORD, NO_WORD)
    send(node, deployment, ADMIN, call(f"schedule({_SCHEDULE},uint256)", *order, TWO_DAYS))


def execute(node: AnvilNode, deployment: Deployment, target: str, data: bytes) -> None:
    node.rpc("evm_increaseTime", TWO_DAYS)
    send(node, deployment, ADMIN, call(f"execute({_SCHEDULE})", target, 0, data, NO_WORD, NO_WORD))


def grant(account: str) -> bytes:
    return call("grantRole(bytes32,address)", ATTESTOR_ROLE, account)


def test_a_new_deployment(deployed, deployment):
    found = inspect(deployment, deployed.node.url)
    assert [contract.name for contract in found.contracts] == list(deployment.contracts)
    assert all(contract.is_genuine for contract in found.contracts)
    assert found.holders == {
        "grants roles (the timelock itself)": [deployment.contracts["Roles"].address],
        "admin, schedules": [ADMIN],
        "admin, executes": [ADMIN],
        "guardian": [GUARDIAN],
        "attestor": [ATTESTOR],
        "arbiter": [ARBITER],
        "fee recipient": [ADMIN],
    }
    assert found.fee_ppm == 0
    assert found.accepts == {"ETH": True, "USDC": True}
    assert found.waiting == ()


def test_holders_change(deployed, deployment):
    roles = deployment.contracts["Roles"].address
    schedule(deployed.node, deployment, roles, grant(STRANGER))
    execute(deployed.node, deployment, roles, grant(STRANGER))
    send(deployed.node, deployment, GUARDIAN, call("revokeAttestor(address)", ATTESTOR))
    found = inspect(deployment, deployed.node.url)
    assert found.holders["attestor"] == [STRANGER]
    assert found.waiting == ()


def test_a_fee_and_a_stopped_token(deployed, deployment):
    manager, splitter = (deployment.contracts[name].address for name in ("LicenseManager", "RoyaltySplitter"))
    raised, handed_on = call("setFee(uint32)", 12_500), call("setFeeRecipient(address)", STRANGER)
    schedule(deployed.node, deployment, manager, raised)
    schedule(deployed.node, deployment, splitter, handed_on)
    execute(deployed.node, deployment, manager, raised)
    execute(deployed.node, deployment, splitter, handed_on)
    send(deployed.node, deployment, GUARDIAN, call("stopToken(address)", deployment.tokens["USDC"]), to=splitter)
    found = inspect(deployment, deployed.node.url)
    assert found.fee_ppm == 12_500
    assert found.holders["fee recipient"] == [STRANGER]
    assert found.accepts == {"ETH": True, "USDC": False}
    printed = run_command(deployed).stdout
    assert "fee on licenses: 1.25 %" in printed
    assert f"{deployment.tokens['USDC']}  takes no new payments" in printed


def test_what_waits(deployed, deployment):
    roles, splitter = (deployment.contracts[name].address for name in ("Roles", "RoyaltySplitter"))
    schedule(deployed.node, deployment, roles, grant(STRANGER))
    schedule(deployed.node, deployment, splitter, call("acceptToken(address)", STRANGER))
    schedule(deployed.node, deployment, STRANGER, b"\xab\xcd", value=5)
    found = inspect(deployment, deployed.node.url).waiting
    assert [waiting.call for waiting in found] == [
        f"Roles.grantRole(attestor, {STRANGER})",
        f"RoyaltySplitter.acceptToken({STRANGER})",
        f"{STRANGER} 0xabcd with 5 wei",
    ]
    head = int(deployed.node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    assert abs(found[0].ready_at - datetime.fromtimestamp(head + TWO_DAYS, UTC)).total_seconds() < 60


def test_cancelled_waits_no_longer(deployed, deployment):
    roles = deployment.contracts["Roles"].address
    schedule(deployed.node, deployment, roles, grant(STRANGER))
    [waiting] = inspect(deployment, deployed.node.url).waiting
    send(deployed.node, deployment, GUARDIAN, call("cancel(bytes32)", bytes.fromhex(waiting.operation[2:])))
    assert inspect(deployment, deployed.node.url).waiting == ()


def run_command(deployed) -> subprocess.CompletedProcess:
    environment = {
        **os.environ,
        "RPC_URLS": deployed.node.url,
        "CHAIN_ID": str(deployed.node.chain_id),
        "DEPLOYMENTS_DIR": str(deployed.deployments_dir),
    }
    return subprocess.run(
        [STEMMA, "contracts"],
        env=environment,
        cwd=deployed.deployments_dir,
        capture_output=True,
        text=True,
        check=False,
    )


def test_command(deployed, deployment):
    schedule(deployed.node, deployment, deployment.contracts["Roles"].address, grant(STRANGER))
    done = run_command(deployed)
    assert done.returncode == 0, done.stderr
    assert "chain 31337, version 1, from these sources" in done.stdout
    for contract in deployment.contracts.values():
        assert f"{contract.address}  since block {contract.first_block}, code as deployed" in done.stdout
    assert f"USDC             {deployment.tokens['USDC']}" in done.stdout
    assert f"Roles.grantRole(attestor, {STRANGER})" in done.stdout


def test_command_fails_on_other_code(deployed, deployment):
    deployed.node.rpc("anvil_setCode", deployment.contracts["SessionVault"].address, "0x00")
    done = run_command(deployed)
    assert done.returncode == 1
    assert "OTHER CODE THAN WAS DEPLOYED" in done.stdout
    assert "trust none" in done.stderr


def test_command_without_a_deployment(deployed):
    for path in deployed.deployments_dir.glob("*.json"):
        path.unlink()
    done = run_command(deployed)
    assert done.returncode == 1
    assert "ape run deploy" in done.stderr
