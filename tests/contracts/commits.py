"""Songs to register: everything that registerAndCommit takes, valid unless a test says otherwise."""

import hashlib
from dataclasses import dataclass, replace

from stemma.chain.intents import (
    Registration,
    Separation,
    SigningDomain,
    Stem,
    attestation_typed_data,
    model_hash,
    registration_typed_data,
    sign_typed_data,
)
from stemma.chain.merkle import stems_root
from stemma.cid import DAG_PB, RAW
from stemma.works import STEM_KINDS, WorkId

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
    """The arguments of one registerAndCommit. Signatures are made late, over what the commit then says."""

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
        r = self.registration
        split = [(share.account, share.ppm) for share in r.split]
        parents = [(parent.work, parent.license) for parent in r.parents]
        terms = (r.credits_digest, r.credits_codec, r.resale_royalty_ppm, split, parents, r.deadline)
        return (r.creator, r.content_hash, *terms)

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
        creator_signature = self.sign_registration() if self.creator_signature is None else self.creator_signature
        attestor_signature = self.sign_attestation() if self.attestor_signature is None else self.attestor_signature
        return (
            self.registration_struct,
            creator_signature,
            [],  # a track has no parents' tables
            self.stem_structs,
            self.separation_struct,
            self.attestation_deadline,
            attestor_signature,
        )


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
