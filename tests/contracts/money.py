"""What tests of the splitter share: payments, settled income, and a splitter of one's own."""

from dataclasses import dataclass
from typing import Any

from commits import digest
from reverting import simulate

from stemma.chain.licensing import NATIVE
from stemma.works import WorkId

REFERENCE = digest("a reference")


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


def own_splitter(project, house, admin, *, manager, tokens, registry=None) -> Any:
    """A splitter beside the house's, among the same peers, for which an account stands in as the license manager."""
    peers = (house["Roles"], registry or house["StemRegistry"], house["IPNFT"], house["Disputes"])
    return admin.deploy(project.RoyaltySplitter, *peers, manager, admin, tokens)


def events_of(receipt, contract) -> list[Any]:
    """The events of one contract, in order."""
    return [event for event in receipt.events if event.contract_address == contract.address]


def answer(method, *arguments, sender) -> int:
    """The number that a transaction would return."""
    return int.from_bytes(simulate(method, *arguments, sender=sender), "big")
