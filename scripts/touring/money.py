"""Money of the tour: payments in three ways, claims, settlements and withdrawals. The books note each act."""

from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any

from scripts.touring.books import works_of
from scripts.touring.cast import Person
from scripts.touring.chain import ONE_HOUR, TourFailed
from scripts.touring.stage import Stage
from stemma.chain.intents import sign_typed_data
from stemma.chain.licensing import NATIVE
from stemma.chain.withdrawals import TITLE_SLOT, Withdrawal, withdrawal_typed_data, works_mask
from stemma.works import Kind, WorkId

ALL_WORKS = works_mask(Kind)
_REFERENCE = bytes.fromhex("5a") * 32


class Money:
    """The acts of payers and payees. Amounts are base units."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._chain = stage.chain
        self._books = stage.books
        self._splitter = stage.chain["RoyaltySplitter"]
        self._functions = self._splitter.functions
        self._nonces = count(1)

    # ------------------------------------------------------------------ in

    def pay(self, payer: Person, work: WorkId, token: str, amount: int) -> None:
        """By `pay`. In dollars the payer must have allowed it."""
        value = amount if token == NATIVE else 0
        self._chain.send(payer.account, self._functions.pay(work, token, amount, _REFERENCE), value)
        self._books.pay(payer.name, work, token, amount)

    def pay_by_transfer(self, payer: Person, work: WorkId, token: str, amount: int) -> None:
        """By a plain transfer to the work's own address, from which anybody sweeps it in."""
        self._transfer(payer, self._functions.receiverOf(work).call(), token, amount)
        self._send(self._functions.sweep(work, token))
        self._books.pay(payer.name, work, token, amount)

    def force(self, payer: Person, token: str, amount: int) -> None:
        """Without asking the splitter: by a plain transfer, or, of coin, by a contract that destroys itself."""
        if token == NATIVE:
            # PUSH20 splitter, SELFDESTRUCT: creation code that leaves its coin to the splitter.
            self._chain.send_raw(payer.account, None, bytes.fromhex(f"73{self._splitter.address[2:]}ff"), amount)
        else:
            self._transfer(payer, self._splitter.address, token, amount)
        self._books.force(payer.name, token, amount)

    # ------------------------------------------------------------------ shares

    def claim_all(self, token: str, *, order: int) -> int:
        """Everything that any ancestor may claim and any work may settle, in the order of a seed. Returns the steps."""
        steps: list[tuple[WorkId, WorkId]] = []
        for work in self._books.works_with_money(token):
            steps.append((work, work))
            steps += [(work, entry.work) for entry in self._books.table_of(work).entries]
        Random(order).shuffle(steps)  # noqa: S311 - any order will do
        claims = [step for step in steps if step[0] != step[1]]
        half = len(claims) // 2
        self._claim_many(claims[:half], token)
        settled = [work for work, to in steps if work == to]
        self._send(self._functions.settleMany(settled, token))
        for work in settled:
            self._books.settle(work, token)
        self._claim_many(claims[half:], token)
        return len(steps)

    def claim(self, descendant: WorkId, ancestor: WorkId, token: str) -> int:
        """One claim. Returns what was moved."""
        self._send(self._functions.claim(*self._claim(descendant, ancestor), token))
        return self._books.claim(descendant, ancestor, token)

    def settle(self, work: WorkId, token: str) -> int:
        """One settlement. Returns what was moved."""
        self._send(self._functions.settle(work, token))
        return self._books.settle(work, token)

    def expect_nothing_due(self, token: str) -> None:
        """Whoever claims or settles once more moves nothing. Raises TourFailed otherwise."""
        works = self._books.works_with_money(token)
        pairs = [(work, entry.work) for work in works for entry in self._books.table_of(work).entries]
        claims = [self._claim(*pair) for pair in pairs]
        again = self._functions.claimMany(claims, token).call() + self._functions.settleMany(works, token).call()
        if again:
            raise TourFailed(f"after everything was moved, {again} were due once more")

    # ------------------------------------------------------------------ out

    def due(self, recording: WorkId, token: str, slot: int) -> int:
        """What a slot may draw of a recording and its stems, by the books."""
        return sum(self._books.available(work, token, slot) for work in works_of(recording))

    def withdraw(self, owner: Person, recording: WorkId, token: str, slot: int = TITLE_SLOT) -> int:
        """By the slot's owner, of the recording and its stems. Returns the amount."""
        call = self._functions.withdrawMany(recording, ALL_WORKS, token, slot, owner.address)
        self._chain.send(owner.account, call)
        return self._books.withdraw(works_of(recording), token, slot, owner.name)

    def withdraw_by_signature(self, owner: Person, recording: WorkId, token: str, slot: int = TITLE_SLOT) -> int:
        """The same, sent by a relayer."""
        nonce = next(self._nonces)
        withdrawal = Withdrawal(
            owner.address, recording, ALL_WORKS, token, slot, owner.address, nonce, self._chain.now + ONE_HOUR
        )
        typed = withdrawal_typed_data(withdrawal, chain_id=self._chain.id, splitter=self._splitter.address)
        struct = (owner.address, recording, ALL_WORKS, token, slot, owner.address, nonce, withdrawal.deadline)
        call = self._functions.withdrawSigned(struct, sign_typed_data(owner.key, typed))
        self._send(call)
        return self._books.withdraw(works_of(recording), token, slot, owner.name)

    def set_payout(self, owner: Person, payout: Person) -> None:
        """Where anyone may send what the owner's slots may draw."""
        self._chain.send(owner.account, self._chain["IPNFT"].functions.setPayout(payout.address))

    def withdraw_to_payout(self, payout: Person, recording: WorkId, token: str, slot: int = TITLE_SLOT) -> int:
        """By anyone, to the address that the slot's owner has set."""
        call = self._functions.withdrawToPayout(recording, ALL_WORKS, token, slot)
        self._send(call)
        return self._books.withdraw(works_of(recording), token, slot, payout.name)

    def withdraw_refused(self, owner: Person, recording: WorkId, token: str, error: str) -> str:
        """Why the title's slot may not be drawn; it must be by this error."""
        call = self._functions.withdrawMany(recording, ALL_WORKS, token, TITLE_SLOT, owner.address)
        return str(self._chain.refusal(owner.account, call, error).name)

    def withdraw_fees(self, recipient: Person, token: str) -> int:
        """The protocol's fees, if there are any. Returns the amount."""
        if not self._books.fees[token]:
            return 0
        self._chain.send(recipient.account, self._functions.withdrawFees(token, recipient.address))
        return self._books.withdraw_fees(token, recipient.name)

    def sell_slot(self, seller: Person, buyer: Person, recording: WorkId, slot: int, price: int) -> None:
        """A whole slot against dollars, with what it has not drawn."""
        self._transfer(buyer, seller.address, self._stage.dollars, price)
        self._chain.send(seller.account, self._functions.reassignSlot(recording, slot, buyer.address))
        self._books.transfer(buyer.name, seller.name, self._stage.dollars, price)
        self._books.reassign(recording, slot, buyer.name)

    # ------------------------------------------------------------------ parts

    def _transfer(self, payer: Person, to: str, token: str, amount: int) -> None:
        if token == NATIVE:
            self._chain.send_raw(payer.account, to, value=amount)
        else:
            self._chain.send(payer.account, self._chain.usdc.functions.transfer(to, amount))

    def _claim(self, descendant: WorkId, ancestor: WorkId) -> tuple[Any, ...]:
        table = self._books.table_of(descendant)
        return descendant, ancestor, table.ppm_of(ancestor), table.proof(ancestor)

    def _claim_many(self, claims: Sequence[tuple[WorkId, WorkId]], token: str) -> None:
        if not claims:
            return
        self._send(self._functions.claimMany([self._claim(*pair) for pair in claims], token))
        for descendant, ancestor in claims:
            self._books.claim(descendant, ancestor, token)

    def _send(self, call: Any) -> None:
        self._chain.send(self._stage.cast["Relayer"].account, call)
