"""Family trees on a chain: registrations of tracks and remixes, and the table each should have."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from commits import ONE_HOUR, digest, registration_struct

from stemma.chain.intents import (
    Parent,
    Registration,
    SigningDomain,
    origin_typed_data,
    registration_typed_data,
    sign_typed_data,
)
from stemma.chain.royalties import TRACK_TABLE, Entry, RoyaltyTable, parents_recordings, remix_table
from stemma.cid import RAW
from stemma.works import WorkId


@dataclass
class Family:
    """Registers recordings by an attestor's word, and keeps what their tables must be."""

    registry: Any
    domain: SigningDomain
    creator: Any
    attestor: Any
    now: int
    sender: Any = None  # the creator, unless it is relayed
    tables: dict[WorkId, RoyaltyTable] = field(default_factory=dict)

    def registration(self, title: str, parents: Sequence[Parent] = ()) -> Registration:
        return Registration(
            creator=self.creator.address,
            content_hash=digest(title),
            credits_digest=digest(f"{title} credits"),
            credits_codec=RAW,
            resale_royalty_ppm=50_000,
            deadline=self.now + ONE_HOUR,
            parents=tuple(parents),
        )

    def arguments(self, registration: Registration, tables: Sequence[Sequence[int]]) -> tuple:
        """What registerAttested takes."""
        deadline = self.now + ONE_HOUR
        origin = origin_typed_data(registration.creator, registration.content_hash, deadline, self.domain)
        return (
            registration_struct(registration),
            sign_typed_data(self.creator.private_key, registration_typed_data(registration, self.domain)),
            list(tables),
            deadline,
            sign_typed_data(self.attestor.private_key, origin),
        )

    def track(self, title: str) -> WorkId:
        registration = self.registration(title)
        self.registry.registerAttested(*self.arguments(registration, []), sender=self.creator)
        self.tables[registration.recording_id] = TRACK_TABLE
        return registration.recording_id

    def tables_of(self, entries: Sequence[Entry]) -> list[list[int]]:
        """The calldata that a remix of these parents needs."""
        return [self.tables[recording].words for recording in parents_recordings(entries)]

    def remix(self, title: str, entries: Sequence[Entry], licenses: Sequence[int]) -> tuple[WorkId, Any]:
        """Register a remix of parents (with the ppm that their licenses grant); its id and the receipt."""
        parents = [Parent(entry.work, license_id) for entry, license_id in zip(entries, licenses, strict=True)]
        registration = replace(self.registration(title), parents=tuple(parents))
        arguments = self.arguments(registration, self.tables_of(entries))
        receipt = self.registry.registerAttested(*arguments, sender=self.sender or self.creator)
        self.tables[registration.recording_id] = remix_table(entries, self.tables)
        return registration.recording_id, receipt
