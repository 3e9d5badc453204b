"""Attestors: whose signature over a separation counts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row

projections = Projections()
attestors = projections.state("attestors")


class AttestorGranted(NamedTuple):
    """StemRegistry: from now on this account may attest."""

    attestor: bytes


class AttestorRevoked(NamedTuple):
    """StemRegistry: from now on this account may not."""

    attestor: bytes


@projections.on("StemRegistry", AttestorGranted)
def attestor_granted(events: Events[AttestorGranted]) -> Iterator[Row]:
    """The attestor's row, active."""
    for at, event in events:
        yield attestors.row(at, attestor=event.attestor, active=True, changed_at=at.block_time)


@projections.on("StemRegistry", AttestorRevoked)
def attestor_revoked(events: Events[AttestorRevoked]) -> Iterator[Row]:
    """The attestor's row, no longer active."""
    for at, event in events:
        yield attestors.row(at, attestor=event.attestor, active=False, changed_at=at.block_time)


@projections.stored("StemRegistry", "isAttestor", "select attestor, active from attestors")
def attestor_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """Whether the account may attest, as the contract says."""
    return [row["attestor"]], row["active"]
