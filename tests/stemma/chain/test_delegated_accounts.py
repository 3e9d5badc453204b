"""EIP-7702 accounts have code and still sign with their key: signatures are tried as ECDSA first."""

import pytest
from eth_account import Account

from stemma.chain.calls import register_and_commit
from stemma.chain.deployments import load_deployment
from stemma.chain.intents import (
    Registration,
    Separation,
    Stem,
    attestation_typed_data,
    registration_typed_data,
    sign_typed_data,
)
from stemma.chain.merkle import stems_root
from stemma.chain.rpc import JsonRpc
from stemma.chain.signatures import verify
from stemma.cid import RAW

pytestmark = pytest.mark.anyio

CREATOR_KEY = "0x" + "0c" * 32
ATTESTOR_KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"  # anvil's third, published
REFUSES_EVERYTHING = "0x5f5ffd"  # PUSH0 PUSH0 REVERT


@pytest.fixture
def creator() -> str:
    return str(Account.from_key(CREATOR_KEY).address)


async def test_verified_off_chain(deployed, creator):
    deployed.node.rpc("anvil_setCode", creator, REFUSES_EVERYTHING)
    signature = bytes(Account.unsafe_sign_hash(b"\x07" * 32, CREATOR_KEY).signature)
    async with JsonRpc(deployed.node.url) as rpc:
        assert await verify(creator, b"\x07" * 32, signature, rpc)
        assert not await verify(creator, b"\x08" * 32, signature, rpc)


async def test_registers(deployed, creator):
    deployment = load_deployment(deployed.deployments_dir, deployed.node.chain_id)
    registration = Registration(creator, b"\x01" * 32, b"\x02" * 32, RAW, 0, deadline=2**63)
    stems = [Stem(bytes([number]) * 32, bytes(32), RAW) for number in range(6)]
    root = stems_root(registration.recording_id, stems)
    separation = Separation(root, bytes(32), bytes(32), bytes(32), RAW, bytes(32))
    domain = deployment.signing_domain
    attested = attestation_typed_data(creator, registration.content_hash, separation, 2**63, domain)
    calldata = register_and_commit(
        registration=registration,
        creator_signature=sign_typed_data(CREATOR_KEY, registration_typed_data(registration, domain)),
        stems=stems,
        separation=separation,
        attestation_deadline=2**63,
        attestor_signature=sign_typed_data(ATTESTOR_KEY, attested),
    )
    deployed.node.rpc("anvil_setCode", creator, REFUSES_EVERYTHING)
    async with JsonRpc(deployed.node.url) as rpc:
        transaction = {"to": deployment.registry.address, "data": "0x" + calldata.hex()}
        returned = await rpc.call("eth_call", transaction, "latest")
    assert int(returned, 16) == registration.recording_id
