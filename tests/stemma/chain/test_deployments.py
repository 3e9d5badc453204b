"""Deployments files: read strictly, and compared with the chain and the sources without a compiler."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from stemma.chain.deployments import (
    SOURCE_ROOT,
    Deployment,
    deployment_file,
    deployment_when_there,
    load_deployment,
    matches_chain,
    matches_sources,
    source_digest,
)
from stemma.chain.errors import DeploymentMissing, RpcUnreachable


@pytest.fixture
def deployment(deployed) -> Deployment:
    return load_deployment(deployed.deployments_dir, deployed.node.chain_id)


class TestMatchesChain:
    def test_deployed(self, deployed, deployment):
        assert matches_chain(deployment, deployed.node.url)

    def test_empty_chain(self, deployment, anvil):
        assert not matches_chain(deployment, anvil.url)

    def test_other_code(self, deployed, deployment):
        deployed.node.rpc("anvil_setCode", deployment.ipnft.address, "0x00")
        assert not matches_chain(deployment, deployed.node.url)

    def test_other_chain_id(self, deployed, deployment):
        assert not matches_chain(deployment.model_copy(update={"chain_id": 1}), deployed.node.url)

    def test_same_code_deployed_in_another_block(self, deployed, deployment):
        later = deployment.registry.model_copy(update={"first_block": deployment.registry.first_block + 1})
        moved = deployment.model_copy(update={"contracts": deployment.contracts | {"StemRegistry": later}})
        assert not matches_chain(moved, deployed.node.url)

    def test_same_code_deployed_by_another_transaction(self, deployed, deployment):
        other = deployment.registry.model_copy(update={"tx_hash": "0x" + "11" * 32})
        moved = deployment.model_copy(update={"contracts": deployment.contracts | {"StemRegistry": other}})
        assert not matches_chain(moved, deployed.node.url)

    def test_no_node(self, deployment):
        with pytest.raises(RpcUnreachable):
            matches_chain(deployment, "http://127.0.0.1:1")

    def test_changed_sources_need_no_node(self, deployment):
        stale = deployment.model_copy(update={"source_digest": "0x" + "00" * 32})
        assert not matches_chain(stale, "http://127.0.0.1:1")


class TestMatchesSources:
    def test_changed_abi(self, deployment):
        other = deployment.registry.model_copy(update={"abi": deployment.registry.abi[1:]})
        stale = deployment.model_copy(update={"contracts": deployment.contracts | {"StemRegistry": other}})
        assert matches_sources(deployment)
        assert not matches_sources(stale)

    def test_installation_without_sources(self, deployment, tmp_path):
        assert matches_sources(deployment.model_copy(update={"source_digest": "0x"}), tmp_path)


class TestSourceDigest:
    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        shutil.copytree(SOURCE_ROOT / "contracts", tmp_path / "contracts")
        for name in ("package.json", "ape-config.yaml"):
            shutil.copy(SOURCE_ROOT / name, tmp_path / name)
        return tmp_path

    def test_of_a_copy_is_the_same(self, copy):
        assert source_digest(copy) == source_digest()

    @pytest.mark.parametrize(
        ("path", "old", "new"),
        [
            ("contracts/StemRegistry.sol", "MAX_SLOTS = 16", "MAX_SLOTS = 17"),
            ("contracts/libraries/Cid.sol", "SYMBOLS = 58", "SYMBOLS = 59"),
            ("package.json", '"solc": "', '"solc": "1'),
            ("package.json", '"@openzeppelin/contracts": "', '"@openzeppelin/contracts": "1'),
            ("ape-config.yaml", "evm_version: cancun\n", "evm_version: prague\n"),
        ],
    )
    def test_changes_with_what_decides_the_code(self, copy, path, old, new):
        content = (copy / path).read_text("utf-8")
        assert old in content
        (copy / path).write_text(content.replace(old, new, 1), "utf-8")
        assert source_digest(copy) != source_digest()

    def test_changes_with_a_new_or_moved_source(self, copy):
        (copy / "contracts" / "StemRegistry.sol").rename(copy / "contracts" / "Registry.sol")
        assert source_digest(copy) != source_digest()

    def test_ignores_what_does_not(self, copy):
        (copy / "contracts" / "dev" / "ContractWallet.sol").unlink()
        content = (copy / "ape-config.yaml").read_text("utf-8")
        (copy / "ape-config.yaml").write_text(content.replace("number_of_accounts: 10", "number_of_accounts: 9"))
        package = json.loads((copy / "package.json").read_text("utf-8"))
        package["dependencies"]["@foundry-rs/anvil"] = "9.9.9"
        (copy / "package.json").write_text(json.dumps(package), "utf-8")
        assert source_digest(copy) == source_digest()


class TestLoad:
    def test_missing(self, tmp_path):
        with pytest.raises(DeploymentMissing, match="ape run deploy"):
            load_deployment(tmp_path, 31337)

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"chainId": 31337}', "\x00"])
    def test_not_a_deployment(self, tmp_path, content):
        deployment_file(tmp_path, 31337).write_text(content, "utf-8")
        with pytest.raises(DeploymentMissing, match="not a deployments file"):
            load_deployment(tmp_path, 31337)

    def test_of_another_chain(self, deployed, tmp_path):
        shutil.copy(deployment_file(deployed.deployments_dir, 31337), deployment_file(tmp_path, 1))
        with pytest.raises(DeploymentMissing, match="chain 1"):
            load_deployment(tmp_path, 1)

    def test_signing_domain(self, deployment):
        assert deployment.signing_domain.as_typed() == {
            "name": "StemRegistry",
            "version": "1",
            "chainId": 31337,
            "verifyingContract": deployment.registry.address,
        }


class TestDeploymentWhenThere:
    @pytest.mark.anyio
    async def test_waits_until_the_contracts_are_deployed(self, deployed, deployment, tmp_path):
        empty = tmp_path / "empty"
        empty.mkdir()
        waiting = asyncio.create_task(deployment_when_there(empty, deployment.chain_id))
        await asyncio.sleep(0.2)
        assert not waiting.done()

        shutil.copy(deployment_file(deployed.deployments_dir, deployment.chain_id), empty)

        assert await asyncio.wait_for(waiting, 5) == deployment
