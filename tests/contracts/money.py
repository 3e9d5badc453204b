"""What tests of the splitter share: payments, settled income, the timelock, and a splitter of one's own."""

from dataclasses import dataclass
from typing import Any

from commits import digest

from stemma.chain.licensing import NATIVE
from stemma.works import WorkId

REFERENCE = digest("a reference")
TWO_DAYS = 48 * 3600


@dataclass(frozen=True)
class Bank:
    """Pays works, and settles what they got."""

    splitter: Any
    payer: Any
    anyone: Any

    def pay(self, work: WorkId, token: Any, amount: int) -> Any:
        """Pay in a token, or in native coin."""
        value = amount if token == NATIVE else 0
        return self.splitter.pay(work, token, amount, REFERENCE, sender=self.payer, value=value)

    def income(self, work: WorkId, token: Any, amount: int) -> None:
        """Pay a track or its stem and settle it: all of it becomes income."""
        self.pay(work, token, amount)
        self.splitter.settle(work, token, sender=self.anyone)


def own_splitter(project, house, admin, *, manager, tokens) -> Any:
    """A splitter beside the house's, among the same peers, for which an account stands in as the license manager."""
    peers = (house["Roles"], house["StemRegistry"], house["IPNFT"], house["Disputes"])
    return admin.deploy(project.RoyaltySplitter, *peers, manager, admin, tokens)


def through_timelock(chain, roles, admin, method, *arguments) -> Any:
    """Let the timelock call a method: schedule it, wait, execute it; the last receipt."""
    call = (method.contract.address, 0, method.encode_input(*arguments), bytes(32), digest(str(arguments)))
    roles.schedule(*call, TWO_DAYS, sender=admin)
    chain.mine(deltatime=TWO_DAYS)
    return roles.execute(*call, sender=admin)


def events_of(receipt, contract) -> list[Any]:
    """The events of one contract, in order."""
    return [event for event in receipt.events if event.contract_address == contract.address]
