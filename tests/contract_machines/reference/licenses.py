"""Licenses: snapshots that nothing later changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract_machines.reference.part import Part
from tests.contract_machines.reference.rules import refuse_if
from tests.contract_machines.reference.state import Snapshot

if TYPE_CHECKING:
    from tests.contract_machines.reference.calls import Call

STREAM, PERSONAL, REMIX, SYNC, COMMERCIAL = range(5)


class Licenses(Part):
    """The ERC-721 of grants."""

    def transfer_from(self, call: Call, sender: int, to: int, license_id: int) -> None:
        holder = self.state.license_owners.get(license_id, 0)
        snapshot = self.state.snapshots.get(license_id)
        refuse_if(
            ERC721InvalidReceiver=to == 0,
            ERC721NonexistentToken=holder == 0,
            ERC721InsufficientApproval=holder not in {0, call.sender},
            ERC721IncorrectOwner=holder != sender,
            NotTransferable=snapshot and (not snapshot.transferable or license_id in self.state.remixes),
        )
        self.state.license_owners[license_id] = to
        self.emit("Transfer", sender, to, license_id)

    def grant(self, license_id: int, licensee: int, snapshot: Snapshot) -> None:
        """The license manager does."""
        refuse_if(LicenseExists=license_id in self.state.license_owners, ERC721InvalidReceiver=licensee == 0)
        self.state.snapshots[license_id] = snapshot
        self.state.license_owners[license_id] = licensee
        self.emit("Transfer", 0, licensee, license_id)
        s = snapshot
        self.emit(
            "LicenseGranted",
            license_id,
            s.work,
            licensee,
            s.terms,
            s.kind,
            s.coverage,
            s.version,
            s.expires_at,
            s.remix_ppm,
            s.transferable,
        )

    def consume(self, license_id: int, work: int, creator: int, remix: int) -> int:
        """The registry does, whatever is flagged.

        Returns:
            The work's share of the remix' revenue.
        """
        snapshot = self.state.snapshots.get(license_id)
        refuse_if(UnknownLicense=snapshot is None)
        refuse_if(
            NotLicensee=self.state.license_owners[license_id] != creator,
            WrongWork=snapshot.work != work,
            WrongKind=snapshot.kind != REMIX,
            AlreadyConsumed=license_id in self.state.remixes,
            LicenseExpired=not self.is_running(license_id),
        )
        self.state.remixes[license_id] = remix
        self.emit("LicenseConsumed", license_id, work, remix)
        return int(snapshot.remix_ppm)

    def is_running(self, license_id: int) -> bool:
        end = self.state.snapshots[license_id].expires_at
        return end == 0 or self.now < end

    def is_valid(self, license_id: int) -> bool:
        """A consumed license stays good for its remix."""
        return self.is_running(license_id) or license_id in self.state.remixes
