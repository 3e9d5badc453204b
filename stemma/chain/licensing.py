"""Terms, offers, purchases and orders: what sellers and buyers of licenses sign, and the ids that follow from it.

Equal to contracts/libraries/LicenseMessages.sol. A purchase's digest is the id of the license that it buys, and the
nonce of an EIP-3009 authorization that pays for it. Typed data is what a wallet's ``eth_signTypedData_v4`` takes, see
``stemma.chain.intents``. Fields are in the order of the contract's structs, so that ``astuple`` is calldata.
"""

from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from stemma.chain.intents import EIP712_DOMAIN_TYPE, TypedData, eip712_domain, hex_word, typed_data_digest
from stemma.works import WorkId

ZERO_ADDRESS = "0x" + "00" * 20
NATIVE = ZERO_ADDRESS
WORLD = 1
MAX_OFFER_SECONDS = 30 * 86_400
MAX_EXCLUSIVE_SECONDS = 365 * 86_400
MAX_TERMS_SECONDS = 100 * 365 * 86_400
MAX_REMIX_PPM = 800_000
MAX_FEE_PPM = 50_000

_TERMS_TYPE = (
    "Terms(uint8 kind,address token,bool transferable,bool exclusive,bool commercialUse,bool attribution,"
    "uint16 territory,uint32 maxGrants,uint32 remixPpm,uint64 duration,bytes32 legalDigest)"
)
_OFFER_TYPE = [
    {"name": "seller", "type": "address"},
    {"name": "sellerEpoch", "type": "uint256"},
    {"name": "work", "type": "uint224"},
    {"name": "titleEpoch", "type": "uint256"},
    {"name": "termsId", "type": "bytes32"},
    {"name": "price", "type": "uint128"},
    {"name": "validFrom", "type": "uint64"},
    {"name": "validUntil", "type": "uint64"},
    {"name": "maxFeePpm", "type": "uint32"},
    {"name": "licensee", "type": "address"},
    {"name": "nonce", "type": "uint256"},
    {"name": "uses", "type": "uint32"},
]
PURCHASE_TYPE = [
    {"name": "work", "type": "uint224"},
    {"name": "basis", "type": "bytes32"},
    {"name": "licensee", "type": "address"},
    {"name": "coverage", "type": "uint8"},
    {"name": "version", "type": "uint32"},
    {"name": "salt", "type": "uint256"},
]
_ORDER_TYPE = [
    {"name": "payer", "type": "address"},
    {"name": "purchase", "type": "Purchase"},
    {"name": "maxPrice", "type": "uint128"},
    {"name": "deadline", "type": "uint64"},
]


class LicenseKind(IntEnum):
    """What a license is for; ILicenses.Kind."""

    STREAM = 0
    PERSONAL = 1
    REMIX = 2
    SYNC = 3
    COMMERCIAL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Conditions, named by the hash of their content.

    ``token`` is what licenses are paid in (``NATIVE`` for the chain's coin); ``duration`` in seconds, 0 for ever;
    ``max_grants`` per work, 0 without limit; ``remix_ppm`` the work's share of a remix' revenue, of REMIX terms only;
    ``territory`` a UN M.49 code, 1 the world; ``legal_digest`` the SHA-256 of the legal text.
    """

    kind: LicenseKind
    token: str
    transferable: bool = False
    exclusive: bool = False
    commercial_use: bool = False
    attribution: bool = True
    territory: int = WORLD
    max_grants: int = 0
    remix_ppm: int = 0
    duration: int = 0
    legal_digest: bytes

    @property
    def id(self) -> bytes:
        """The terms' name, 32 bytes: the same on every chain.

        Raises:
            ValueError: the legal digest has not 32 bytes.
        """
        hex_word(self.legal_digest)
        types = ("bytes32", "uint8", "address", *("bool",) * 4, "uint16", "uint32", "uint32", "uint64", "bytes32")
        return keccak(encode(types, (keccak(_TERMS_TYPE.encode()), *astuple(self))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a negotiation ends in: one work under terms at a price until a time.

    ``seller_epoch`` and ``title_epoch`` are the chain's when it is signed; ``valid_until`` is the last second, at most
    ``MAX_OFFER_SECONDS`` after ``valid_from``; ``licensee`` may be anyone when it is ``ZERO_ADDRESS``; ``uses`` counts
    per seller and nonce.
    """

    seller: str
    seller_epoch: int
    work: WorkId
    title_epoch: int
    terms_id: bytes
    price: int
    valid_from: int
    valid_until: int
    max_fee_ppm: int = MAX_FEE_PPM
    licensee: str = ZERO_ADDRESS
    nonce: int
    uses: int = 1


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a buyer wants.

    ``basis`` is the id of terms (to buy at the attached price) or an offer's digest; ``coverage`` (bit k for kind k)
    and ``version`` are the least that the license must have.
    """

    work: WorkId
    basis: bytes
    licensee: str
    coverage: int = 0
    version: int = 0
    salt: int = 0

    def as_typed(self) -> dict[str, Any]:
        """The message of typed data.

        Raises:
            ValueError: the basis has not 32 bytes, or the licensee is no address.
        """
        return {
            "work": str(self.work),
            "basis": hex_word(self.basis),
            "licensee": to_checksum_address(self.licensee),
            "coverage": self.coverage,
            "version": self.version,
            "salt": str(self.salt),
        }


@dataclass(frozen=True, slots=True)
class Order:
    """A buyer's order that anyone may send: ``payer`` pays at most ``max_price`` until the last second ``deadline``."""

    payer: str
    purchase: Purchase
    max_price: int
    deadline: int


def offer_typed_data(offer: Offer, *, chain_id: int, manager: str) -> TypedData:
    """The typed data that a seller, or the signer to whom it delegated, signs; ``manager`` is LicenseManager's address.

    Raises:
        ValueError: the terms' id has not 32 bytes, or an address is none.
    """
    return {
        "types": {"EIP712Domain": EIP712_DOMAIN_TYPE, "Offer": _OFFER_TYPE},
        "primaryType": "Offer",
        "domain": _domain(chain_id, manager),
        "message": {
            "seller": to_checksum_address(offer.seller),
            "sellerEpoch": str(offer.seller_epoch),
            "work": str(offer.work),
            "titleEpoch": str(offer.title_epoch),
            "termsId": hex_word(offer.terms_id),
            "price": str(offer.price),
            "validFrom": offer.valid_from,
            "validUntil": offer.valid_until,
            "maxFeePpm": offer.max_fee_ppm,
            "licensee": to_checksum_address(offer.licensee),
            "nonce": str(offer.nonce),
            "uses": offer.uses,
        },
    }


def offer_digest(offer: Offer, *, chain_id: int, manager: str) -> bytes:
    """The 32 bytes that are signed, and the basis of a purchase by this offer."""
    return typed_data_digest(offer_typed_data(offer, chain_id=chain_id, manager=manager))


def purchase_hash(purchase: Purchase, *, chain_id: int, manager: str) -> bytes:
    """The 32 bytes that name a purchase: the nonce of an authorization that pays for it."""
    typed_data: TypedData = {
        "types": {"EIP712Domain": EIP712_DOMAIN_TYPE, "Purchase": PURCHASE_TYPE},
        "primaryType": "Purchase",
        "domain": _domain(chain_id, manager),
        "message": purchase.as_typed(),
    }
    return typed_data_digest(typed_data)


def license_id(purchase: Purchase, *, chain_id: int, manager: str) -> int:
    """The id of the license that a purchase buys: its hash as a number."""
    return int.from_bytes(purchase_hash(purchase, chain_id=chain_id, manager=manager), "big")


def order_typed_data(order: Order, *, chain_id: int, manager: str) -> TypedData:
    """The typed data that a buyer signs.

    Raises:
        ValueError: the purchase's basis has not 32 bytes, or an address is none.
    """
    return {
        "types": {"EIP712Domain": EIP712_DOMAIN_TYPE, "Order": _ORDER_TYPE, "Purchase": PURCHASE_TYPE},
        "primaryType": "Order",
        "domain": _domain(chain_id, manager),
        "message": {
            "payer": to_checksum_address(order.payer),
            "purchase": order.purchase.as_typed(),
            "maxPrice": str(order.max_price),
            "deadline": order.deadline,
        },
    }


def order_digest(order: Order, *, chain_id: int, manager: str) -> bytes:
    """The 32 bytes that the buyer signs."""
    return typed_data_digest(order_typed_data(order, chain_id=chain_id, manager=manager))


def _domain(chain_id: int, manager: str) -> dict[str, Any]:
    return eip712_domain("LicenseManager", chain_id, manager)
