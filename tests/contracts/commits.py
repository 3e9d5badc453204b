"""Songs to register: everything that registerAndCommit takes, valid unless a test says otherwise."""

import hashlib
from dataclasses import dataclass, replace

from stemma.chain.intents import (
    Registration,
    Separation,
    SigningDomain,
    Stem,
    attestation_typed_data,
    commitment,
    model_hash,
    origin_typed_data,
    registration_typed_data,
    sign_typed_data,
    version_typed_data,
)
from stemma.chain.merkle import batch_leaf, separation_proof, separation_root, stems_root
from stemma.cid import DAG_PB, RAW
from stemma.works import STEM_KINDS, Kind, WorkId

ONE_HOUR = 3600


def digest(text: str) -> bytes:
    """A hash that stands for some content."""
    return hashlib.sha256(text.encode()).digest()


def six_stems(title: str) -> tuple[Stem, ...]:
    """Stems of a song; larger files have a dag-pb CID."""
    return tuple(
        Stem(digest(f"{title} {kind.label}"), digest(f"{title} {kind.label} cid"), DAG_PB if kind % 2 else RAW)
        for kind in STEM_KINDS
    )


@dataclass(frozen=True)
class Commit:
    """The arguments of one registerAndCommit, or of the two halves of it, registration and separation.

    Signatures are made late, over what the commit then says.
    """

    domain: SigningDomain
    registration: Registration
    stems: tuple[Stem, ...]
    separation: Separation
    attestation_deadline: int
    creator_key: str
    attestor_key: str
    creator_signature: bytes | None = None
    attestor_signature: bytes | None = None
    attestor_prefix: bytes = b""

    @property
    def recording_id(self) -> WorkId:
        return self.registration.recording_id

    def but(self, **changes) -> "Commit":
        """The same with other arguments."""
        return replace(self, **changes)

    def registering(self, **changes) -> "Commit":
        """The same with another registration."""
        return replace(self, registration=replace(self.registration, **changes))

    def separated(self, **changes) -> "Commit":
        """The same with another separation."""
        return replace(self, separation=replace(self.separation, **changes))

    def with_stems(self, stems: tuple[Stem, ...]) -> "Commit":
        """The same with other stems and the root over them."""
        root = stems_root(self.recording_id, stems)
        return replace(self, stems=stems, separation=replace(self.separation, stems_root=root))

    def version(self, number: int) -> "Commit":
        """A later separation of the same recording."""
        stems = six_stems(f"version {number}")
        return self.with_stems(stems).separated(version=number, metadata_digest=digest(f"metadata {number}"))

    @property
    def separation_root(self) -> bytes:
        s = self.separation
        return separation_root(self.recording_id, s.stems_root, s.metadata_digest)

    @property
    def title(self) -> tuple[bytes, bytes]:
        """What minting and adopting are told of the separation."""
        return self.separation.stems_root, self.separation.metadata_digest

    def proof(self, kind: Kind) -> list[bytes]:
        """The siblings of a stem up to the separation's root."""
        return separation_proof(self.recording_id, self.stems, self.separation.metadata_digest, kind)

    @property
    def batch_leaf(self) -> bytes:
        return batch_leaf(self.recording_id, self.separation)

    def commitment(self, salt: bytes) -> bytes:
        return commitment(self.registration.creator, self.registration.content_hash, salt)

    def sign_origin(self) -> bytes:
        r = self.registration
        typed = origin_typed_data(r.creator, r.content_hash, self.attestation_deadline, self.domain)
        return self.attestor_prefix + sign_typed_data(self.attestor_key, typed)

    def sign_version(self, holder) -> bytes:
        typed = version_typed_data(self.recording_id, self.separation, self.domain)
        return sign_typed_data(holder.private_key, typed)

    def sign_registration(self, *, domain: SigningDomain | None = None) -> bytes:
        return sign_typed_data(self.creator_key, registration_typed_data(self.registration, domain or self.domain))

    def sign_attestation(self, *, domain: SigningDomain | None = None) -> bytes:
        typed = attestation_typed_data(
            self.registration.creator,
            self.registration.content_hash,
            self.separation,
            self.attestation_deadline,
            domain or self.domain,
        )
        return self.attestor_prefix + sign_typed_data(self.attestor_key, typed)

    @property
    def registration_struct(self) -> tuple:
        return registration_struct(self.registration)

    @property
    def stem_structs(self) -> list[tuple]:
        return [stem_struct(stem) for stem in self.stems]

    @property
    def separation_struct(self) -> tuple:
        s = self.separation
        manifest = (s.manifest_digest, s.manifest_codec)
        return (s.version, s.stems_root, s.model, s.weights_hash, *manifest, s.metadata_digest)

    @property
    def arguments(self) -> tuple:
        """What ape passes to registerAndCommit."""
        return (
            self.registration_struct,
            self.registration_signature,
            [],  # a track has no parents' tables
            self.stem_structs,
            self.separation_struct,
            self.attestation_deadline,
            self.attestation_signature,
        )

    @property
    def origin_arguments(self) -> tuple:
        """What ape passes to registerAttested."""
        signature = self.sign_origin() if self.attestor_signature is None else self.attestor_signature
        return (self.registration_struct, self.registration_signature, [], self.attestation_deadline, signature)

    def reveal_arguments(self, salt: bytes) -> tuple:
        """What ape passes to registerCommitted."""
        return (self.registration_struct, self.registration_signature, [], salt)

    def separation_arguments(self, holder_signature: bytes = b"") -> tuple:
        """What ape passes to commitSeparation."""
        return (
            self.registration.content_hash,
            self.stem_structs,
            self.separation_struct,
            self.attestation_deadline,
            self.attestation_signature,
            holder_signature,
        )

    @property
    def registration_signature(self) -> bytes:
        return self.sign_registration() if self.creator_signature is None else self.creator_signature

    @property
    def attestation_signature(self) -> bytes:
        return self.sign_attestation() if self.attestor_signature is None else self.attestor_signature


def registration_struct(r: Registration) -> tuple:
    """The registration as ape passes it."""
    split = [(share.account, share.ppm) for share in r.split]
    parents = [(parent.work, parent.license) for parent in r.parents]
    terms = (r.credits_digest, r.credits_codec, r.resale_royalty_ppm, split, parents, r.deadline)
    return (r.creator, r.content_hash, *terms)


def stem_struct(stem: Stem) -> tuple:
    return (stem.sha256_digest, stem.cid_digest, stem.cid_codec)


def song(title: str, *, domain: SigningDomain, creator, attestor, now: int) -> Commit:
    """A song by one of the test accounts, separated and attested by another."""
    registration = Registration(
        creator=creator.address,
        content_hash=digest(title),
        credits_digest=digest(f"{title} credits"),
        credits_codec=RAW,
        resale_royalty_ppm=50_000,
        deadline=now + ONE_HOUR,
    )
    stems = six_stems(title)
    separation = Separation(
        stems_root=stems_root(registration.recording_id, stems),
        model=model_hash("demucs-tiny-synth"),
        weights_hash=digest("weights"),
        manifest_digest=digest(f"{title} manifest"),
        manifest_codec=RAW,
        metadata_digest=digest(f"{title} metadata"),
    )
    return Commit(
        domain=domain,
        registration=registration,
        stems=stems,
        separation=separation,
        attestation_deadline=now + ONE_HOUR,
        creator_key=creator.private_key,
        attestor_key=attestor.private_key,
    )
