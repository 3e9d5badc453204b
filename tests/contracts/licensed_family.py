"""Family trees whose remixes consume real licenses, and what to claim along them."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from itertools import count
from typing import Any

from commits import digest
from remixes import Family

from stemma.chain.intents import Share
from stemma.chain.licensing import NATIVE, LicenseKind, Purchase, Terms, license_id
from stemma.chain.royalties import TRACK_TABLE, Entry
from stemma.works import STEM_KINDS, WorkId, recording_of, stem_id


def works_of(recording: WorkId) -> list[WorkId]:
    """A recording and its six stems."""
    return [recording, *(stem_id(recording, kind) for kind in STEM_KINDS)]


@dataclass
class LicensedFamily(Family):
    """One creator's recordings: it sells the licenses to itself, for nothing."""

    manager: Any = None
    salts: Any = field(default_factory=count)

    def split_track(self, title: str, split: Sequence[tuple[Any, int]]) -> WorkId:
        """Register a track with collaborators: accounts and their ppm."""
        shares = tuple(Share(account.address, ppm) for account, ppm in split)
        registration = replace(self.registration(title), split=shares)
        self.registry.registerAttested(*self.arguments(registration, []), sender=self.creator)
        self.tables[registration.recording_id] = TRACK_TABLE
        return registration.recording_id

    def remix_of(self, title: str, parents: Mapping[WorkId, int]) -> WorkId:
        """Register a remix of these works with these ppm."""
        entries = [Entry(work, parents[work]) for work in sorted(parents)]
        for ppm in set(parents.values()):
            self.manager.publishTerms(astuple(self._terms(ppm)), sender=self.creator)
        remix, _ = self.remix(title, entries, [self._grant(entry) for entry in entries])
        return remix

    def _grant(self, entry: Entry) -> int:
        """Grant the creator a REMIX license of its own work; its id."""
        basis, salt = self._terms(entry.ppm).id, next(self.salts)
        self.manager.grantMany(entry.work, basis, [self.creator], salt, sender=self.creator)
        purchase = Purchase(work=entry.work, basis=basis, licensee=self.creator.address, salt=salt)
        return license_id(purchase, chain_id=self.domain.chain_id, manager=self.manager.address)

    def _terms(self, ppm: int) -> Terms:
        return Terms(kind=LicenseKind.REMIX, token=NATIVE, remix_ppm=ppm, legal_digest=digest("legal text"))

    def claim(self, descendant: WorkId, ancestor: WorkId) -> tuple[WorkId, WorkId, int, list[bytes]]:
        """What RoyaltySplitter.claim takes before the token: the entry and its proof."""
        table = self.tables[recording_of(descendant)]
        return descendant, ancestor, table.ppm_of(ancestor), table.proof(ancestor)
