"""Checking an account's signature, in the one form that the services ask for."""

from collections.abc import Awaitable, Callable

from eth_utils.address import to_checksum_address

from stemma.chain import signatures
from stemma.chain.rpc import JsonRpc

SignatureCheck = Callable[[bytes, bytes, bytes], Awaitable[bool]]
"""(address, digest, signature) -> whether the account signed; covers EOAs and contracts, deployed or not."""

_PARITIES = (0, 1)


def signature_check(rpc: JsonRpc) -> SignatureCheck:
    """Return the check that asks this node about accounts which are contracts.

    The check raises stemma.chain.errors.RpcUnreachable when a node is needed and none answers.
    """

    async def is_signed_by(address: bytes, digest: bytes, signature: bytes) -> bool:
        return await signatures.verify(to_checksum_address(address), digest, normalized(signature), rpc)

    return is_signed_by


def normalized(signature: bytes) -> bytes:
    """Return a signature with v as 27 or 28; some wallets give the bare parity, which contracts refuse."""
    if len(signature) == 65 and signature[64] in _PARITIES:
        return signature[:64] + bytes([signature[64] + 27])
    return signature
