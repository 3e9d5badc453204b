"""The title contract's message, equal to IPNFT.adoptionDigest: a stem's holder takes a later version."""

from stemma.chain.intents import EIP712_DOMAIN_TYPE, TypedData, eip712_domain, hex_word, typed_data_digest
from stemma.works import WorkId

_ADOPTION_TYPE = [
    {"name": "work", "type": "uint224"},
    {"name": "version", "type": "uint32"},
    {"name": "metadataDigest", "type": "bytes32"},
]


def adoption_typed_data(work: WorkId, version: int, metadata_digest: bytes, *, chain_id: int, titles: str) -> TypedData:
    """The typed data by which a stem's holder lets its title show a later version; ``titles`` is IPNFT's address.

    Raises:
        ValueError: the digest has not 32 bytes, or the address is none.
    """
    return {
        "types": {"EIP712Domain": EIP712_DOMAIN_TYPE, "Adoption": _ADOPTION_TYPE},
        "primaryType": "Adoption",
        "domain": eip712_domain("IPNFT", chain_id, titles),
        "message": {"work": str(work), "version": version, "metadataDigest": hex_word(metadata_digest)},
    }


def adoption_digest(work: WorkId, version: int, metadata_digest: bytes, *, chain_id: int, titles: str) -> bytes:
    """The 32 bytes that the holder signs."""
    return typed_data_digest(adoption_typed_data(work, version, metadata_digest, chain_id=chain_id, titles=titles))
