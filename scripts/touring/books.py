"""The books: what the house's rules give everyone for the tour's acts, in Python alone, before the chain is asked.

Tables come from ``stemma.chain.royalties``. One rule moves all money: of a total that only grows, a share of so many
parts per million is entitled to the product rounded down, less what it has taken.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stemma.chain.intents import WHOLE_PPM
from stemma.chain.royalties import RoyaltyTable
from stemma.chain.withdrawals import TITLE_SLOT
from stemma.works import Kind, WorkId, recording_of, stem_id

STEMS = tuple(kind for kind in Kind if kind is not Kind.RECORDING)


def works_of(recording: WorkId) -> tuple[WorkId, ...]:
    """A recording and its six stems."""
    return (recording, *(stem_id(recording, kind) for kind in STEMS))


@dataclass(frozen=True)
class Slot:
    """One share of the income of a recording and of its stems, and who owns it."""

    ppm: int
    owner: str


class Books:
    """Money by name and token, and by work and token. Names are people's; a token is its address, zero the coin's."""

    def __init__(self, fee_ppm: int) -> None:
        self.fee_ppm = fee_ppm
        self.tables: dict[WorkId, RoyaltyTable] = {}
        self.slots: dict[WorkId, list[Slot]] = {}
        self.holders: dict[WorkId, str] = {}
        """Of recordings their creators and then their titles' holders; of stems only titles' holders."""
        self.received: Counter[tuple[WorkId, str]] = Counter()
        self.income: Counter[tuple[WorkId, str]] = Counter()
        self.moved: Counter[tuple[WorkId, WorkId, str]] = Counter()
        """By descendant and ancestor; what a work moved for itself is under itself."""
        self.drawn: Counter[tuple[WorkId, str, int]] = Counter()
        self.fees: Counter[str] = Counter()
        self.paid_in: Counter[str] = Counter()
        self.paid_out: Counter[str] = Counter()
        self.surplus: Counter[str] = Counter()
        self.in_vault: Counter[tuple[str, str]] = Counter()
        self.balances: Counter[tuple[str, str]] = Counter()
        """By how much each account's balance must have changed, gas apart."""
        self.spent: Counter[tuple[str, str]] = Counter()
        """Of that, what went into the house: payments, prices, forced sends."""
        self.earned: Counter[tuple[str, str]] = Counter()
        """Of that, what came out of the splitter."""

    # ------------------------------------------------------------------ works

    def register(self, recording: WorkId, creator: str, split: Sequence[tuple[str, int]], table: RoyaltyTable) -> None:
        """A new recording. ``split`` has (owner, ppm) by slot."""
        self.tables[recording] = table
        self.slots[recording] = [Slot(ppm, owner) for owner, ppm in split]
        self.holders[recording] = creator

    def table_of(self, work: WorkId) -> RoyaltyTable:
        return self.tables[recording_of(work)]

    def holder_of(self, work: WorkId) -> str:
        return self.holders.get(work, self.holders[recording_of(work)])

    def slot_of(self, work: WorkId, slot: int) -> Slot:
        """A collaborator's slot, or the title's: what the others leave, for whoever holds the rights."""
        slots = self.slots[recording_of(work)]
        if slot != TITLE_SLOT:
            return slots[slot]
        return Slot(WHOLE_PPM - sum(each.ppm for each in slots), self.holder_of(work))

    def slots_of(self, work: WorkId) -> Iterable[int]:
        return (*range(len(self.slots[recording_of(work)])), TITLE_SLOT)

    def reassign(self, recording: WorkId, slot: int, to: str) -> None:
        self.slots[recording][slot] = Slot(self.slots[recording][slot].ppm, to)

    # ------------------------------------------------------------------ money

    def transfer(self, payer: str, payee: str, token: str, amount: int) -> None:
        self.balances[payer, token] -= amount
        self.balances[payee, token] += amount

    def pay(self, payer: str, work: WorkId, token: str, amount: int) -> None:
        """A payment, or a sweep of what the payer had sent to the work's address."""
        self._spend(payer, token, amount)
        self._receive(work, token, amount)

    def sell(self, payer: str, work: WorkId, token: str, price: int) -> None:
        """A license's price, of which the protocol takes its fee."""
        self._spend(payer, token, price)
        self._receive(work, token, price - self._charge(token, price))

    def sell_to_session(self, owner: str, work: WorkId, token: str, price: int) -> None:
        """The same out of what the owner has in the vault."""
        self.in_vault[owner, token] -= price
        self.spent[owner, token] += price
        self._receive(work, token, price - self._charge(token, price))

    def deposit(self, owner: str, token: str, amount: int) -> None:
        """Into the vault, or back for a negative amount."""
        self.balances[owner, token] -= amount
        self.in_vault[owner, token] += amount

    def force(self, payer: str, token: str, amount: int) -> None:
        """Money that the splitter was sent without a call: nobody's."""
        self._spend(payer, token, amount)
        self.surplus[token] += amount

    def claim(self, descendant: WorkId, ancestor: WorkId, token: str) -> int:
        """An ancestor's due share of what a work received. Returns it."""
        return self._move(descendant, ancestor, token, self.table_of(descendant).ppm_of(ancestor))

    def settle(self, work: WorkId, token: str) -> int:
        """A work's own due remainder of what it received. Returns it."""
        return self._move(work, work, token, WHOLE_PPM - self.table_of(work).stack_ppm)

    def withdraw(self, works: Iterable[WorkId], token: str, slot: int, to: str) -> int:
        """All that a slot may draw of these works. Returns it."""
        amount = 0
        for work in works:
            amount += self.available(work, token, slot)
            self.drawn[work, token, slot] += self.available(work, token, slot)
        self._pay_out(to, token, amount)
        return amount

    def available(self, work: WorkId, token: str, slot: int) -> int:
        """What a slot may draw of one work now."""
        return _share(self.income[work, token], self.slot_of(work, slot).ppm) - self.drawn[work, token, slot]

    def withdraw_fees(self, token: str, to: str) -> int:
        """All fees that are there. Returns them."""
        amount = self.fees.pop(token, 0)
        self._pay_out(to, token, amount)
        return amount

    def _spend(self, payer: str, token: str, amount: int) -> None:
        self.balances[payer, token] -= amount
        self.spent[payer, token] += amount

    def _pay_out(self, to: str, token: str, amount: int) -> None:
        self.balances[to, token] += amount
        self.earned[to, token] += amount
        self.paid_out[token] += amount

    def _receive(self, work: WorkId, token: str, amount: int) -> None:
        self.received[work, token] += amount
        self.paid_in[token] += amount

    def _charge(self, token: str, price: int) -> int:
        fee = _share(price, self.fee_ppm)
        self.fees[token] += fee
        self.paid_in[token] += fee
        return fee

    def _move(self, descendant: WorkId, to: WorkId, token: str, ppm: int) -> int:
        entitled = _share(self.received[descendant, token], ppm)
        amount = entitled - self.moved[descendant, to, token]
        self.moved[descendant, to, token] = entitled
        self.income[to, token] += amount
        return amount

    # ------------------------------------------------------------------ what follows

    def liabilities(self, token: str) -> int:
        """What is owed to somebody still, dust included."""
        return self.paid_in[token] - self.paid_out[token]

    def dust_of_shares(self, work: WorkId, token: str) -> int:
        """What rounding leaves of a work's received money once all shares are moved: less than one unit a share."""
        received, table = self.received[work, token], self.table_of(work)
        shares = [*(entry.ppm for entry in table.entries), WHOLE_PPM - table.stack_ppm]
        return received - sum(_share(received, ppm) for ppm in shares)

    def dust_of_slots(self, work: WorkId, token: str) -> int:
        """What rounding leaves of a work's income once all slots have drawn."""
        income = self.income[work, token]
        return income - sum(_share(income, self.slot_of(work, slot).ppm) for slot in self.slots_of(work))

    def works_with_money(self, token: str) -> list[WorkId]:
        """Those that received something, or had something claimed for them."""
        totals: list[Mapping[tuple[WorkId, str], int]] = [self.received, self.income]
        return sorted({work for total in totals for (work, of), amount in total.items() if of == token and amount})


def _share(total: int, ppm: int) -> int:
    return total * ppm // WHOLE_PPM
