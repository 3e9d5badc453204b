"""What services read of the contracts is what the compiler makes of them."""

import json

import pytest
from eth_utils import keccak

from scripts.bindings import ABI_FOLDER, bindings

EVENTS = {
    "StemRegistry": {
        "RecordingRegistered(uint224,address,address,bytes32,bytes32,uint8,uint32)": 3,
        "SlotFixed(uint224,address,uint8,uint32)": 2,
        "SeparationCommitted(uint224,address,uint32,bytes32,bytes32,bytes32,bytes32,uint8,bytes32)": 2,
        "StemCommitted(uint224,uint32,bytes32,bytes32,uint8)": 1,
        "AttestorGranted(address)": 1,
        "AttestorRevoked(address)": 1,
        "EIP712DomainChanged()": 0,
    },
    "IPNFT": {
        "Transfer(address,address,uint256)": 3,
        "Approval(address,address,uint256)": 3,
        "ApprovalForAll(address,address,bool)": 2,
        "TitleMinted(uint224,address,address)": 3,
        "PayoutSet(address,address)": 1,
    },
}


@pytest.mark.parametrize("name", ["StemRegistry.json", "IPNFT.json", "UniversalSignatureValidator.creation.hex"])
def test_committed_file_is_current(name):
    assert (ABI_FOLDER / name).read_text("utf-8") == bindings()[name], "stale: run `ape run bindings`"


@pytest.mark.parametrize("contract", EVENTS)
def test_events_keep_their_layout(contract):
    """Indexers depend on the signature and on which arguments are topics."""
    abi = json.loads((ABI_FOLDER / f"{contract}.json").read_text("utf-8"))
    layout = {
        f"{entry['name']}({','.join(argument['type'] for argument in entry['inputs'])})": sum(
            argument["indexed"] for argument in entry["inputs"]
        )
        for entry in abi
        if entry["type"] == "event"
    }
    assert layout == EVENTS[contract]


@pytest.mark.parametrize("contract", EVENTS)
def test_events_are_of_fixed_size(contract):
    abi = json.loads((ABI_FOLDER / f"{contract}.json").read_text("utf-8"))
    types = {argument["type"] for entry in abi if entry["type"] == "event" for argument in entry["inputs"]}
    assert types <= {"address", "bool", "bytes32", "uint8", "uint32", "uint224", "uint256"}


def test_calldata_selector(registry):
    from stemma.chain.calls import REGISTER_AND_COMMIT_SELECTOR

    assert keccak(text=registry.registerAndCommit.abis[0].selector)[:4] == REGISTER_AND_COMMIT_SELECTOR


def test_calldata(registry, commit):
    from stemma.chain.calls import register_and_commit

    ours = register_and_commit(
        registration=commit.registration,
        creator_signature=commit.sign_registration(),
        stems=commit.stems,
        separation=commit.separation,
        attestation_deadline=commit.attestation_deadline,
        attestor_signature=commit.sign_attestation(),
    )
    assert ours == registry.registerAndCommit.encode_input(*commit.arguments)
