"""Roles: who may attest, flag, administer and guard."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from eth_hash.auto import keccak

from indexer.projection import Events, Projections
from indexer.tables import Row

projections = Projections()
roles = projections.state("roles")

_NAMES = {
    keccak(b"ATTESTOR_ROLE"): "attestor",
    keccak(b"ARBITER_ROLE"): "arbiter",
    keccak(b"PROPOSER_ROLE"): "admin",
    keccak(b"EXECUTOR_ROLE"): "executor",
    keccak(b"CANCELLER_ROLE"): "guardian",
    bytes(32): "timelock",
}
"""Roles by OpenZeppelin's names, in this house's words. The zero role administers the others; the timelock holds it."""


class RoleGranted(NamedTuple):
    """Roles, AccessControl: the account has the role."""

    role: bytes
    account: bytes
    sender: bytes


class RoleRevoked(NamedTuple):
    """Roles, AccessControl: it has it no longer."""

    role: bytes
    account: bytes
    sender: bytes


@projections.on("Roles", RoleGranted)
def role_granted(events: Events[RoleGranted]) -> Iterator[Row]:
    """The account's row in the role, active."""
    for at, event in events:
        yield roles.row(at, role=_name(event.role), account=event.account, active=True, changed_at=at.block_time)


@projections.on("Roles", RoleRevoked)
def role_revoked(events: Events[RoleRevoked]) -> Iterator[Row]:
    """The account's row in the role, no longer active."""
    for at, event in events:
        yield roles.row(at, role=_name(event.role), account=event.account, active=False, changed_at=at.block_time)


def _name(role: bytes) -> str:
    return _NAMES.get(role, "0x" + role.hex())


@projections.stored("Roles", "isAttestor", "select account, active from roles where role = 'attestor'")
def attestor_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """Whether the account may attest, as the contract says."""
    return [row["account"]], row["active"]


@projections.stored("Roles", "isArbiter", "select account, active from roles where role = 'arbiter'")
def arbiter_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """Whether the account may flag, as the contract says."""
    return [row["account"]], row["active"]
