"""Orders that wait: scheduled by the admin, executed after 48 hours."""

from dataclasses import dataclass
from typing import Any

from eth_utils import keccak

DELAY = 48 * 3600
NO_PREDECESSOR = bytes(32)
ATTESTOR_ROLE = keccak(text="ATTESTOR_ROLE")
ARBITER_ROLE = keccak(text="ARBITER_ROLE")
GUARDIAN_ROLE = keccak(text="CANCELLER_ROLE")


@dataclass(frozen=True)
class Waiting:
    """One call that waits in the timelock."""

    roles: Any
    target: str
    data: bytes
    salt: bytes = bytes(32)

    @property
    def call(self) -> tuple:
        return (self.target, 0, self.data, NO_PREDECESSOR, self.salt)

    @property
    def id(self) -> bytes:
        return bytes(self.roles.hashOperation(*self.call))

    def schedule(self, sender, delay: int = DELAY):
        return self.roles.schedule(*self.call, delay, sender=sender)

    def execute(self, sender):
        return self.roles.execute(*self.call, sender=sender)


def order(roles, method, *arguments, salt: bytes = bytes(32)) -> Waiting:
    """The order to call a method of one of the contracts."""
    return Waiting(roles, method.contract.address, bytes(method.encode_input(*arguments)), salt)


def wait(chain, seconds: int = DELAY) -> None:
    """Let time pass on the chain."""
    chain.pending_timestamp += seconds
    chain.mine()


def carry_out(chain, waiting: Waiting, admin):
    """Schedule, wait, execute; the receipt of the execution."""
    waiting.schedule(admin)
    wait(chain)
    return waiting.execute(admin)


def grant(roles, admin, chain, account: str, role: bytes = ATTESTOR_ROLE):
    """Grant a role as the admin must: after 48 hours."""
    return carry_out(chain, order(roles, roles.grantRole, role, account), admin)
