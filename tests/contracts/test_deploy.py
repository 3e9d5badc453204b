"""scripts/deploy.py: once, the same again, and no silence when it does not fit."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import click
import pytest
from eth_account import Account
from eth_utils import keccak

from scripts.deploy import (
    CREATE2_PROXY,
    CREATE2_PROXY_SIGNER,
    CREATE2_PROXY_TRANSACTION,
    Deployer,
    Plan,
    created_address,
    plan_from_environment,
)
from stemma.chain.deployments import SOURCE_ROOT, load_deployment, matches_sources, source_digest

SETTINGS = ("DEPLOYER_PRIVATE_KEY", "CONTRACTS_ADMIN", "ATTESTORS", "ATTESTOR_PRIVATE_KEY")


@pytest.fixture
def plan(admin, attestor) -> Plan:
    deployer = Account.from_key(admin.private_key)
    return Plan(deployer=deployer, admin=admin.address, attestors=(attestor.address,), source=source_digest())


@pytest.fixture
def web3(chain):
    return chain.provider.web3


@pytest.fixture
def deployed(web3, plan, tmp_path):
    return Deployer(web3, plan, tmp_path).deploy()


class TestDeploy:
    def test_contracts_know_each_other(self, project, deployed, admin, attestor):
        registry = project.StemRegistry.at(deployed.registry.address)
        assert registry.admin() == admin.address
        assert registry.isAttestor(attestor)
        assert project.IPNFT.at(deployed.ipnft.address).registry() == registry.address

    def test_addresses_depend_on_deployer_and_sources_only(self, deployed, plan, web3, project, tmp_path):
        init_code = bytes.fromhex(project.DeploymentFactory.contract_type.deployment_bytecode.bytecode[2:])
        init_code += bytes(12) + bytes.fromhex(plan.deployer.address[2:])
        salt = bytes.fromhex(source_digest()[2:])
        factory = keccak(b"\xff" + bytes.fromhex(CREATE2_PROXY[2:]) + salt + keccak(init_code))[12:]
        assert bytes.fromhex(deployed.factory[2:]) == factory
        assert deployed.registry.address == created_address(deployed.factory, 1)
        assert deployed.ipnft.address == created_address(deployed.factory, 2)

    def test_file_holds_what_was_deployed(self, deployed, web3, tmp_path, chain):
        assert load_deployment(tmp_path, chain.chain_id) == deployed
        assert matches_sources(deployed)
        for contract in deployed.contracts.values():
            assert contract.code_hash == "0x" + keccak(web3.eth.get_code(contract.address)).hex()
            assert web3.eth.get_transaction_receipt(contract.tx_hash)["blockNumber"] == contract.first_block
        assert deployed.first_block == deployed.registry.first_block < deployed.ipnft.first_block

    def test_again_changes_nothing(self, deployed, plan, web3, tmp_path):
        block = web3.eth.block_number
        [before] = tmp_path.glob("*.json")
        content = before.read_bytes()
        assert Deployer(web3, plan, tmp_path).deploy() == deployed
        assert web3.eth.block_number == block
        assert before.read_bytes() == content

    def test_lost_file_is_written_again(self, deployed, plan, web3, tmp_path):
        elsewhere = tmp_path / "elsewhere"
        assert Deployer(web3, plan, elsewhere).deploy() == deployed

    def test_stale_file_is_corrected(self, deployed, plan, web3, tmp_path):
        [path] = tmp_path.glob("*.json")
        path.write_text(path.read_text("utf-8").replace(deployed.ipnft.tx_hash, "0x" + "11" * 32), "utf-8")
        assert Deployer(web3, plan, tmp_path).deploy() == deployed

    def test_missing_attestor_is_granted(self, project, deployed, plan, web3, tmp_path, stranger):  # noqa: PLR0917
        again = Deployer(web3, replace(plan, attestors=(*plan.attestors, stranger.address)), tmp_path).deploy()
        assert again == deployed
        assert project.StemRegistry.at(deployed.registry.address).isAttestor(stranger)

    def test_other_admin_is_a_conflict(self, deployed, plan, web3, tmp_path, stranger):
        with pytest.raises(click.ClickException, match=r"CONTRACTS_ADMIN"):
            Deployer(web3, replace(plan, admin=stranger.address), tmp_path).deploy()

    def test_continues_a_half_done_deployment(self, plan, web3, tmp_path):
        half = Deployer(web3, plan, tmp_path)
        factory = half._factory()
        half._create(factory, 1, "StemRegistry", [plan.admin, list(plan.attestors)])
        deployment = Deployer(web3, plan, tmp_path).deploy()
        assert deployment.ipnft.address == created_address(factory, 2)

    def test_other_sources_other_addresses(self, deployed, plan, web3, tmp_path):
        other = Deployer(web3, replace(plan, source="0x" + "42" * 32), tmp_path).deploy()
        assert other.registry.address != deployed.registry.address


class TestVerification:
    @pytest.mark.parametrize("name", ["StemRegistry", "IPNFT"])
    def test_standard_json_gives_the_deployed_code(self, deployed, web3, tmp_path, name):
        """What an explorer does: compile the input, append the constructor's arguments, compare."""
        contract = deployed.contracts[name]
        compiler_input = json.loads((tmp_path / "inputs" / contract.standard_json_input).read_text("utf-8"))
        path, contract_name = contract.source_name.split(":")
        # Which outputs are asked for changes nothing in them, only how long it takes.
        compiler_input["settings"]["outputSelection"] = {path: {contract_name: ["evm.bytecode.object"]}}
        solc = next(Path(os.environ["SOLCX_BINARY_PATH"]).glob("solc-v*"))
        done = subprocess.run(
            [solc, "--standard-json"], input=json.dumps(compiler_input), capture_output=True, text=True, check=True
        )
        code = json.loads(done.stdout)["contracts"][path][contract_name]["evm"]["bytecode"]["object"]
        sent = web3.eth.get_transaction(contract.tx_hash)["input"].hex()
        assert code + contract.constructor_arguments[2:] in sent
        assert contract.compiler == "v0.8.37+commit.f401782d"

    def test_inputs_name_no_folder_of_this_machine(self, deployed, tmp_path):
        for path in (tmp_path / "inputs").iterdir():
            assert str(SOURCE_ROOT) not in path.read_text("utf-8")


class TestProxy:
    def test_keyless_transaction_is_the_well_known_one(self):
        assert Account.recover_transaction(CREATE2_PROXY_TRANSACTION) == CREATE2_PROXY_SIGNER
        created = keccak(b"\xd6\x94" + bytes.fromhex(CREATE2_PROXY_SIGNER[2:]) + b"\x80")[12:]
        assert created == bytes.fromhex(CREATE2_PROXY[2:])


class TestSettings:
    @pytest.fixture(autouse=True)
    def no_settings(self, monkeypatch):
        for name in SETTINGS:
            monkeypatch.delenv(name, raising=False)

    def test_development_chain_needs_none(self):
        plan = plan_from_environment(31337)
        assert plan.admin == plan.deployer.address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        assert plan.attestors == ("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",)

    def test_other_chains_need_a_deployer(self):
        with pytest.raises(click.UsageError, match="DEPLOYER_PRIVATE_KEY"):
            plan_from_environment(1)

    def test_other_chains_need_an_attestor(self, monkeypatch):
        monkeypatch.setenv("DEPLOYER_PRIVATE_KEY", "0x" + "01" * 32)
        with pytest.raises(click.UsageError, match="ATTESTORS"):
            plan_from_environment(1)

    def test_all(self, monkeypatch, stranger, buyer):
        monkeypatch.setenv("DEPLOYER_PRIVATE_KEY", "0x" + "01" * 32)
        monkeypatch.setenv("CONTRACTS_ADMIN", stranger.address.lower())
        monkeypatch.setenv("ATTESTORS", f" {stranger.address}, {buyer.address.lower()},")
        plan = plan_from_environment(1)
        assert (plan.admin, plan.attestors) == (stranger.address, (stranger.address, buyer.address))

    def test_attestor_by_key(self, monkeypatch):
        monkeypatch.setenv("ATTESTOR_PRIVATE_KEY", "0x" + "02" * 32)
        assert plan_from_environment(31337).attestors == (Account.from_key("0x" + "02" * 32).address,)
