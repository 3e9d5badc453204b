"""What only a node can show of stemma.chain.signatures; accounts of every sort are tested in tests/contracts."""

import pytest
from eth_abi.abi import encode

from stemma.chain.errors import RpcUnreachable
from stemma.chain.rpc import JsonRpc
from stemma.chain.signatures import ERC6492_SUFFIX, verify

pytestmark = pytest.mark.anyio

ACCOUNT = "0x" + "ac" * 20
DIGEST = b"\x07" * 32
# Returns PUSH4 isValidSignature.selector << 224, times a condition.
MAGIC = "631626ba7e60e01b"
WHEN_SIMULATED = f"0x3215{MAGIC}025f5260205ff3"  # ORIGIN ISZERO ... MUL PUSH0 MSTORE, RETURN 32 bytes
WHEN_EMPTY = f"0x60443515{MAGIC}025f5260205ff3"  # the signature's length, CALLDATALOAD(0x44), ISZERO ...


async def test_wallet_that_trusts_simulations(anvil):
    """Wallets exist that skip their checks when the transaction's origin is the zero address, as it is by default."""
    anvil.rpc("anvil_setCode", ACCOUNT, WHEN_SIMULATED)
    async with JsonRpc(anvil.url) as rpc:
        assert not await verify(ACCOUNT, DIGEST, b"\x01" * 65, rpc)
        wrapped = encode(["address", "bytes", "bytes"], [ACCOUNT, b"", b"\x01" * 65]) + ERC6492_SUFFIX
        assert not await verify(ACCOUNT, DIGEST, wrapped, rpc)


async def test_empty_signature_of_a_contract(anvil):
    """Some wallets keep what was signed on chain and take an empty signature; the registry takes it as well."""
    anvil.rpc("anvil_setCode", ACCOUNT, WHEN_EMPTY)
    async with JsonRpc(anvil.url) as rpc:
        assert await verify(ACCOUNT, DIGEST, b"", rpc)
        assert not await verify(ACCOUNT, DIGEST, b"\x01", rpc)
        assert not await verify("0x" + "ee" * 20, DIGEST, b"", rpc)


async def test_unknown_without_a_node():
    async with JsonRpc("http://127.0.0.1:1") as rpc:
        with pytest.raises(RpcUnreachable):
            await verify(ACCOUNT, DIGEST, b"\x01" * 65, rpc)
