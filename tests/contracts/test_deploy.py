"""scripts/deploy.py: once, the same again, and no silence when it does not fit."""

import shutil
from dataclasses import replace
from pathlib import Path

import click
import pytest
from eth_account import Account
from eth_utils import keccak, to_checksum_address

from scripts.deploy import (
    CREATE2_PROXY,
    CREATE2_PROXY_SIGNER,
    CREATE2_PROXY_TRANSACTION,
    Deployer,
    DeploymentConflict,
    created_address,
)
from scripts.deployment.creations import NATIVE, ORDER, Holders, constructor_arguments
from scripts.deployment.plan import USDC, Plan, plan_from_environment
from stemma.chain.deployments import SOURCE_ROOT, Deployment, load_deployment, matches_sources, source_digest

SETTINGS = (
    "DEPLOYER_PRIVATE_KEY",
    "CONTRACTS_ADMIN",
    "GUARDIAN",
    "ATTESTORS",
    "ATTESTOR_PRIVATE_KEY",
    "ARBITERS",
    "FEE_RECIPIENT",
)


OTHER_SOURCE = "0x" + "42" * 32


@pytest.fixture(scope="module")
def plan(admin, guardian, attestor, arbiter) -> Plan:
    deployer = Account.from_key(admin.private_key)
    holders = Holders(
        admin=admin.address,
        guardian=guardian.address,
        attestors=(attestor.address,),
        arbiters=(arbiter.address,),
        fee_recipient=admin.address,
        tokens=(NATIVE,),
    )
    return Plan(deployer=deployer, holders=holders, tokens={"ETH": NATIVE}, source=source_digest())


def holding(plan: Plan, **changes) -> Plan:
    """The same plan with other holders of roles."""
    return replace(plan, holders=replace(plan.holders, **changes))


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
    def test_contracts_know_each_other(self, project, deployed, plan):
        """Each immutable peer is the contract that has its name."""
        peers = {
            "StemRegistry": {
                "roles": "Roles",
                "titles": "IPNFT",
                "splitter": "RoyaltySplitter",
                "licenses": "Licenses",
            },
            "IPNFT": {"registry": "StemRegistry"},
            "RoyaltySplitter": {
                "roles": "Roles",
                "registry": "StemRegistry",
                "titles": "IPNFT",
                "disputes": "Disputes",
                "manager": "LicenseManager",
            },
            "Licenses": {"registry": "StemRegistry", "manager": "LicenseManager"},
            "LicenseManager": {
                "roles": "Roles",
                "registry": "StemRegistry",
                "titles": "IPNFT",
                "splitter": "RoyaltySplitter",
                "licenses": "Licenses",
                "disputes": "Disputes",
            },
            "SessionVault": {"manager": "LicenseManager", "splitter": "RoyaltySplitter"},
            "Disputes": {"roles": "Roles"},
        }
        for name, known in peers.items():
            contract = getattr(project, name).at(deployed.contracts[name].address)
            for view, peer in known.items():
                assert getattr(contract, view)() == deployed.contracts[peer].address, (name, view)

    def test_roles_are_as_planned(self, project, deployed, admin, guardian, attestor, arbiter):
        roles = project.Roles.at(deployed.contracts["Roles"].address)
        assert roles.isAdmin(admin)
        assert roles.isGuardian(guardian)
        assert roles.isAttestor(attestor)
        assert roles.isArbiter(arbiter)
        splitter = project.RoyaltySplitter.at(deployed.contracts["RoyaltySplitter"].address)
        assert splitter.feeRecipient() == admin.address
        assert splitter.isAccepted(NATIVE)

    def test_addresses_depend_on_deployer_and_sources_only(self, deployed, plan, project):
        init_code = bytes.fromhex(project.DeploymentFactory.contract_type.deployment_bytecode.bytecode[2:])
        init_code += bytes(12) + bytes.fromhex(plan.deployer.address[2:])
        salt = bytes.fromhex(source_digest()[2:])
        factory = keccak(b"\xff" + bytes.fromhex(CREATE2_PROXY[2:]) + salt + keccak(init_code))[12:]
        assert bytes.fromhex(deployed.factory[2:]) == factory
        assert tuple(deployed.contracts) == ORDER
        for n, contract in enumerate(deployed.contracts.values(), start=1):
            assert contract.address == created_address(deployed.factory, n)

    def test_file_holds_what_was_deployed(self, deployed, web3, folder, chain):
        assert load_deployment(folder, chain.chain_id) == deployed
        assert matches_sources(deployed)
        for contract in deployed.contracts.values():
            assert contract.code_hash == "0x" + keccak(web3.eth.get_code(contract.address)).hex()
            assert web3.eth.get_transaction_receipt(contract.tx_hash)["blockNumber"] == contract.first_block
        blocks = [contract.first_block for contract in deployed.contracts.values()]
        assert blocks == sorted(blocks)
        assert (deployed.version, deployed.from_block, deployed.to_block) == (1, blocks[0], None)
        assert deployed.first_block == deployed.from_block

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

    def test_grants_nothing_but_says_what_differs(self, deployed, plan, web3, folder, stranger, buyer, capsys):
        """A role that a person took away must not come back because a script was run again."""
        other = holding(
            plan,
            guardian=stranger.address,
            attestors=(*plan.holders.attestors, stranger.address),
            arbiters=(buyer.address,),
            fee_recipient=buyer.address,
            tokens=(stranger.address,),
        )
        block = web3.eth.block_number
        assert Deployer(web3, other, folder).deploy() == deployed
        assert web3.eth.block_number == block
        told = capsys.readouterr().err.splitlines()
        assert [line.split(":")[0] for line in told] == [
            f"{stranger.address} is no attestor",
            f"{buyer.address} is no arbiter",
            f"{stranger.address} is not accepted",
            f"{stranger.address} is no guardian",
            f"{buyer.address} is not the fee recipient",
        ]

    def test_continues_a_half_done_deployment(self, elsewhere, web3, tmp_path):
        half = Deployer(web3, elsewhere, tmp_path)
        factory = half._factory()
        at = {name: created_address(factory, n) for n, name in enumerate(ORDER, start=1)}
        arguments = constructor_arguments(elsewhere.holders, at)
        for n, name in enumerate(ORDER[:3], start=1):
            half._create(factory, n, name, arguments[name])
        deployment = Deployer(web3, elsewhere, tmp_path).deploy()
        assert {name: contract.address for name, contract in deployment.contracts.items()} == at


class TestVersions:
    """A deployment from other sources is another version; the one before it is closed and kept."""

    def test_next_version(self, deployed, elsewhere, web3, folder, chain):
        second = Deployer(web3, elsewhere, folder).deploy()
        assert not {c.address for c in second.contracts.values()} & {c.address for c in deployed.contracts.values()}
        assert (second.version, second.to_block) == (2, None)
        closed = Deployment.model_validate_json((folder / f"{chain.chain_id}-v1.json").read_bytes())
        assert closed == deployed.model_copy(update={"to_block": second.from_block - 1})
        assert Deployer(web3, elsewhere, folder).deploy() == second
        inputs = {
            contract.standard_json_input for contract in (*second.contracts.values(), *deployed.contracts.values())
        }
        assert inputs == {path.name for path in (folder / "inputs").iterdir()}

    def test_of_a_chain_begun_anew(self, deployed, elsewhere, web3, folder, chain):
        """What a file says of a development chain that is gone is no earlier version."""
        [path] = folder.glob("*.json")
        gone = deployed.model_copy(update={"factory": "0x" + "11" * 20, "version": 4})
        path.write_text(gone.model_dump_json(by_alias=True), "utf-8")
        assert Deployer(web3, elsewhere, folder).deploy().version == 1
        assert not (folder / f"{chain.chain_id}-v4.json").exists()


class TestConflict:
    def test_other_admin(self, deployed, plan, web3, folder, stranger):
        with pytest.raises(DeploymentConflict, match="CONTRACTS_ADMIN"):
            Deployer(web3, holding(plan, admin=stranger.address), folder).deploy()

    def test_other_admin_of_a_half_done_deployment(self, elsewhere, web3, tmp_path, stranger):
        """Nothing is added to what cannot be completed."""
        half = Deployer(web3, elsewhere, tmp_path)
        factory = half._factory()
        half._create(factory, 1, "Roles", constructor_arguments(elsewhere.holders, dict.fromkeys(ORDER, ""))["Roles"])
        with pytest.raises(DeploymentConflict, match="CONTRACTS_ADMIN"):
            Deployer(web3, holding(elsewhere, admin=stranger.address), tmp_path).deploy()
        assert web3.eth.get_code(created_address(factory, 2)) == b""

    def test_other_code(self, elsewhere, web3, tmp_path):
        """An address says nothing about the code there: the deployer may have created something else."""
        other = Deployer(web3, elsewhere, tmp_path)
        other._create(other._factory(), 1, "IPNFT", (CREATE2_PROXY,))
        with pytest.raises(DeploymentConflict, match="Roles"):
            Deployer(web3, elsewhere, tmp_path).deploy()
        assert not list(tmp_path.glob("*.json"))


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

    @pytest.fixture
    def needed(self, no_settings, monkeypatch, stranger, buyer):
        """What a real chain needs."""
        monkeypatch.setenv("DEPLOYER_PRIVATE_KEY", "0x" + "01" * 32)
        monkeypatch.setenv("GUARDIAN", buyer.address)
        monkeypatch.setenv("ATTESTORS", stranger.address)

    def test_development_chain_needs_none(self, guardian, attestor, arbiter):
        plan = plan_from_environment(31337)
        holders = plan.holders
        assert holders.admin == plan.deployer.address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        assert holders.attestors == (attestor.address,)
        assert (holders.guardian, holders.arbiters) == (guardian.address, (arbiter.address,))
        assert holders.fee_recipient == holders.admin
        assert holders.tokens == (NATIVE,)

    @pytest.mark.parametrize("name", ["DEPLOYER_PRIVATE_KEY", "GUARDIAN", "ATTESTORS"])
    def test_other_chains_need(self, needed, monkeypatch, name):
        monkeypatch.delenv(name)
        with pytest.raises(click.UsageError, match=name):
            plan_from_environment(1)

    @pytest.mark.parametrize("name", ["CONTRACTS_ADMIN", "GUARDIAN", "ATTESTORS", "ARBITERS", "FEE_RECIPIENT"])
    def test_addresses_are_checked(self, needed, monkeypatch, name):
        monkeypatch.setenv(name, "0x1234")
        with pytest.raises(click.UsageError, match=f"{name}: 0x1234 is no address"):
            plan_from_environment(1)

    def test_guardian_is_not_the_admin(self, needed, monkeypatch, buyer):
        monkeypatch.setenv("CONTRACTS_ADMIN", buyer.address)
        with pytest.raises(click.UsageError, match="GUARDIAN"):
            plan_from_environment(1)

    def test_all(self, needed, monkeypatch, stranger, buyer, creator):
        monkeypatch.setenv("CONTRACTS_ADMIN", stranger.address.lower())
        monkeypatch.setenv("ATTESTORS", f" {stranger.address}, {buyer.address.lower()},")
        monkeypatch.setenv("ARBITERS", creator.address)
        monkeypatch.setenv("FEE_RECIPIENT", creator.address)
        assert plan_from_environment(1).holders == Holders(
            admin=stranger.address,
            guardian=buyer.address,
            attestors=(stranger.address, buyer.address),
            arbiters=(creator.address,),
            fee_recipient=creator.address,
            tokens=(NATIVE,),
        )

    def test_attestor_by_key(self, monkeypatch):
        monkeypatch.setenv("ATTESTOR_PRIVATE_KEY", "0x" + "02" * 32)
        assert plan_from_environment(31337).holders.attestors == (Account.from_key("0x" + "02" * 32).address,)

    @pytest.mark.parametrize("chain_id", USDC)
    def test_base_accepts_usdc(self, needed, chain_id):
        plan = plan_from_environment(chain_id)
        assert plan.tokens == {"ETH": NATIVE, "USDC": USDC[chain_id]}
        assert plan.holders.tokens == (NATIVE, USDC[chain_id])
        assert to_checksum_address(USDC[chain_id].lower()) == USDC[chain_id]


class TestDevelopmentChain:
    def test_a_usdc_for_tests(self, project, plan, web3, tmp_path, chain, monkeypatch):
        """It is created beside the factory, so that the contracts' addresses are those of every other chain."""
        deployer = Deployer(web3, replace(plan, source="0x" + "43" * 32), tmp_path)
        monkeypatch.setattr("scripts.deploy.DEVELOPMENT_CHAIN", chain.chain_id)
        deployment = deployer.deploy()
        assert list(deployment.tokens) == ["ETH", "USDC"]
        assert project.TestUSDC.at(deployment.tokens["USDC"]).decimals() == 6
        splitter = project.RoyaltySplitter.at(deployment.contracts["RoyaltySplitter"].address)
        assert splitter.isAccepted(deployment.tokens["USDC"])
        assert "TestUSDC" not in deployment.contracts
