"""Roles, and the timelock in which whatever grants something waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.contract_machines.abi import codec_of
from tests.contract_machines.reference.part import Part
from tests.contract_machines.reference.rules import Refused, refuse_if
from tests.contract_machines.reference.words import keccak_int

if TYPE_CHECKING:
    from tests.contract_machines.reference.calls import Call
    from tests.contract_machines.reference.house import House

DELAY = 48 * 3600
DONE = 1
TIMELOCK = 0
ATTESTOR, ARBITER = keccak_int(b"ATTESTOR_ROLE"), keccak_int(b"ARBITER_ROLE")
PROPOSER, EXECUTOR, CANCELLER = (keccak_int(name) for name in (b"PROPOSER_ROLE", b"EXECUTOR_ROLE", b"CANCELLER_ROLE"))

_OPERATION = codec_of(("address", "uint256", "bytes", "bytes32", "bytes32"))


class Roles(Part):
    """OpenZeppelin's TimelockController with a delay that cannot change, and two rights that end at once."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.meanings: dict[tuple[int, bytes], tuple[str, str, tuple[Any, ...]]] = {}
        """What a scheduled call (target, data) does: contract, function, arguments."""

    def is_attestor(self, account: int) -> bool:
        return (ATTESTOR, account) in self.state.roles

    def is_arbiter(self, account: int) -> bool:
        return (ARBITER, account) in self.state.roles

    def is_guardian(self, account: int) -> bool:
        return (CANCELLER, account) in self.state.roles

    def is_admin(self, account: int) -> bool:
        return (PROPOSER, account) in self.state.roles

    # ------------------------------------------------------------------ the timelock

    def schedule(
        self, call: Call, target: int, value: int, data: bytes, predecessor: int, salt: int, delay: int
    ) -> None:
        operation = operation_id(target, value, data, predecessor, salt)
        refuse_if(
            AccessControlUnauthorizedAccount=not self.is_admin(call.sender),
            TimelockUnexpectedOperationState=operation in self.state.operations,
            TimelockInsufficientDelay=delay < DELAY,
        )
        self.state.operations[operation] = self.now + delay
        self.emit("CallScheduled", operation, 0, target, value, data, predecessor, delay)
        if salt:
            self.emit("CallSalt", operation, salt)

    def execute(self, call: Call, target: int, value: int, data: bytes, predecessor: int, salt: int) -> None:
        operation = operation_id(target, value, data, predecessor, salt)
        ready = self.state.operations.get(operation, 0)
        refuse_if(
            AccessControlUnauthorizedAccount=(EXECUTOR, call.sender) not in self.state.roles,
            TimelockUnexpectedOperationState=not DONE < ready <= self.now,
        )
        contract, function, arguments = self.meanings[target, data]
        self.house.run_as_timelock(contract, function, arguments)
        self.state.operations[operation] = DONE
        self.emit("CallExecuted", operation, 0, target, value, data)

    def cancel(self, call: Call, operation: int) -> None:
        refuse_if(
            AccessControlUnauthorizedAccount=not self.is_guardian(call.sender),
            TimelockUnexpectedOperationState=self.state.operations.get(operation, DONE) == DONE,
        )
        del self.state.operations[operation]
        self.emit("Cancelled", operation)

    def update_delay(self, call: Call, delay: int) -> None:
        raise Refused("DelayIsFixed")

    # ------------------------------------------------------------------ roles

    def grant_role(self, call: Call, role: int, account: int) -> None:
        refuse_if(AccessControlUnauthorizedAccount=(TIMELOCK, call.sender) not in self.state.roles)
        refuse_if(ZeroAddress=account == 0)
        if (role, account) not in self.state.roles:
            self.state.roles[role, account] = 1
            self.emit("RoleGranted", role, account, call.sender)

    def revoke_attestor(self, call: Call, account: int) -> None:
        refuse_if(NotGuardian=not (self.is_guardian(call.sender) or self.is_admin(call.sender)))
        self._revoke(call, ATTESTOR, account)

    def revoke_arbiter(self, call: Call, account: int) -> None:
        refuse_if(NotAdmin=not self.is_admin(call.sender))
        self._revoke(call, ARBITER, account)

    def _revoke(self, call: Call, role: int, account: int) -> None:
        if (role, account) in self.state.roles:
            del self.state.roles[role, account]
            self.emit("RoleRevoked", role, account, call.sender)


def operation_id(target: int, value: int, data: bytes, predecessor: int, salt: int) -> int:
    """How the timelock names an operation: keccak(abi.encode(target, value, data, predecessor, salt))."""
    return keccak_int(_OPERATION.encode((target, value, data, predecessor, salt)))
