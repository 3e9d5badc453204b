"""Titles (ERC-721) of works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract_machines.reference import messages
from tests.contract_machines.reference.part import Part
from tests.contract_machines.reference.rules import Refused, refuse_if
from tests.contract_machines.reference.state import Title
from tests.contract_machines.reference.words import ALL_WORKS, RECORDING, kind_of, recording_of

if TYPE_CHECKING:
    from tests.contract_machines.reference.calls import Call


class IPNFT(Part):
    """Who holds a work's rights, how often its title changed hands, and which version it shows."""

    def mint(self, call: Call, work: int, to: int, stems_root: int, metadata_digest: int) -> None:
        holder = self.holder(work)
        kept = self.state.recordings[recording_of(work)]
        refuse_if(
            TitleExists=work in self.state.title_owners,
            NotRightsHolder=call.sender != holder,
            NotSeparated=kept.separation_root == 0,
            MetadataMismatch=self._is_other(work, stems_root, metadata_digest),
            ERC721InvalidReceiver=to == 0 or to in self.house.refusing - self.house.wallets.keys(),
        )
        self.state.titles[work] = Title(kept.version, metadata_digest)
        if kind_of(work) == RECORDING:
            self.state.transfers[work] = int(to != holder)
        else:
            mask = self.state.minted_stems.get(recording_of(work), 0)
            self.state.minted_stems[recording_of(work)] = mask | 1 << kind_of(work)
        self.state.title_owners[work] = to
        self.emit("Transfer", 0, to, work)
        self.emit("TitleMinted", work, to, call.sender, kept.version, metadata_digest)

    def adopt(self, call: Call, work: int, stems_root: int, metadata_digest: int, signature: bytes) -> None:
        holder = self.state.title_owners.get(work, 0)
        refuse_if(NoTitle=holder == 0)
        kept = self.state.recordings[recording_of(work)]
        message = messages.adoption_hash(work, kept.version, metadata_digest)
        agrees = call.sender == holder or self.house.is_signed(holder, self.digest(message), signature)
        is_behind = self.state.titles.get(work, Title(0, 0)).version != kept.version
        refuse_if(
            MetadataMismatch=self._is_other(work, stems_root, metadata_digest),
            InvalidHolderSignature=is_behind and kind_of(work) != RECORDING and not agrees,
        )
        if is_behind:
            self.state.titles[work] = Title(kept.version, metadata_digest)
            self.emit("VersionAdopted", work, holder, kept.version, metadata_digest)
            self.emit("MetadataUpdate", work)

    def transfer_from(self, call: Call, sender: int, to: int, work: int) -> None:
        holder = self.state.title_owners.get(work, 0)
        refuse_if(
            ERC721InvalidReceiver=to == 0,
            ERC721NonexistentToken=holder == 0,
            ERC721InsufficientApproval=holder not in {0, call.sender},
            ERC721IncorrectOwner=holder != sender,
        )
        self.state.title_owners[work] = to
        self.state.transfers[work] = self.state.transfers.get(work, 0) + 1
        self.emit("Transfer", sender, to, work)

    def set_payout(self, call: Call, payout: int) -> None:
        refuse_if(ZeroPayout=payout == 0)
        self.state.payouts[call.sender] = payout
        self.emit("PayoutSet", call.sender, payout)

    def _is_other(self, work: int, stems_root: int, metadata_digest: int) -> bool:
        """Whether these digests are not those of the work's newest separation."""
        recording = recording_of(work)
        kept = self.state.recordings[recording].separation_root
        return kept != messages.separation_root(recording, stems_root, metadata_digest)

    # ------------------------------------------------------------------ what others ask

    def holder(self, work: int) -> int:
        """The rights holder.

        Raises:
            Refused: there is no such work.
        """
        if not self.house.registry.exists(work):
            raise Refused("UnknownWork")
        owners = self.state.title_owners
        return int(owners.get(work) or owners.get(recording_of(work)) or self.house.registry.creator(work))

    def epoch(self, work: int) -> int:
        """The governing title and how often it changed hands."""
        governing = work if self.is_titled_stem(work) else recording_of(work)
        return governing << 32 | self.state.transfers.get(governing, 0)

    def coverage(self, work: int) -> int:
        """What a license of the work covers if granted now."""
        if kind_of(work) != RECORDING:
            return 1 << kind_of(work)
        return ALL_WORKS & ~int(self.state.minted_stems.get(work, 0))

    def version(self, work: int) -> int:
        if self.is_titled_stem(work):
            return int(self.state.titles[work].version) if work in self.state.titles else 0
        return int(self.state.recordings[recording_of(work)].version)

    def is_titled_stem(self, work: int) -> bool:
        return bool(self.state.minted_stems.get(recording_of(work), 0) >> kind_of(work) & 1)
