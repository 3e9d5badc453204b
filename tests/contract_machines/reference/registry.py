"""Provenance and ancestry."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.contract_machines.reference import messages
from tests.contract_machines.reference.messages import Parent, Registration, Separation, Stem
from tests.contract_machines.reference.part import Part
from tests.contract_machines.reference.rules import PPM, Doubts, refuse_if
from tests.contract_machines.reference.state import Batch, Recording, Table
from tests.contract_machines.reference.words import (
    ANCESTORS_CAP,
    PARENTS_CAP,
    STACK_CAP,
    entry_leaf,
    hash_words,
    kind_of,
    merged_table,
    node,
    recording_of,
    recording_of_content,
    root_of,
    table_root,
)

if TYPE_CHECKING:
    from tests.contract_machines.reference.calls import Call
    from tests.contract_machines.reference.house import House

CODECS = {0x55, 0x70}
RESALE_CAP = 100_000
SLOTS_CAP = 16
NOBODY = Recording(0, 0, 0, 0, 0)


class StemRegistry(Part):
    """Recordings, their separations, and what a remix owes to whom. ``full_tables`` are the tables whose roots the
    chain keeps: recording -> pairs of ancestor and ppm."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.full_tables = house.state.add_book()

    # ------------------------------------------------------------------ registration

    def commit(self, call: Call, commitment: int) -> None:
        if commitment not in self.state.commitments:
            self.state.commitments[commitment] = self.house.block
            self.emit("CommitmentMade", commitment)

    def register_committed(
        self, call: Call, registration: Registration, signature: bytes, tables: Sequence[Sequence[int]], salt: int
    ) -> None:
        commitment = hash_words(registration.creator, registration.content_hash, salt)
        made = self.state.commitments.get(commitment, 0)
        doubts = Doubts()
        doubts.ask(refuse_if, UnknownCommitment=made == 0, CommitmentTooYoung=made >= self.house.block)
        doubts.ask(self._register, call, registration, signature, tables, 0)
        doubts.settle()

    def register_attested(
        self,
        call: Call,
        registration: Registration,
        signature: bytes,
        tables: Sequence[Sequence[int]],
        deadline: int,
        attestation: bytes,
    ) -> None:
        message = messages.origin_hash(registration.creator, registration.content_hash, deadline)
        doubts = Doubts()
        attestor = doubts.ask(self._attestor, message, deadline, attestation)
        doubts.ask(self._register, call, registration, signature, tables, attestor or 0)
        doubts.settle()

    def register_and_commit(
        self,
        call: Call,
        registration: Registration,
        signature: bytes,
        tables: Sequence[Sequence[int]],
        stems: Sequence[Stem],
        separation: Separation,
        deadline: int,
        attestation: bytes,
    ) -> None:
        message = messages.attestation_hash(registration.creator, registration.content_hash, separation, deadline)
        doubts = Doubts()
        attestor = doubts.ask(self._attestor, message, deadline, attestation)
        doubts.ask(refuse_if, WrongVersion=separation.version != 0)
        recording = doubts.ask(self._register, call, registration, signature, tables, attestor or 0)
        if recording is not None:
            doubts.ask(self._separate, recording, stems, separation, attestor or 0)
        doubts.settle()

    def _register(
        self,
        call: Call,
        registration: Registration,
        signature: bytes,
        tables: Sequence[Sequence[int]],
        attestor: int,
    ) -> int:
        r = registration
        recording = recording_of_content(r.content_hash)
        is_signed = self.house.is_signed(r.creator, self.digest(r.hash()), signature)
        doubts = Doubts()
        doubts.ask(
            refuse_if,
            RecordingExists=recording in self.state.recordings,
            ZeroAddress=r.creator == 0,
            DeadlinePassed=self.now > r.deadline,
            InvalidCreatorSignature=call.sender != r.creator and not is_signed,
            UnknownCodec=r.credits_codec not in CODECS,
            ResaleRoyaltyTooHigh=r.resale_royalty_ppm > RESALE_CAP,
            TooManySlots=len(r.split) > SLOTS_CAP,
            EmptySlot=any(account == 0 or ppm == 0 for account, ppm in r.split),
            SplitTooHigh=sum(ppm for _, ppm in r.split) > PPM,
            TooManyParents=len(r.parents) > PARENTS_CAP,
        )
        self.emit(
            "RecordingRegistered",
            recording,
            r.creator,
            attestor,
            r.content_hash,
            r.credits_digest,
            r.credits_codec,
            r.resale_royalty_ppm,
        )
        doubts.ask(self._fix_ancestry, recording, r.creator, r.parents, tables)
        doubts.settle()
        self.state.recordings[recording] = Recording(r.creator, 0, r.resale_royalty_ppm, self.house.block, 0)
        self.house.ledger.fix_split(recording, r.split)
        return recording

    def _fix_ancestry(
        self, recording: int, creator: int, parents: Sequence[Parent], given: Sequence[Sequence[int]]
    ) -> None:
        works = [parent.work for parent in parents]
        distinct = list(dict.fromkeys(map(recording_of, works)))
        doubts = Doubts()
        doubts.ask(
            refuse_if,
            UnknownWork=not all(map(self.exists, works)),
            ParentsNotAscending=any(a >= b for a, b in pairwise(works)),
            WrongTableCount=len(given) != len(distinct),
        )
        own = []
        for work, license_id in parents:
            ppm = doubts.ask(self.house.licenses.consume, license_id, work, creator, recording)
            self.emit("ParentFixed", recording, work, license_id, ppm)
            own.append((work, ppm or 0))
        tables = [dict(self.full_tables.get(parent, ())) for parent in distinct]
        merged = merged_table(own, tables)
        stack = sum(merged.values())
        doubts.ask(
            refuse_if,
            **_wrong_tables(tables, given),
            TooManyAncestors=len(merged) > ANCESTORS_CAP,
            StackTooHigh=stack > STACK_CAP,
        )
        doubts.settle()
        if not parents:
            return
        for ancestor, ppm in merged.items():
            self.emit("RoyaltyEntry", recording, ancestor, ppm)
        root = table_root(merged)
        self.emit("RoyaltyTableFixed", recording, root, stack, len(merged))
        self.state.tables[recording] = Table(root, stack, len(merged))
        self.full_tables[recording] = tuple(merged.items())

    # ------------------------------------------------------------------ separations

    def commit_separation(
        self,
        call: Call,
        content_hash: int,
        stems: Sequence[Stem],
        separation: Separation,
        deadline: int,
        attestation: bytes,
        holder_signature: bytes,
    ) -> None:
        recording = recording_of_content(content_hash)
        kept = self.state.recordings.get(recording, NOBODY)
        refuse_if(UnknownWork=kept.creator == 0)
        message = messages.attestation_hash(kept.creator, content_hash, separation, deadline)
        doubts = Doubts()
        attestor = doubts.ask(self._attestor, message, deadline, attestation)
        expected = kept.version + 1 if kept.separation_root else 0
        holder = self.house.titles.holder(recording)
        message = messages.version_hash(recording, separation)
        agrees = holder == call.sender or self.house.is_signed(holder, self.digest(message), holder_signature)
        doubts.ask(
            refuse_if,
            WrongVersion=separation.version != expected,
            InvalidHolderSignature=expected != 0 and not agrees,
        )
        doubts.ask(self._separate, recording, stems, separation, attestor or 0)
        doubts.settle()

    def anchor_batch(self, call: Call, root: int, count: int, manifest_digest: int, manifest_codec: int) -> None:
        refuse_if(
            NotAttestor=not self.house.roles.is_attestor(call.sender),
            EmptyBatch=count == 0,
            UnknownCodec=manifest_codec not in CODECS,
            BatchExists=root in self.state.batches,
        )
        self.state.batches[root] = Batch(call.sender, self.house.block, count)
        self.emit("BatchAnchored", root, call.sender, count, manifest_digest, manifest_codec)

    def materialize(
        self,
        call: Call,
        root: int,
        recording: int,
        stems: Sequence[Stem],
        separation: Separation,
        proof: Sequence[int],
    ) -> None:
        batch = self.state.batches.get(root, Batch(0, 0, 0))
        kept = self.state.recordings.get(recording, NOBODY)
        climbed = messages.batch_leaf(recording, separation)
        for sibling in proof:
            climbed = node(climbed, sibling)
        refuse_if(
            UnknownBatch=batch.count == 0,
            UnknownWork=kept.creator == 0,
            BatchTooEarly=kept.registered_block >= batch.anchored_block,
            AlreadySeparated=kept.separation_root != 0,
            WrongVersion=separation.version != 0,
            NotInBatch=climbed != root,
        )
        self.emit("BatchLeafMaterialized", root, recording)
        self._separate(recording, stems, separation, batch.attestor)

    def _separate(self, recording: int, stems: Sequence[Stem], separation: Separation, attestor: int) -> None:
        leaves = [messages.stem_leaf(recording | kind, stem) for kind, stem in enumerate(stems, 1)]
        refuse_if(
            UnknownCodec=separation.manifest_codec not in CODECS or any(s.cid_codec not in CODECS for s in stems),
            StemsRootMismatch=root_of(leaves) != separation.stems_root,
        )
        root = messages.separation_root(recording, separation.stems_root, separation.metadata_digest)
        kept = self.state.recordings[recording]
        self.state.recordings[recording] = kept._replace(version=separation.version, separation_root=root)
        self.emit("SeparationCommitted", recording, attestor, *separation)
        for kind, stem in enumerate(stems, 1):
            self.emit("StemCommitted", recording | kind, separation.version, *stem)

    def _attestor(self, message: int, deadline: int, attestation: bytes) -> int:
        signer, signed = self.house.signatures.get(attestation, (0, 0))
        is_good = signed == self.digest(message) and self.house.roles.is_attestor(signer)
        refuse_if(DeadlinePassed=self.now > deadline, InvalidAttestation=not is_good)
        return signer

    # ------------------------------------------------------------------ what others ask

    def exists(self, work: int) -> bool:
        return kind_of(work) <= 6 and recording_of(work) in self.state.recordings

    def creator(self, work: int) -> int:
        creator: int = self.state.recordings.get(recording_of(work), NOBODY).creator
        return creator

    def table(self, work: int) -> Table:
        table: Table = self.state.tables.get(recording_of(work), Table(0, 0, 0))
        return table

    def stack(self, work: int) -> int:
        return self.table(work).stack_ppm

    def is_entry(self, work: int, ancestor: int, ppm: int, proof: Sequence[int]) -> bool:
        """Whether the claim is of the table and is shown to be."""
        climbed = entry_leaf(ancestor, ppm)
        for sibling in proof:
            climbed = node(climbed, sibling)
        return (ancestor, ppm) in self.full_tables.get(recording_of(work), ()) and climbed == self.table(work).root


def _wrong_tables(tables: Sequence[dict[int, int]], given: Sequence[Sequence[int]]) -> dict[str, bool]:
    """A shown table must be the one that was fixed, in the order of works."""
    for table, shown in zip(tables, given, strict=False):
        if list(shown) != [work << 32 | ppm for work, ppm in sorted(table.items())]:
            return {"TableMismatch": True, "EntriesNotAscending": True}
    return {}
