"""What creators, attestors and rights holders sign for the registry (EIP-712): contracts/libraries/TypedData.sol.

The dictionaries are what a wallet's ``eth_signTypedData_v4`` takes: bytes as ``0x`` hex; uint224 and uint256 as decimal
strings, because JSON readers round what is above 2^53 (a deadline in seconds is below).
"""

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from stemma.cid import Cid
from stemma.works import WorkId, recording_id

TypedData = dict[str, Any]

MAX_SLOTS = 16
MAX_RESALE_ROYALTY_PPM = 100_000
WHOLE_PPM = 1_000_000

EIP712_DOMAIN_TYPE = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]
_SHARE_TYPE = [{"name": "account", "type": "address"}, {"name": "ppm", "type": "uint32"}]
_PARENT_TYPE = [{"name": "work", "type": "uint224"}, {"name": "license", "type": "uint256"}]
_REGISTRATION_TYPE = [
    {"name": "creator", "type": "address"},
    {"name": "contentHash", "type": "bytes32"},
    {"name": "creditsDigest", "type": "bytes32"},
    {"name": "creditsCodec", "type": "uint8"},
    {"name": "resaleRoyaltyPpm", "type": "uint32"},
    {"name": "split", "type": "Share[]"},
    {"name": "parents", "type": "Parent[]"},
    {"name": "deadline", "type": "uint64"},
]
_SEPARATION_TYPE = [
    {"name": "version", "type": "uint32"},
    {"name": "stemsRoot", "type": "bytes32"},
    {"name": "model", "type": "bytes32"},
    {"name": "weightsHash", "type": "bytes32"},
    {"name": "manifestDigest", "type": "bytes32"},
    {"name": "manifestCodec", "type": "uint8"},
    {"name": "metadataDigest", "type": "bytes32"},
]
_ORIGIN_TYPE = [
    {"name": "creator", "type": "address"},
    {"name": "contentHash", "type": "bytes32"},
    {"name": "deadline", "type": "uint64"},
]
_VERSION_TYPE = [
    {"name": "recordingId", "type": "uint224"},
    {"name": "version", "type": "uint32"},
    {"name": "stemsRoot", "type": "bytes32"},
    {"name": "manifestDigest", "type": "bytes32"},
    {"name": "manifestCodec", "type": "uint8"},
]
_ATTESTATION_TYPE = [
    {"name": "creator", "type": "address"},
    {"name": "contentHash", "type": "bytes32"},
    {"name": "separation", "type": "Separation"},
    {"name": "deadline", "type": "uint64"},
]


@dataclass(frozen=True, slots=True)
class SigningDomain:
    """The registry that messages are for: ``registry`` is its address as ``0x`` hex."""

    chain_id: int
    registry: str

    def as_typed(self) -> dict[str, Any]:
        """The EIP-712 domain."""
        return eip712_domain("StemRegistry", self.chain_id, self.registry)


def eip712_domain(contract: str, chain_id: int, address: str) -> dict[str, Any]:
    """The domain of one of the house's contracts: its name, version 1, chain and address."""
    return {
        "name": contract,
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": to_checksum_address(address),
    }


@dataclass(frozen=True, slots=True)
class Share:
    """A collaborator's slot: ``ppm`` parts per million of the recording's income, above zero."""

    account: str
    ppm: int


@dataclass(frozen=True, slots=True)
class Parent:
    """A remix's parent and the id of the REMIX license which the remix consumes."""

    work: WorkId
    license: int


@dataclass(frozen=True, slots=True)
class Registration:
    """What a creator signs.

    ``content_hash`` and ``credits_digest`` have 32 bytes; ``credits_codec`` is 0x55 (raw) or 0x70 (dag-pb);
    ``resale_royalty_ppm`` is at most 100 000; ``split`` has at most 16 slots that sum to at most 1 000 000;
    ``deadline`` is the last Unix second at which the registry takes it.
    """

    creator: str
    content_hash: bytes
    credits_digest: bytes
    credits_codec: int
    resale_royalty_ppm: int
    deadline: int
    split: tuple[Share, ...] = ()
    parents: tuple[Parent, ...] = ()

    @property
    def recording_id(self) -> WorkId:
        """The work that this registers."""
        return recording_id(self.content_hash)


@dataclass(frozen=True, slots=True)
class Stem:
    """One separated stem as the chain sees it: the file's SHA-256, and its CID as 32 byte digest and codec."""

    sha256_digest: bytes
    cid_digest: bytes
    cid_codec: int

    @classmethod
    def of(cls, sha256: bytes, cid: Cid) -> "Stem":
        """The stem of a stored file."""
        return cls(sha256_digest=sha256, cid_digest=cid.digest, cid_codec=cid.codec)


@dataclass(frozen=True, slots=True)
class Separation:
    """The result of one separation. All hashes and digests have 32 bytes; see ``model_hash`` for ``model``."""

    stems_root: bytes
    model: bytes
    weights_hash: bytes
    manifest_digest: bytes
    manifest_codec: int
    metadata_digest: bytes
    version: int = 0


def model_hash(model_version: str) -> bytes:
    """What stands on chain for a model version's name, such as ``demucs-htdemucs-6s``: its keccak, 32 bytes."""
    return keccak(model_version.encode())


def registration_typed_data(registration: Registration, domain: SigningDomain) -> TypedData:
    """The typed data that the creator signs.

    Raises:
        ValueError: a hash or digest has not 32 bytes, or an address is none.
    """
    return {
        "types": {
            "EIP712Domain": EIP712_DOMAIN_TYPE,
            "Registration": _REGISTRATION_TYPE,
            "Parent": _PARENT_TYPE,
            "Share": _SHARE_TYPE,
        },
        "primaryType": "Registration",
        "domain": domain.as_typed(),
        "message": {
            "creator": to_checksum_address(registration.creator),
            "contentHash": hex_word(registration.content_hash),
            "creditsDigest": hex_word(registration.credits_digest),
            "creditsCodec": registration.credits_codec,
            "resaleRoyaltyPpm": registration.resale_royalty_ppm,
            "split": [
                {"account": to_checksum_address(share.account), "ppm": share.ppm} for share in registration.split
            ],
            "parents": [{"work": str(parent.work), "license": str(parent.license)} for parent in registration.parents],
            "deadline": registration.deadline,
        },
    }


def attestation_typed_data(
    creator: str, content_hash: bytes, separation: Separation, deadline: int, domain: SigningDomain
) -> TypedData:
    """The typed data that the attestor signs; it names the creator, so that nobody else can use the attestation.

    Raises:
        ValueError: a hash or digest has not 32 bytes, or an address is none.
    """
    return {
        "types": {
            "EIP712Domain": EIP712_DOMAIN_TYPE,
            "Attestation": _ATTESTATION_TYPE,
            "Separation": _SEPARATION_TYPE,
        },
        "primaryType": "Attestation",
        "domain": domain.as_typed(),
        "message": {
            "creator": to_checksum_address(creator),
            "contentHash": hex_word(content_hash),
            "separation": {
                "version": separation.version,
                "stemsRoot": hex_word(separation.stems_root),
                "model": hex_word(separation.model),
                "weightsHash": hex_word(separation.weights_hash),
                "manifestDigest": hex_word(separation.manifest_digest),
                "manifestCodec": separation.manifest_codec,
                "metadataDigest": hex_word(separation.metadata_digest),
            },
            "deadline": deadline,
        },
    }


def origin_typed_data(creator: str, content_hash: bytes, deadline: int, domain: SigningDomain) -> TypedData:
    """The typed data by which an attestor says that a creator brought this content, before any separation.

    Raises:
        ValueError: the hash has not 32 bytes, or the address is none.
    """
    return {
        "types": {"EIP712Domain": EIP712_DOMAIN_TYPE, "Origin": _ORIGIN_TYPE},
        "primaryType": "Origin",
        "domain": domain.as_typed(),
        "message": {
            "creator": to_checksum_address(creator),
            "contentHash": hex_word(content_hash),
            "deadline": deadline,
        },
    }


def version_typed_data(recording: WorkId, separation: Separation, domain: SigningDomain) -> TypedData:
    """The typed data by which a rights holder takes a later separation of its recording.

    Raises:
        ValueError: a root or digest has not 32 bytes.
    """
    return {
        "types": {"EIP712Domain": EIP712_DOMAIN_TYPE, "Version": _VERSION_TYPE},
        "primaryType": "Version",
        "domain": domain.as_typed(),
        "message": {
            "recordingId": str(recording),
            "version": separation.version,
            "stemsRoot": hex_word(separation.stems_root),
            "manifestDigest": hex_word(separation.manifest_digest),
            "manifestCodec": separation.manifest_codec,
        },
    }


def commitment(creator: str, content_hash: bytes, salt: bytes) -> bytes:
    """What a creator makes known a block before it registers without an attestor; 32 bytes. Keep the salt secret.

    Raises:
        ValueError: the hash or the salt has not 32 bytes.
    """
    if len(content_hash) != 32 or len(salt) != 32:
        raise ValueError("a content hash and a salt have 32 bytes each")
    return keccak(encode(["address", "bytes32", "bytes32"], [creator, content_hash, salt]))


def typed_data_digest(typed_data: TypedData) -> bytes:
    """The 32 bytes that are signed, EIP-712: keccak(0x1901 ‖ domain separator ‖ struct hash)."""
    from eth_account.messages import encode_typed_data  # slow to import, and many only need the types

    message = encode_typed_data(full_message=typed_data)
    return keccak(b"\x19" + message.version + message.header + message.body)


def registration_digest(registration: Registration, domain: SigningDomain) -> bytes:
    """The 32 bytes that the creator signs."""
    return typed_data_digest(registration_typed_data(registration, domain))


def attestation_digest(
    creator: str, content_hash: bytes, separation: Separation, deadline: int, domain: SigningDomain
) -> bytes:
    """The 32 bytes that the attestor signs."""
    return typed_data_digest(attestation_typed_data(creator, content_hash, separation, deadline, domain))


def origin_digest(creator: str, content_hash: bytes, deadline: int, domain: SigningDomain) -> bytes:
    """The 32 bytes that the attestor of an origin signs."""
    return typed_data_digest(origin_typed_data(creator, content_hash, deadline, domain))


def version_digest(recording: WorkId, separation: Separation, domain: SigningDomain) -> bytes:
    """The 32 bytes that the rights holder signs for a later version."""
    return typed_data_digest(version_typed_data(recording, separation, domain))


def sign_typed_data(private_key: str | bytes, typed_data: TypedData) -> bytes:
    """The 65 byte ECDSA signature (r, s, v) of a local key."""
    from eth_account import Account

    return bytes(Account.sign_typed_data(private_key, full_message=typed_data).signature)


def hex_word(word: bytes) -> str:
    """A hash or digest as typed data has it. Raises ValueError unless it has 32 bytes."""
    if len(word) != 32:
        raise ValueError(f"a hash or digest has 32 bytes, not {len(word)}")
    return "0x" + word.hex()
