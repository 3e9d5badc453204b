"""What a payer signs for its token (EIP-712): EIP-3009 authorizations and ERC-2612 permits.

https://eips.ethereum.org/EIPS/eip-3009 and https://eips.ethereum.org/EIPS/eip-2612. Of authorizations the house uses
the form of FiatToken 2.2 (USDC), by which contract accounts can sign too.
"""

from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from stemma.chain.intents import EIP712_DOMAIN_TYPE, TypedData, hex_word

_RECEIVE_TYPE = [
    {"name": "from", "type": "address"},
    {"name": "to", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "validAfter", "type": "uint256"},
    {"name": "validBefore", "type": "uint256"},
    {"name": "nonce", "type": "bytes32"},
]
_PERMIT_TYPE = [
    {"name": "owner", "type": "address"},
    {"name": "spender", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "nonce", "type": "uint256"},
    {"name": "deadline", "type": "uint256"},
]


@dataclass(frozen=True, slots=True)
class TokenDomain:
    """A token's own EIP-712 domain; ``name`` and ``version`` are what the token says, such as "USD Coin" and "2"."""

    name: str
    version: str
    chain_id: int
    token: str

    def as_typed(self) -> dict[str, Any]:
        """The EIP-712 domain."""
        return {
            "name": self.name,
            "version": self.version,
            "chainId": self.chain_id,
            "verifyingContract": to_checksum_address(self.token),
        }


@dataclass(frozen=True, slots=True)
class Authorization:
    """Money that only ``payee`` can fetch, once: ``value`` base units, at times above ``valid_after`` and below
    ``valid_before``. ``nonce`` (32 bytes) says what for: a purchase's hash, or a session's id."""

    payer: str
    payee: str
    value: int
    valid_after: int
    valid_before: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Permit:
    """An allowance of ``value`` base units; ``nonce`` is the token's for the owner, ``deadline`` the last second."""

    owner: str
    spender: str
    value: int
    nonce: int
    deadline: int


def authorization_typed_data(authorization: Authorization, domain: TokenDomain) -> TypedData:
    """The typed data (ReceiveWithAuthorization) that the payer signs.

    Raises:
        ValueError: the nonce has not 32 bytes, or an address is none.
    """
    return {
        "types": {"EIP712Domain": EIP712_DOMAIN_TYPE, "ReceiveWithAuthorization": _RECEIVE_TYPE},
        "primaryType": "ReceiveWithAuthorization",
        "domain": domain.as_typed(),
        "message": {
            "from": to_checksum_address(authorization.payer),
            "to": to_checksum_address(authorization.payee),
            "value": str(authorization.value),
            "validAfter": str(authorization.valid_after),
            "validBefore": str(authorization.valid_before),
            "nonce": hex_word(authorization.nonce),
        },
    }


def permit_typed_data(permit: Permit, domain: TokenDomain) -> TypedData:
    """The typed data that the owner signs.

    Raises:
        ValueError: an address is none.
    """
    return {
        "types": {"EIP712Domain": EIP712_DOMAIN_TYPE, "Permit": _PERMIT_TYPE},
        "primaryType": "Permit",
        "domain": domain.as_typed(),
        "message": {
            "owner": to_checksum_address(permit.owner),
            "spender": to_checksum_address(permit.spender),
            "value": str(permit.value),
            "nonce": str(permit.nonce),
            "deadline": str(permit.deadline),
        },
    }
