"""scripts/deploy.py: once, the same again, and no silence when it does not fit."""

import shutil
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
    DeploymentConflict,
    Plan,
    created_address,
    plan_from_environment,
)
from stemma.chain.deployments import SOURCE_ROOT, Deployment, load_deployment, matches_sources, source_digest

SETTINGS = ("DEPLOYER_PRIVATE_KEY", "CONTRACTS_ADMIN", "ATTESTORS", "ATTESTOR_PRIVATE_KEY")


OTHER_SOURCE = "0x" + "42" * 32


@pytest.fixture(scope="module")
def plan(admin, attestor) -> Plan:
    deployer = Account.from_key(admin.private_key)
    return Plan(deployer=deployer, admin=admin.address, attestors=(attestor.address,), source=source_digest())


@pytest.fixture(scope="module")
def web3(chain):
    return chain.provider.web3


@pytest.fixture(scope="module")
def first_folder(tmp_path_factory) -> Path:
    """Where the one deployment that these tests share was written."""
    return tmp_path_factory.mktemp("deployments")


@pytest.fixture(scope="module")
def deployed(web3, plan, first_folder) -> Deployment:
    return Deployer(web3, plan, first_folder).deploy()


@pytest.fixture
def folder(deployed, first_folder, tmp_path) -> Path:
    """The deployments folder as that deployment left it, for one test."""
    return Path(shutil.copytree(first_folder, tmp_path / "deployments"))


@pytest.fixture
def elsewhere(plan) -> Plan:
    """A plan of which nothing is on chain yet."""
    return replace(plan, source=OTHER_SOURCE)


class TestDeploy:
    def test_contracts_know_each_other(self, project, deployed, admin, attestor):
        registry = project.StemRegistry.at(deployed.registry.address)
        assert registry.admin() == admin.address
        assert registry.isAttestor(attestor)
        assert project.IPNFT.at(deployed.ipnft.address).registry() == registry.address

    def test_addresses_depend_on_deployer_and_sources_only(self, deployed, plan, project):
        init_code = bytes.fromhex(project.DeploymentFactory.contract_type.deployment_bytecode.bytecode[2:])
        init_code += bytes(12) + bytes.fromhex(plan.deployer.address[2:])
        salt = bytes.fromhex(source_digest()[2:])
        factory = keccak(b"\xff" + bytes.fromhex(CREATE2_PROXY[2:]) + salt + keccak(init_code))[12:]
        assert bytes.fromhex(deployed.factory[2:]) == factory
        assert deployed.registry.address == created_address(deployed.factory, 1)
        assert deployed.ipnft.address == created_address(deployed.factory, 2)

    def test_file_holds_what_was_deployed(self, deployed, web3, folder, chain):
        assert load_deployment(folder, chain.chain_id) == deployed
        assert matches_sources(deployed)
        for contract in deployed.contracts.values():
            assert contract.code_hash == "0x" + keccak(web3.eth.get_code(contract.address)).hex()
            assert web3.eth.get_transaction_receipt(contract.tx_hash)["blockNumber"] == contract.first_block
        assert deployed.first_block == deployed.registry.first_block < deployed.ipnft.first_block

    def test_again_changes_nothing(self, deployed, plan, web3, folder):
        block = web3.eth.block_number
        [before] = folder.glob("*.json")
        content = before.read_bytes()
        assert Deployer(web3, plan, folder).deploy() == deployed
        assert web3.eth.block_number == block
        assert before.read_bytes() == content

    def test_lost_file_is_written_again(self, deployed, plan, web3, tmp_path):
        assert Deployer(web3, plan, tmp_path).deploy() == deployed

    @pytest.mark.parametrize("stale", ["0x" + "11" * 32, "the registry's"])
    def test_stale_file_is_corrected(self, deployed, plan, web3, folder, stale):
        [path] = folder.glob("*.json")
        transaction = stale if stale.startswith("0x") else deployed.registry.tx_hash
        path.write_text(path.read_text("utf-8").replace(deployed.ipnft.tx_hash, transaction), "utf-8")
        assert Deployer(web3, plan, folder).deploy() == deployed

    def test_missing_attestor_is_granted(self, project, deployed, plan, web3, folder, stranger):
        again = Deployer(web3, replace(plan, attestors=(*plan.attestors, stranger.address)), folder).deploy()
        assert again == deployed
        assert project.StemRegistry.at(deployed.registry.address).isAttestor(stranger)

    def test_continues_a_half_done_deployment(self, elsewhere, web3, tmp_path):
        half = Deployer(web3, elsewhere, tmp_path)
        factory = half._factory()
        half._create(factory, 1, "StemRegistry", [elsewhere.admin, list(elsewhere.attestors)])
        deployment = Deployer(web3, elsewhere, tmp_path).deploy()
        assert deployment.ipnft.address == created_address(factory, 2)

    def test_other_sources_other_addresses(self, deployed, elsewhere, web3, tmp_path):
        other = Deployer(web3, elsewhere, tmp_path).deploy()
        assert other.registry.address != deployed.registry.address


class TestConflict:
    def test_other_admin(self, deployed, plan, web3, folder, stranger):
        with pytest.raises(DeploymentConflict, match="CONTRACTS_ADMIN"):
            Deployer(web3, replace(plan, admin=stranger.address), folder).deploy()

    def test_other_admin_of_a_half_done_deployment(self, elsewhere, web3, tmp_path, stranger):
        """Nothing is added to what cannot be completed."""
        half = Deployer(web3, elsewhere, tmp_path)
        factory = half._factory()
        half._create(factory, 1, "StemRegistry", [elsewhere.admin, []])
        with pytest.raises(DeploymentConflict, match="CONTRACTS_ADMIN"):
            Deployer(web3, replace(elsewhere, admin=stranger.address), tmp_path).deploy()
        assert web3.eth.get_code(created_address(factory, 2)) == b""

    def test_other_code(self, elsewhere, web3, tmp_path):
        """An address says nothing about the code there: the deployer may have created something else."""
        other = Deployer(web3, elsewhere, tmp_path)
        other._create(other._factory(), 1, "IPNFT", [CREATE2_PROXY])
        with pytest.raises(DeploymentConflict, match="StemRegistry"):
            Deployer(web3, elsewhere, tmp_path).deploy()
        assert not list(tmp_path.glob("*.json"))

    def test_attestor_that_only_the_admin_can_grant(self, elsewhere, web3, tmp_path, stranger, buyer):
        plan = replace(elsewhere, admin=stranger.address)
        Deployer(web3, plan, tmp_path).deploy()
        with pytest.raises(DeploymentConflict, match="has to grant it"):
            Deployer(web3, replace(plan, attestors=(buyer.address,)), tmp_path).deploy()


def test_inputs_name_no_folder_of_this_machine(deployed, folder):
    inputs = list((folder / "inputs").iterdir())
    assert len(inputs) == len(deployed.contracts)
    for path in inputs:
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
