"""What the creator of an upload signs, kept as the typed data itself."""

from datetime import datetime, timedelta
from typing import Any

from api.identity.accounts import Account
from api.ingestion.schemas import UploadMetadata
from stemma.chain.intents import Registration, Share, SigningDomain, registration_typed_data, typed_data_digest
from stemma.cid import Blob
from stemma.documents import CreditsDocument

LIFETIME = timedelta(days=7)
"""How long the registry takes a signature that was given in the last moment: time for a worker and for the chain."""


def credits_document(metadata: UploadMetadata, content_hash: bytes) -> CreditsDocument:
    """Return what the creator says of the file with this hash."""
    return CreditsDocument(
        content_hash="0x" + content_hash.hex(),
        title=metadata.title,
        artist=metadata.artist,
        description=metadata.description,
        credits=metadata.credits,
        tags=metadata.tags,
        isrc=metadata.isrc,
        release_policy=metadata.release_policy,
    )


def typed_data(
    metadata: UploadMetadata,
    *,
    creator: Account,
    content_hash: bytes,
    credits: Blob,
    domain: SigningDomain,
    deadline: datetime,
) -> dict[str, Any]:
    """Return the EIP-712 document of a registration without parents."""
    registration = Registration(
        creator=creator.checksum_address,
        content_hash=content_hash,
        credits_digest=credits.cid.digest,
        credits_codec=credits.cid.codec,
        resale_royalty_ppm=metadata.resale_royalty_ppm,
        deadline=int(deadline.timestamp()),
        split=tuple(Share(account=slot.account, ppm=slot.ppm) for slot in metadata.split),
    )
    return registration_typed_data(registration, domain)


def digest(document: dict[str, Any]) -> bytes:
    """Return the 32 bytes that the creator signs."""
    return typed_data_digest(document)


def registration_of(document: dict[str, Any]) -> Registration:
    """Return the registration that a document of `typed_data` stands for."""
    message = document["message"]
    return Registration(
        creator=message["creator"],
        content_hash=bytes.fromhex(message["contentHash"][2:]),
        credits_digest=bytes.fromhex(message["creditsDigest"][2:]),
        credits_codec=message["creditsCodec"],
        resale_royalty_ppm=message["resaleRoyaltyPpm"],
        deadline=message["deadline"],
        split=tuple(Share(account=share["account"], ppm=share["ppm"]) for share in message["split"]),
    )
