"""Attestors: whose signature over a separation counts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from eth_hash.auto import keccak

from indexer.projection import Events, Projections
from indexer.tables import Row

projections = Projections()
attestors = projections.state("attestors")

ATTESTOR_ROLE = keccak(b"ATTESTOR_ROLE")


class RoleGranted(NamedTuple):
    """Roles: from now on this account has the role."""

    role: bytes
    account: bytes
    sender: bytes


class RoleRevoked(NamedTuple):
    """Roles: from now on this account has the role no longer."""

    role: bytes
    account: bytes
    sender: bytes


@projections.on("Roles", RoleGranted)
def role_granted(events: Events[RoleGranted]) -> Iterator[Row]:
    """The attestor's row, active; other roles have no table."""
    for at, event in events:
        if event.role == ATTESTOR_ROLE:
            yield attestors.row(at, attestor=event.account, active=True, changed_at=at.block_time)


@projections.on("Roles", RoleRevoked)
def role_revoked(events: Events[RoleRevoked]) -> Iterator[Row]:
    """The attestor's row, no longer active."""
    for at, event in events:
        if event.role == ATTESTOR_ROLE:
            yield attestors.row(at, attestor=event.account, active=False, changed_at=at.block_time)


@projections.stored("Roles", "isAttestor", "select attestor, active from attestors")
def attestor_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """Whether the account may attest, as the contract says."""
    return [row["attestor"]], row["active"]
