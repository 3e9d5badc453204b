"""The structs that travel, member by member as the interfaces have them, and what is signed of them (EIP-712)."""

from __future__ import annotations

from typing import NamedTuple

from tests.contract_machines.abi import keccak
from tests.contract_machines.reference.words import hash_words, keccak_int, node, word

_SEPARATION = (
    "Separation(uint32 version,bytes32 stemsRoot,bytes32 model,bytes32 weightsHash,bytes32 manifestDigest,"
    "uint8 manifestCodec,bytes32 metadataDigest)"
)
_PURCHASE = "Purchase(uint224 work,bytes32 basis,address licensee,uint8 coverage,uint32 version,uint256 salt)"
_SHARE = "Share(address account,uint32 ppm)"
_PARENT = "Parent(uint224 work,uint256 license)"


class Share(NamedTuple):
    account: int
    ppm: int


class Parent(NamedTuple):
    work: int
    license: int


class Registration(NamedTuple):
    creator: int
    content_hash: int
    credits_digest: int
    credits_codec: int
    resale_royalty_ppm: int
    split: tuple[Share, ...]
    parents: tuple[Parent, ...]
    deadline: int

    def hash(self) -> int:
        members = [
            *self[:5],
            _hash_list(_SHARE, self.split),
            _hash_list(_PARENT, self.parents),
            self.deadline,
        ]
        head = (
            "Registration(address creator,bytes32 contentHash,bytes32 creditsDigest,uint8 creditsCodec,"
            "uint32 resaleRoyaltyPpm,Share[] split,Parent[] parents,uint64 deadline)"
        )
        return struct_hash(head + _PARENT + _SHARE, *members)


class Stem(NamedTuple):
    sha256_digest: int
    cid_digest: int
    cid_codec: int


class Separation(NamedTuple):
    version: int
    stems_root: int
    model: int
    weights_hash: int
    manifest_digest: int
    manifest_codec: int
    metadata_digest: int

    def hash(self) -> int:
        return struct_hash(_SEPARATION, *self)


class Terms(NamedTuple):
    kind: int
    token: int
    transferable: int
    exclusive: int
    commercial_use: int
    attribution: int
    territory: int
    max_grants: int
    remix_ppm: int
    duration: int
    legal_digest: int

    def hash(self) -> int:
        return struct_hash(
            "Terms(uint8 kind,address token,bool transferable,bool exclusive,bool commercialUse,bool attribution,"
            "uint16 territory,uint32 maxGrants,uint32 remixPpm,uint64 duration,bytes32 legalDigest)",
            *self,
        )


class Offer(NamedTuple):
    seller: int = 0
    seller_epoch: int = 0
    work: int = 0
    title_epoch: int = 0
    terms: int = 0
    price: int = 0
    valid_from: int = 0
    valid_until: int = 0
    max_fee_ppm: int = 0
    licensee: int = 0
    nonce: int = 0
    uses: int = 0

    def hash(self) -> int:
        return struct_hash(
            "Offer(address seller,uint256 sellerEpoch,uint224 work,uint256 titleEpoch,bytes32 termsId,uint128 price,"
            "uint64 validFrom,uint64 validUntil,uint32 maxFeePpm,address licensee,uint256 nonce,uint32 uses)",
            *self,
        )


class SignedOffer(NamedTuple):
    offer: Offer = Offer()
    signer: int = 0
    signature: bytes = b""


class Purchase(NamedTuple):
    work: int
    basis: int
    licensee: int
    coverage: int
    version: int
    salt: int

    def hash(self) -> int:
        return struct_hash(_PURCHASE, *self)


class Order(NamedTuple):
    payer: int
    purchase: Purchase
    max_price: int
    deadline: int

    def hash(self) -> int:
        head = "Order(address payer,Purchase purchase,uint128 maxPrice,uint64 deadline)"
        return struct_hash(head + _PURCHASE, self.payer, self.purchase.hash(), self.max_price, self.deadline)


class Permit(NamedTuple):
    value: int = 0
    deadline: int = 0
    v: int = 0
    r: int = 0
    s: int = 0


class Claim(NamedTuple):
    descendant: int
    ancestor: int
    ppm: int
    proof: tuple[int, ...]


class Withdrawal(NamedTuple):
    account: int
    recording: int
    works: int
    token: int
    slot: int
    to: int
    nonce: int
    deadline: int

    def hash(self) -> int:
        return struct_hash(
            "Withdrawal(address account,uint224 recordingId,uint8 works,address token,uint8 slot,address to,"
            "uint256 nonce,uint64 deadline)",
            *self,
        )


class Session(NamedTuple):
    owner: int
    agent: int
    token: int
    cap: int
    per_license_cap: int
    per_period_cap: int
    period: int
    kinds: int
    expiry: int
    salt: int

    def hash(self) -> int:
        return struct_hash(
            "Session(address owner,address agent,address token,uint128 cap,uint128 perLicenseCap,"
            "uint128 perPeriodCap,uint64 period,uint8 kinds,uint64 expiry,uint256 salt)",
            *self,
        )


class AgentOrder(NamedTuple):
    session: int
    purchase: Purchase
    max_price: int
    deadline: int

    def hash(self) -> int:
        head = "AgentOrder(bytes32 sessionId,Purchase purchase,uint128 maxPrice,uint64 deadline)"
        return struct_hash(head + _PURCHASE, self.session, self.purchase.hash(), self.max_price, self.deadline)


# ---------------------------------------------------------------- what else is signed


def attestation_hash(creator: int, content_hash: int, separation: Separation, deadline: int) -> int:
    head = "Attestation(address creator,bytes32 contentHash,Separation separation,uint64 deadline)"
    return struct_hash(head + _SEPARATION, creator, content_hash, separation.hash(), deadline)


def origin_hash(creator: int, content_hash: int, deadline: int) -> int:
    head = "Origin(address creator,bytes32 contentHash,uint64 deadline)"
    return struct_hash(head, creator, content_hash, deadline)


def version_hash(recording: int, s: Separation) -> int:
    head = "Version(uint224 recordingId,uint32 version,bytes32 stemsRoot,bytes32 manifestDigest,uint8 manifestCodec)"
    return struct_hash(head, recording, s.version, s.stems_root, s.manifest_digest, s.manifest_codec)


def adoption_hash(work: int, version: int, metadata_digest: int) -> int:
    return struct_hash("Adoption(uint224 work,uint32 version,bytes32 metadataDigest)", work, version, metadata_digest)


def authorization_hash(payer: int, payee: int, value: int, valid_after: int, valid_before: int, nonce: int) -> int:
    head = (
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,"
        "bytes32 nonce)"
    )
    return struct_hash(head, payer, payee, value, valid_after, valid_before, nonce)


def permit_hash(owner: int, spender: int, value: int, nonce: int, deadline: int) -> int:
    head = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    return struct_hash(head, owner, spender, value, nonce, deadline)


# ---------------------------------------------------------------- leaves


def stem_leaf(stem_id: int, stem: Stem) -> int:
    head = "StemLeaf(uint224 stemId,bytes32 sha256Digest,bytes32 cidDigest,uint8 cidCodec)"
    return struct_hash(head, stem_id, *stem)


def metadata_leaf(recording: int, metadata_digest: int) -> int:
    return struct_hash("MetadataLeaf(uint224 recordingId,bytes32 metadataDigest)", recording, metadata_digest)


def separation_root(recording: int, stems_root: int, metadata_digest: int) -> int:
    """What the registry keeps of a separation."""
    return node(stems_root, metadata_leaf(recording, metadata_digest))


def batch_leaf(recording: int, separation: Separation) -> int:
    head = (
        "BatchLeaf(uint224 recordingId,uint32 version,bytes32 stemsRoot,bytes32 model,bytes32 weightsHash,"
        "bytes32 manifestDigest,uint8 manifestCodec,bytes32 metadataDigest)"
    )
    return struct_hash(head, recording, *separation)


# ---------------------------------------------------------------- EIP-712


def struct_hash(type_text: str, *members: int) -> int:
    return hash_words(_type_hash(type_text), *members)


def domain_separator(name: str, version: str, chain_id: int, contract: int) -> int:
    return struct_hash(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
        keccak_int(name.encode()),
        keccak_int(version.encode()),
        chain_id,
        contract,
    )


def digest(domain: int, message: int) -> int:
    return keccak_int(b"\x19\x01" + word(domain) + word(message))


_TYPE_HASHES: dict[str, int] = {}


def _type_hash(type_text: str) -> int:
    if type_text not in _TYPE_HASHES:
        _TYPE_HASHES[type_text] = keccak_int(type_text.encode())
    return _TYPE_HASHES[type_text]


def _hash_list(type_text: str, members: tuple[tuple[int, ...], ...]) -> int:
    return int.from_bytes(keccak(b"".join(word(struct_hash(type_text, *member)) for member in members)), "big")
