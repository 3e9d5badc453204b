"""What services read of the contracts is what the compiler makes of them."""

import json

import pytest
from eth_utils import keccak

from scripts.bindings import ABI_FOLDER, bindings
from stemma.chain.abi import CONTRACTS

ERC_721 = {
    "Transfer(address,address,uint256)": 3,
    "Approval(address,address,uint256)": 3,
    "ApprovalForAll(address,address,bool)": 2,
}

EVENTS = {
    "Roles": {
        "RoleGranted(bytes32,address,address)": 3,
        "RoleRevoked(bytes32,address,address)": 3,
        "RoleAdminChanged(bytes32,bytes32,bytes32)": 3,
        "CallScheduled(bytes32,uint256,address,uint256,bytes,bytes32,uint256)": 2,
        "CallExecuted(bytes32,uint256,address,uint256,bytes)": 2,
        "CallSalt(bytes32,bytes32)": 1,
        "Cancelled(bytes32)": 1,
        "MinDelayChange(uint256,uint256)": 0,
    },
    "StemRegistry": {
        "RecordingRegistered(uint224,address,address,bytes32,bytes32,uint8,uint32)": 3,
        "ParentFixed(uint224,uint224,uint256,uint32)": 3,
        "RoyaltyEntry(uint224,uint224,uint32)": 2,
        "RoyaltyTableFixed(uint224,bytes32,uint32,uint8)": 1,
        "SeparationCommitted(uint224,address,uint32,bytes32,bytes32,bytes32,bytes32,uint8,bytes32)": 2,
        "StemCommitted(uint224,uint32,bytes32,bytes32,uint8)": 1,
        "CommitmentMade(bytes32)": 1,
        "BatchAnchored(bytes32,address,uint32,bytes32,uint8)": 2,
        "BatchLeafMaterialized(bytes32,uint224)": 2,
        "EIP712DomainChanged()": 0,
    },
    "IPNFT": {
        **ERC_721,
        "TitleMinted(uint224,address,address,uint32,bytes32)": 3,
        "VersionAdopted(uint224,address,uint32,bytes32)": 2,
        "PayoutSet(address,address)": 1,
        "MetadataUpdate(uint256)": 0,
        "BatchMetadataUpdate(uint256,uint256)": 0,
        "EIP712DomainChanged()": 0,
    },
    "RoyaltySplitter": {
        "SlotFixed(uint224,address,uint8,uint32)": 2,
        "SlotReassigned(uint224,address,address,uint8)": 3,
        "Paid(uint224,address,address,uint256,uint256,bytes32)": 3,
        "Claimed(uint224,uint224,address,uint256,uint256,uint256)": 3,
        "Settled(uint224,address,uint256,uint256,uint256)": 2,
        "Withdrawn(uint224,address,address,uint8,uint256,uint256)": 3,
        "NonceUsed(address,uint256)": 1,
        "FeeCredited(address,uint224,uint256,uint256)": 2,
        "FeesWithdrawn(address,address,uint256,uint256)": 2,
        "FeeRecipientChanged(address)": 1,
        "TokenAccepted(address)": 1,
        "TokenStopped(address)": 1,
        "ReceiverCreated(uint224,address)": 2,
        "EIP712DomainChanged()": 0,
    },
    "Licenses": {
        **ERC_721,
        "LicenseGranted(uint256,uint224,address,bytes32,uint8,uint8,uint32,uint64,uint32,bool)": 3,
        "LicenseConsumed(uint256,uint224,uint224)": 3,
    },
    "LicenseManager": {
        "TermsPublished(bytes32,uint8,address,bool,bool,bool,bool,uint16,uint32,uint32,uint64,bytes32)": 3,
        "TermsAttached(uint224,bytes32,address,uint256,uint128)": 3,
        "TermsDetached(uint224,bytes32,address)": 3,
        "SignerDelegated(address,address,uint224,bytes32,uint256,uint128,uint64)": 3,
        "DelegationRevoked(address,address,uint224,bytes32,uint256)": 3,
        "OfferUsed(address,uint256,bytes32,uint256,uint32)": 2,
        "OfferCancelled(address,uint256)": 1,
        "SellerEpochRaised(address,uint256)": 1,
        "LicenseSold(uint256,uint224,address,address,bytes32,uint256,uint256,uint32)": 3,
        "ExclusivityGranted(uint224,uint8,uint224,uint8,uint32)": 3,
        "FeeChanged(uint32)": 0,
        "EIP712DomainChanged()": 0,
    },
    "SessionVault": {
        "Deposited(address,address,address,uint256,uint256)": 3,
        "VaultWithdrawn(address,address,address,uint256,uint256)": 3,
        "SessionOpened(bytes32,address,address,address,uint128,uint128,uint128,uint64,uint8,uint64,uint256)": 3,
        "SessionClosed(bytes32,address,uint256)": 2,
        "SessionPurchased(bytes32,uint256,uint224,uint256,uint256,uint64,uint256,uint256)": 3,
        "EIP712DomainChanged()": 0,
    },
    "Disputes": {
        "Flagged(uint224,address,uint64,uint8,bytes32)": 2,
        "FlagLifted(uint224,address,uint64,uint8)": 2,
    },
}


def test_committed_files_are_current():
    files = bindings()
    stale = [name for name, content in files.items() if (ABI_FOLDER / name).read_text("utf-8") != content]
    assert stale == [], "run `ape run bindings`"
    assert {f"{name}.json" for name in CONTRACTS} < set(files)


def events_of(contract: str) -> list[dict]:
    abi = json.loads((ABI_FOLDER / f"{contract}.json").read_text("utf-8"))
    return [entry for entry in abi if entry["type"] == "event"]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_events_keep_their_layout(contract):
    """Indexers depend on the signature and on which arguments are topics."""
    layout = {
        f"{entry['name']}({','.join(argument['type'] for argument in entry['inputs'])})": sum(
            argument["indexed"] for argument in entry["inputs"]
        )
        for entry in events_of(contract)
    }
    assert layout == EVENTS[contract]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_events_are_of_fixed_size(contract):
    """But for the timelock's: it says what it will call."""
    of_the_timelock = {"CallScheduled", "CallExecuted"} if contract == "Roles" else set()
    dynamic = {
        entry["name"]
        for entry in events_of(contract)
        if any(argument["type"] in ("bytes", "string") or "[" in argument["type"] for argument in entry["inputs"])
    }
    assert dynamic == of_the_timelock


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


def test_calldata_of_a_remix(registry, commit):
    from stemma.chain.calls import register_and_commit
    from stemma.chain.royalties import Entry, RoyaltyTable

    tables = [RoyaltyTable((Entry(256, 5), Entry(513, 7))), RoyaltyTable()]
    ours = register_and_commit(
        registration=commit.registration,
        creator_signature=commit.sign_registration(),
        stems=commit.stems,
        separation=commit.separation,
        attestation_deadline=commit.attestation_deadline,
        attestor_signature=commit.sign_attestation(),
        tables=tables,
    )
    before, after = commit.arguments[:2], commit.arguments[3:]
    assert ours == registry.registerAndCommit.encode_input(*before, [table.words for table in tables], *after)
