"""Recordings of the tour, and the ways in which they get on chain: by commitment, by an attestor, with their stems."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from scripts.touring.cast import Person
from scripts.touring.chain import ONE_HOUR, TourFailed
from scripts.touring.stage import Stage
from stemma.chain.intents import (
    Parent,
    Registration,
    Separation,
    Share,
    Stem,
    attestation_typed_data,
    commitment,
    model_hash,
    origin_typed_data,
    registration_typed_data,
    sign_typed_data,
)
from stemma.chain.merkle import batch_leaf, proof, root, stems_root
from stemma.chain.royalties import Entry, RoyaltyTable, parents_recordings, remix_table
from stemma.cid import RAW, identify
from stemma.works import STEM_KINDS, WorkId


@dataclass(frozen=True)
class Ingredient:
    """A parent of a remix: the work, the REMIX license of it, and the share that the license asks for."""

    work: WorkId
    license: int
    ppm: int


@dataclass(frozen=True)
class Recording:
    """A recording with everything that is signed about it."""

    name: str
    creator: Person
    split: tuple[tuple[Person, int], ...]
    registration: Registration
    parents_tables: tuple[RoyaltyTable, ...]
    stems: tuple[Stem, ...]
    separation: Separation
    deadline: int

    @property
    def id(self) -> WorkId:
        return self.registration.recording_id

    @property
    def registration_struct(self) -> tuple[Any, ...]:
        r = self.registration
        split = [(share.account, share.ppm) for share in r.split]
        parents = [(parent.work, parent.license) for parent in r.parents]
        about = (r.credits_digest, r.credits_codec, r.resale_royalty_ppm, split, parents, r.deadline)
        return (r.creator, r.content_hash, *about)

    @property
    def separation_struct(self) -> tuple[Any, ...]:
        s = self.separation
        manifest = (s.manifest_digest, s.manifest_codec)
        return (s.version, s.stems_root, s.model, s.weights_hash, *manifest, s.metadata_digest)

    @property
    def stem_structs(self) -> list[tuple[Any, ...]]:
        return [(stem.sha256_digest, stem.cid_digest, stem.cid_codec) for stem in self.stems]

    @property
    def tables_words(self) -> list[list[int]]:
        return [table.words for table in self.parents_tables]


class Registry:
    """The acts of creators and attestors. A relayer sends what they have signed."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._chain = stage.chain
        self._functions = stage.chain["StemRegistry"].functions

    def record(
        self,
        name: str,
        creator: Person,
        *,
        split: Sequence[tuple[Person, int]] = (),
        ingredients: Sequence[Ingredient] = (),
    ) -> Recording:
        """A recording that is not registered yet; of its audio there is only a name, which stands for the file."""
        deadline = self._chain.now + ONE_HOUR
        parents = sorted(ingredients, key=lambda each: each.work)
        entries = [Entry(each.work, each.ppm) for each in parents]
        file = f"{self._stage.cast.seed} {name}"
        registration = Registration(
            creator=creator.address,
            content_hash=_sha256(file),
            credits_digest=_sha256(f"{file} credits"),
            credits_codec=RAW,
            resale_royalty_ppm=50_000,
            deadline=deadline,
            split=tuple(Share(person.address, ppm) for person, ppm in split),
            parents=tuple(Parent(each.work, each.license) for each in parents),
        )
        stems = tuple(_stem(f"{file} {kind.label}") for kind in STEM_KINDS)
        separation = Separation(
            stems_root=stems_root(registration.recording_id, stems),
            model=model_hash("demucs-htdemucs-6s"),
            weights_hash=_sha256("weights"),
            manifest_digest=_sha256(f"{file} manifest"),
            manifest_codec=RAW,
            metadata_digest=_sha256(f"{file} metadata"),
        )
        tables = self._stage.books.tables
        self._expect(registration.recording_id, name, creator, split, remix_table(entries, tables))
        parents_tables = tuple(tables[recording] for recording in parents_recordings(entries))
        return Recording(name, creator, tuple(split), registration, parents_tables, stems, separation, deadline)

    def _expect(
        self, recording: WorkId, name: str, creator: Person, split: Sequence[tuple[Person, int]], table: RoyaltyTable
    ) -> None:
        shares = [(person.name, ppm) for person, ppm in split]
        self._stage.books.register(recording, creator.name, shares, table)
        self._stage.name_recording(recording, name)

    # ------------------------------------------------------------------ registering

    def by_commitment(self, recording: Recording) -> None:
        """A commitment, and a block later the recording: no attestor is asked."""
        salt = keccak(text=f"salt of {recording.name}")
        committed = commitment(recording.creator.address, recording.registration.content_hash, salt)
        self._send(self._functions.commit(committed))
        self._chain.mine()
        arguments = (recording.registration_struct, self._consent(recording), recording.tables_words)
        self._send(self._functions.registerCommitted(*arguments, salt))
        self._check_table(recording)

    def by_attestation(self, recording: Recording) -> None:
        """By an attestor's word that the creator brought this file."""
        r = recording.registration
        origin = origin_typed_data(r.creator, r.content_hash, recording.deadline, self._domain)
        arguments = (recording.registration_struct, self._consent(recording), recording.tables_words)
        self._send(self._functions.registerAttested(*arguments, recording.deadline, self._attest(origin)))
        self._check_table(recording)

    def with_stems(self, recording: Recording) -> None:
        """Recording and stems in one transaction."""
        self._send(
            self._functions.registerAndCommit(
                recording.registration_struct,
                self._consent(recording),
                recording.tables_words,
                *self._separated(recording),
            )
        )
        self._check_table(recording)

    def separate(self, recording: Recording) -> None:
        """Six stems for a recording that is registered."""
        self._send(
            self._functions.commitSeparation(recording.registration.content_hash, *self._separated(recording), b"")
        )

    def separate_by_batch(self, recordings: Sequence[Recording]) -> None:
        """One root over the stems of many recordings, then each leaf written out for its recording."""
        leaves = [batch_leaf(recording.id, recording.separation) for recording in recordings]
        manifest = _sha256(f"{self._stage.cast.seed} batch")
        anchored = self._functions.anchorBatch(root(leaves), len(leaves), manifest, RAW)
        self._chain.send(self._stage.cast.attestor.account, anchored)
        for at, recording in enumerate(recordings):
            arguments = (recording.id, recording.stem_structs, recording.separation_struct, proof(leaves, at))
            self._send(self._functions.materialize(root(leaves), *arguments))

    # ------------------------------------------------------------------ titles

    def mint(self, recording: Recording, holder: Person) -> None:
        """The recording's title, to whoever holds the rights."""
        separation = recording.separation
        arguments = (recording.id, holder.address, separation.stems_root, separation.metadata_digest)
        self._chain.send(holder.account, self._chain["IPNFT"].functions.mint(*arguments))

    def sell_title(self, recording: Recording, seller: Person, buyer: Person, price: int) -> None:
        """The title against dollars, from hand to hand; the house has no part in it."""
        titles, dollars = self._chain["IPNFT"].functions, self._stage.dollars
        self._chain.send(buyer.account, self._chain.usdc.functions.transfer(seller.address, price))
        self._chain.send(seller.account, titles.transferFrom(seller.address, buyer.address, recording.id))
        self._stage.books.transfer(buyer.name, seller.name, dollars, price)
        self._stage.books.holders[recording.id] = buyer.name

    # ------------------------------------------------------------------ parts

    @property
    def _domain(self) -> Any:
        return self._chain.deployment.signing_domain

    def _separated(self, recording: Recording) -> tuple[Any, ...]:
        """Stems, separation, and the attestor's word for both."""
        r = recording.registration
        attestation = attestation_typed_data(
            r.creator, r.content_hash, recording.separation, recording.deadline, self._domain
        )
        signature = self._attest(attestation)
        return recording.stem_structs, recording.separation_struct, recording.deadline, signature

    def _consent(self, recording: Recording) -> bytes:
        typed = registration_typed_data(recording.registration, self._domain)
        return sign_typed_data(recording.creator.key, typed)

    def _attest(self, typed: dict[str, Any]) -> bytes:
        return sign_typed_data(self._stage.cast.attestor.key, typed)

    def _send(self, call: Any) -> None:
        self._chain.send(self._stage.cast["Relayer"].account, call)

    def _check_table(self, recording: Recording) -> None:
        """The chain's table is the one that Python made of the parents."""
        table = self._stage.books.tables[recording.id]
        found = tuple(self._functions.tableOf(recording.id).call())
        expected = (table.root, table.stack_ppm, len(table.entries))
        if found != expected:
            raise TourFailed(f"the royalty table of {recording.name} is {found} on chain and {expected} in Python")


def _stem(content: str) -> Stem:
    file = identify(content.encode())
    return Stem.of(file.sha256, file.cid)


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
