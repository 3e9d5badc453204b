"""The worker's signature under a separation."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from eth_account import Account

from stem_worker.model import StemModel
from stemma.chain.intents import Separation, SigningDomain, Stem, attestation_typed_data, model_hash, sign_typed_data
from stemma.chain.merkle import stems_root
from stemma.cid import Blob
from stemma.messaging.events import CommittedSeparation, SignedAttestation
from stemma.works import recording_id

VALID_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Attestor:
    """The key that vouches for this worker's results, and the registry that they are for."""

    private_key: str = field(repr=False)
    domain: SigningDomain

    @property
    def address(self) -> str:
        return str(Account.from_key(self.private_key).address)

    def sign(self, creator: str, content_hash: bytes, separation: Separation) -> SignedAttestation:
        """Sign one separation of one creator's file; good for a week."""
        deadline = int(time.time()) + VALID_SECONDS
        message = attestation_typed_data(creator, content_hash, separation, deadline, self.domain)
        signature = sign_typed_data(self.private_key, message)
        return SignedAttestation(attestor=self.address, deadline=deadline, signature="0x" + signature.hex())


def first_separation(
    content_hash: bytes, stems: Sequence[Blob], model: StemModel, *, manifest: Blob, metadata: Blob
) -> Separation:
    """Version 0 of a recording's separation. `stems` are the six files in the order of their kinds."""
    leaves = [Stem.of(stem.sha256, stem.cid) for stem in stems]
    return Separation(
        stems_root=stems_root(recording_id(content_hash), leaves),
        model=model_hash(model.version),
        weights_hash=model.weights_sha256,
        manifest_digest=manifest.cid.digest,
        manifest_codec=manifest.cid.codec,
        metadata_digest=metadata.cid.digest,
    )


def committed(separation: Separation) -> CommittedSeparation:
    """The form in which a separation travels in messages."""
    return CommittedSeparation(
        version=separation.version,
        stems_root="0x" + separation.stems_root.hex(),
        model="0x" + separation.model.hex(),
        weights_hash="0x" + separation.weights_hash.hex(),
        manifest_digest="0x" + separation.manifest_digest.hex(),
        manifest_codec=separation.manifest_codec,
        metadata_digest="0x" + separation.metadata_digest.hex(),
    )
