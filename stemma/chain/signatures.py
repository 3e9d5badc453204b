"""Is this an account's signature? ECDSA, ERC-1271, and ERC-6492 for accounts that are not deployed yet."""

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.exceptions import ValidationError

from stemma.chain.abi import validator_creation_code
from stemma.chain.errors import RpcRefused
from stemma.chain.rpc import JsonRpc

ERC6492_SUFFIX = bytes.fromhex("6492" * 16)
# Nodes that limit calls only by gas can be asked for much; more than this is no signature of any known account.
MAX_SIGNATURE_BYTES = 16_384
_REVERTED = 3
# Some wallets take a call from the zero address, the default, for a simulation and skip their own checks.
_CALLER = to_checksum_address(keccak(b"stemma signature check")[-20:])
_SECP256K1_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


async def verify(address: str, digest: bytes, signature: bytes, rpc: JsonRpc) -> bool:
    """Whether ``address`` signed ``digest`` (32 bytes): contracts/libraries/Signatures.sol's rules, and ERC-6492's.

    A key's own signature needs no node. Everything else is decided by an ``eth_call`` without ``to`` that runs
    contracts/UniversalSignatureValidator.sol: https://eips.ethereum.org/EIPS/eip-6492

    Raises:
        RpcUnreachable: no node answered, so it is not known.
        RpcRefused: the node would not run the check, so it is not known.
    """
    if recovers_to(address, digest, signature):
        return True
    if len(signature) > MAX_SIGNATURE_BYTES or not _unwraps(signature):
        return False
    arguments = encode(["address", "bytes32", "bytes"], [address, digest, signature])
    call = {"from": _CALLER, "data": "0x" + (validator_creation_code() + arguments).hex()}
    try:
        verdict = await rpc.call("eth_call", call, "latest")
    except RpcRefused as refusal:
        if refusal.number == _REVERTED:
            return False
        raise
    return bool(verdict == "0x01")


def recovers_to(address: str, digest: bytes, signature: bytes) -> bool:
    """Whether this is the canonical 65 byte ECDSA signature (low s, v 27 or 28) of the address's own key."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        return False
    if int.from_bytes(signature[32:64], "big") > _SECP256K1_HALF_ORDER:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    try:
        key = Signature(vrs=(signature[64] - 27, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        return False
    return bool(key.to_canonical_address() == to_canonical_address(address))


def _unwraps(signature: bytes) -> bool:
    if not signature.endswith(ERC6492_SUFFIX):
        return True
    try:
        decode(["address", "bytes", "bytes"], signature[:-32])
    except (DecodingError, OverflowError):  # the latter when a length says more than any memory holds
        return False
    return True
