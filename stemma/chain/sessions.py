"""Sessions and their agents' orders (EIP-712), equal to contracts/libraries/SessionMessages.sol.

A session's digest is its id, and the nonce of an EIP-3009 authorization that deposits for it and opens it at once.
Fields are in the order of the contract's structs, so that ``astuple`` is calldata.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from stemma.chain.intents import EIP712_DOMAIN_TYPE, TypedData, eip712_domain, hex_word, typed_data_digest
from stemma.chain.licensing import PURCHASE_TYPE, LicenseKind, Purchase

_SESSION_TYPE = [
    {"name": "owner", "type": "address"},
    {"name": "agent", "type": "address"},
    {"name": "token", "type": "address"},
    {"name": "cap", "type": "uint128"},
    {"name": "perLicenseCap", "type": "uint128"},
    {"name": "perPeriodCap", "type": "uint128"},
    {"name": "period", "type": "uint64"},
    {"name": "kinds", "type": "uint8"},
    {"name": "expiry", "type": "uint64"},
    {"name": "salt", "type": "uint256"},
]
_AGENT_ORDER_TYPE = [
    {"name": "sessionId", "type": "bytes32"},
    {"name": "purchase", "type": "Purchase"},
    {"name": "maxPrice", "type": "uint128"},
    {"name": "deadline", "type": "uint64"},
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What an owner allows an agent. Caps are gross prices in base units of ``token``.

    ``period`` is the length of a window in seconds; without windows it is 0, and ``per_period_cap`` too. ``kinds`` is
    what ``kinds_mask`` makes; ``expiry`` is the last second.
    """

    owner: str
    agent: str
    token: str
    cap: int
    per_license_cap: int
    per_period_cap: int = 0
    period: int = 0
    kinds: int
    expiry: int
    salt: int = 0


@dataclass(frozen=True, slots=True)
class AgentOrder:
    """An agent's order that anyone may send: to pay at most ``max_price``; ``deadline`` is the last second."""

    session_id: bytes
    purchase: Purchase
    max_price: int
    deadline: int


def kinds_mask(kinds: Iterable[LicenseKind]) -> int:
    """The bits of the kinds of licenses that a session may buy."""
    return sum(1 << kind for kind in set(kinds))


def session_typed_data(session: Session, *, chain_id: int, vault: str) -> TypedData:
    """The typed data by which an owner opens a session; ``vault`` is SessionVault's address.

    Raises:
        ValueError: an address is none.
    """
    return {
        "types": {"EIP712Domain": EIP712_DOMAIN_TYPE, "Session": _SESSION_TYPE},
        "primaryType": "Session",
        "domain": _domain(chain_id, vault),
        "message": {
            "owner": to_checksum_address(session.owner),
            "agent": to_checksum_address(session.agent),
            "token": to_checksum_address(session.token),
            "cap": str(session.cap),
            "perLicenseCap": str(session.per_license_cap),
            "perPeriodCap": str(session.per_period_cap),
            "period": str(session.period),
            "kinds": session.kinds,
            "expiry": session.expiry,
            "salt": str(session.salt),
        },
    }


def session_id(session: Session, *, chain_id: int, vault: str) -> bytes:
    """The session's name, 32 bytes, which is what its owner signs."""
    return typed_data_digest(session_typed_data(session, chain_id=chain_id, vault=vault))


def agent_order_typed_data(order: AgentOrder, *, chain_id: int, vault: str) -> TypedData:
    """The typed data that an agent signs.

    Raises:
        ValueError: the session's id or the purchase's basis has not 32 bytes, or an address is none.
    """
    return {
        "types": {"EIP712Domain": EIP712_DOMAIN_TYPE, "AgentOrder": _AGENT_ORDER_TYPE, "Purchase": PURCHASE_TYPE},
        "primaryType": "AgentOrder",
        "domain": _domain(chain_id, vault),
        "message": {
            "sessionId": hex_word(order.session_id),
            "purchase": order.purchase.as_typed(),
            "maxPrice": str(order.max_price),
            "deadline": order.deadline,
        },
    }


def agent_order_digest(order: AgentOrder, *, chain_id: int, vault: str) -> bytes:
    """The 32 bytes that the agent signs."""
    return typed_data_digest(agent_order_typed_data(order, chain_id=chain_id, vault=vault))


def _domain(chain_id: int, vault: str) -> dict[str, Any]:
    return eip712_domain("SessionVault", chain_id, vault)
