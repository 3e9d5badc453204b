"""The standard-json inputs that a deployment leaves let anyone verify the sources."""

import json
import subprocess
from pathlib import Path

import pytest

from stemma.chain.deployments import load_deployment


@pytest.mark.parametrize("name", ["StemRegistry", "IPNFT"])
def test_standard_json_gives_the_deployed_code(deployed, solc, name):
    """What an explorer does: compile the input, append the constructor's arguments, compare."""
    contract = load_deployment(deployed.deployments_dir, deployed.node.chain_id).contracts[name]
    inputs: Path = deployed.deployments_dir / "inputs"
    compiler_input = json.loads((inputs / contract.standard_json_input).read_text("utf-8"))
    path, contract_name = contract.source_name.split(":")
    # Which outputs are asked for changes nothing in them, only how long it takes.
    compiler_input["settings"]["outputSelection"] = {path: {contract_name: ["evm.bytecode.object"]}}
    done = subprocess.run(
        [solc, "--standard-json"], input=json.dumps(compiler_input), capture_output=True, text=True, check=True
    )
    code = json.loads(done.stdout)["contracts"][path][contract_name]["evm"]["bytecode"]["object"]
    sent = deployed.node.rpc("eth_getTransactionByHash", contract.tx_hash)["input"]
    assert code + contract.constructor_arguments[2:] in sent
    assert contract.compiler == "v0.8.37+commit.f401782d"
