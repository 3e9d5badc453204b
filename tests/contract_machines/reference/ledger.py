"""All money of the house."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.contract_machines.reference.messages import Claim, Share, Withdrawal
from tests.contract_machines.reference.part import Part
from tests.contract_machines.reference.rules import PPM, Refused, refuse_if
from tests.contract_machines.reference.state import Account, Fees, Slot, Token
from tests.contract_machines.reference.words import RECORDING, kind_of, recording_of

if TYPE_CHECKING:
    from tests.contract_machines.reference.calls import Call
    from tests.contract_machines.reference.house import House

NATIVE = 0
TITLE = 255
MOST_PAID_IN = 2**120 - 1


class RoyaltySplitter(Part):
    """Per work and token: what was received, and the income that its slots and its title draw from."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.receivers: dict[int, int] = {}
        """work -> its receiving address; filled by whoever sets the house up."""
        self.created_receivers = house.state.add_book()

    # ------------------------------------------------------------------ money in

    def pay(self, call: Call, work: int, token: int, amount: int, reference: int) -> None:
        refuse_if(**self._not_payable(work, token, amount), WrongValue=call.value != (0 if token else amount))
        if token:
            self.house.dollar.take(self.address, call.sender, amount)
        self._receive(work, token, call.sender, amount, reference)

    def sweep(self, call: Call, work: int, token: int) -> None:
        receiver = self.receivers[work]
        amount = self.house.balance(token, receiver)
        refuse_if(**self._not_payable(work, token, amount))
        if work not in self.created_receivers:
            self.created_receivers[work] = receiver
            self.emit("ReceiverCreated", work, receiver)
        if token:
            try:
                self.house.dollar.move(receiver, self.address, amount)
            except Refused as refusal:
                raise Refused("TransferFailed", *refusal.reasons) from refusal
        else:
            self.house.move_native(receiver, self.address, amount)
        self._receive(work, token, receiver, amount, 0)

    def collect(self, payer: int, work: int, token: int, price: int, fee: int, license_id: int) -> None:
        """A license's price, of which ``fee`` is the protocol's. The native coin has come along already."""
        refuse_if(**self._not_payable(work, token, price))
        if token:
            self.house.dollar.take(self.address, payer, price)
        self._receive_price(payer, work, token, price, fee, license_id)

    def collect_with_authorization(
        self,
        payer: int,
        work: int,
        token: int,
        price: int,
        fee: int,
        license_id: int,
        valid_after: int,
        valid_before: int,
        signature: bytes,
    ) -> None:
        refuse_if(**self._not_payable(work, token, price))
        self.house.dollar.receive_with_authorization(
            self.address, payer, price, valid_after, valid_before, license_id, signature
        )
        self._receive_price(payer, work, token, price, fee, license_id)

    def _not_payable(self, work: int, token: int, amount: int) -> dict[str, bool]:
        entry = self.state.tokens.get(token, Token())
        return {
            "UnknownWork": not self.house.registry.exists(work),
            "TokenNotAccepted": not entry.accepted,
            "ZeroAmount": amount == 0,
            "AmountTooLarge": entry.paid_in + amount > MOST_PAID_IN,
        }

    def _receive_price(self, payer: int, work: int, token: int, price: int, fee: int, license_id: int) -> None:
        if fee:
            fees = self.state.fees.get(token, Fees())
            self.state.fees[token] = fees._replace(credited=fees.credited + fee)
            self.emit("FeeCredited", token, work, fee, fees.credited + fee)
            self._book(token, fee)
        self._receive(work, token, payer, price - fee, license_id)

    def _receive(self, work: int, token: int, payer: int, amount: int, reference: int) -> None:
        account = self._account(work, token)
        received = account.received + amount
        self.state.accounts[work, token] = account._replace(received=received)
        self.emit("Paid", work, token, payer, amount, received, reference)
        self._book(token, amount)

    def _book(self, token: int, amount: int) -> None:
        entry = self.state.tokens[token]
        self.state.tokens[token] = entry._replace(paid_in=entry.paid_in + amount)

    # ------------------------------------------------------------------ shares

    def claim(self, call: Call, descendant: int, ancestor: int, ppm: int, proof: Sequence[int], token: int) -> None:
        self._claim(Claim(descendant, ancestor, ppm, tuple(proof)), token)

    def claim_many(self, call: Call, claims: Sequence[Claim], token: int) -> None:
        for claim in claims:
            self._claim(claim, token)

    def settle(self, call: Call, work: int, token: int) -> None:
        refuse_if(UnknownWork=not self.house.registry.exists(work))
        account = self._account(work, token)
        own = account.received * (PPM - self.house.registry.stack(work)) // PPM
        amount = own - account.own_moved
        if amount:
            income = account.income + amount
            self.state.accounts[work, token] = account._replace(own_moved=own, income=income)
            self.emit("Settled", work, token, amount, own, income)

    def settle_many(self, call: Call, works: Sequence[int], token: int) -> None:
        for work in works:
            self.settle(call, work, token)

    def _claim(self, claim: Claim, token: int) -> None:
        descendant, ancestor = claim.descendant, claim.ancestor
        refuse_if(UnknownWork=not self.house.registry.exists(descendant))
        refuse_if(InvalidProof=not self.house.registry.is_entry(descendant, ancestor, claim.ppm, claim.proof))
        due = self._account(descendant, token).received * claim.ppm // PPM
        amount = due - self.state.moved.get((descendant, ancestor, token), 0)
        if amount:
            self.state.moved[descendant, ancestor, token] = due
            account = self._account(ancestor, token)
            self.state.accounts[ancestor, token] = account._replace(income=account.income + amount)
            self.emit("Claimed", descendant, ancestor, token, amount, due, account.income + amount)

    # ------------------------------------------------------------------ money out

    def withdraw(self, call: Call, work: int, token: int, slot: int, to: int) -> None:
        self._withdraw(call.sender, recording_of(work), [work], token, slot, to, {})

    def withdraw_many(self, call: Call, recording: int, works: int, token: int, slot: int, to: int) -> None:
        broken = _misnamed(recording, works)
        self._withdraw(call.sender, recording, _named(recording, works), token, slot, to, broken)

    def withdraw_signed(self, call: Call, order: Withdrawal, signature: bytes) -> None:
        broken = {
            "DeadlinePassed": self.now > order.deadline,
            "InvalidSignature": not self.house.is_signed(order.account, self.digest(order.hash()), signature),
            "NonceAlreadyUsed": (order.account, order.nonce) in self.state.withdrawal_nonces,
            **_misnamed(order.recording, order.works),
        }
        self._use_nonce(order.account, order.nonce)
        works = _named(order.recording, order.works)
        self._withdraw(order.account, order.recording, works, order.token, order.slot, order.to, broken)

    def withdraw_to_payout(self, call: Call, recording: int, works: int, token: int, slot: int) -> None:
        broken = _misnamed(recording, works)
        named = _named(recording, works)
        try:
            owner = self._owner(named[0], slot) if named else 0
        except Refused as refusal:
            raise Refused(*refusal.reasons, *(name for name, is_broken in broken.items() if is_broken)) from refusal
        payout = self.state.payouts.get(owner, 0)
        broken |= {"NoPayoutAddress": payout == 0}
        self._withdraw(owner, recording, named, token, slot, payout, broken)

    def cancel_nonce(self, call: Call, nonce: int) -> None:
        refuse_if(NonceAlreadyUsed=(call.sender, nonce) in self.state.withdrawal_nonces)
        self._use_nonce(call.sender, nonce)

    def reassign_slot(self, call: Call, recording: int, slot: int, to: int) -> None:
        owner, ppm = self.state.slots.get((recording, slot), Slot(0, 0))
        refuse_if(ZeroAddress=to == 0, UnknownSlot=owner == 0, NotSlotOwner=owner not in {0, call.sender})
        self.state.slots[recording, slot] = Slot(to, ppm)
        self.emit("SlotReassigned", recording, owner, to, slot)

    def withdraw_fees(self, call: Call, token: int, to: int) -> None:
        fees = self.state.fees.get(token, Fees())
        amount = fees.credited - fees.drawn
        refuse_if(NotFeeRecipient=call.sender != self.state.settings["feeRecipient"], ZeroAmount=amount == 0)
        self.state.fees[token] = Fees(fees.credited, fees.credited)
        self.emit("FeesWithdrawn", token, to, amount, fees.credited)
        self._send(token, to, amount)

    def _withdraw(
        self,
        account: int,
        recording: int,
        works: list[int],
        token: int,
        slot: int,
        to: int,
        broken: dict[str, bool],
    ) -> None:
        broken |= {"RecordingFlagged": self.house.disputes.is_flagged(recording), "ZeroAddress": to == 0}
        for work in works:
            try:
                broken["NotSlotOwner"] = self._owner(work, slot) != account or broken.get("NotSlotOwner", False)
            except Refused as refusal:
                broken |= dict.fromkeys(refusal.reasons, True)
        amounts = {work: self.available(work, token, slot) for work in works}
        refuse_if(**broken, NothingToWithdraw=not any(amounts.values()))
        for work, amount in amounts.items():
            if amount:
                self._draw(work, token, slot, to, amount)
        self._send(token, to, sum(amounts.values()))

    def _draw(self, work: int, token: int, slot: int, to: int, amount: int) -> None:
        if slot == TITLE:
            account = self._account(work, token)
            drawn = account.title_drawn + amount
            self.state.accounts[work, token] = account._replace(title_drawn=drawn)
        else:
            drawn = self.state.drawn.get((work, token, slot), 0) + amount
            self.state.drawn[work, token, slot] = drawn
        self.emit("Withdrawn", work, token, to, slot, amount, drawn)

    def _send(self, token: int, to: int, amount: int) -> None:
        refuse_if(ZeroAddress=to == 0)
        refuse_if(TransferFailed=to == self.address)
        entry = self.state.tokens[token]
        self.state.tokens[token] = entry._replace(paid_out=entry.paid_out + amount)
        if token:
            try:
                self.house.dollar.move(self.address, to, amount)
            except Refused as refusal:
                raise Refused("TransferFailed") from refusal
        else:
            refuse_if(TransferFailed=to in self.house.refusing)
            self.house.move_native(self.address, to, amount)

    def _use_nonce(self, account: int, nonce: int) -> None:
        self.state.withdrawal_nonces[account, nonce] = 1
        self.emit("NonceUsed", account, nonce)

    def _owner(self, work: int, slot: int) -> int:
        if slot == TITLE:
            return self.house.titles.holder(work)
        owner = self.state.slots.get((recording_of(work), slot), Slot(0, 0)).owner
        refuse_if(UnknownSlot=owner == 0)
        return owner

    # ------------------------------------------------------------------ rules

    def fix_split(self, recording: int, split: Sequence[Share]) -> None:
        """The registry does, at registration."""
        for slot, (account, ppm) in enumerate(split):
            self.state.slots[recording, slot] = Slot(account, ppm)
            self.emit("SlotFixed", recording, account, slot, ppm)

    def accept_token(self, call: Call, token: int) -> None:
        refuse_if(NotTimelock=call.sender != self.house.addresses["Roles"])
        self.state.tokens[token] = self.state.tokens.get(token, Token())._replace(accepted=1)
        self.emit("TokenAccepted", token)

    def stop_token(self, call: Call, token: int) -> None:
        entry = self.state.tokens.get(token, Token())
        may = self.house.roles.is_guardian(call.sender) or call.sender == self.house.addresses["Roles"]
        refuse_if(NotGuardian=not may, TokenNotAccepted=not entry.accepted)
        self.state.tokens[token] = entry._replace(accepted=0)
        self.emit("TokenStopped", token)

    def set_fee_recipient(self, call: Call, recipient: int) -> None:
        refuse_if(NotTimelock=call.sender != self.house.addresses["Roles"], ZeroAddress=recipient == 0)
        self.state.settings["feeRecipient"] = recipient
        self.emit("FeeRecipientChanged", recipient)

    # ------------------------------------------------------------------ figures

    def ppm_of(self, recording: int, slot: int) -> int:
        """A slot's share of income; the title has what the slots leave."""
        if slot != TITLE:
            return self.state.slots.get((recording, slot), Slot(0, 0)).ppm
        return PPM - sum(self.state.slots.get((recording, other), Slot(0, 0)).ppm for other in range(16))

    def drawn(self, work: int, token: int, slot: int) -> int:
        if slot == TITLE:
            return self._account(work, token).title_drawn
        return int(self.state.drawn.get((work, token, slot), 0))

    def available(self, work: int, token: int, slot: int) -> int:
        """What a slot may draw now."""
        entitled = self._account(work, token).income * self.ppm_of(recording_of(work), slot) // PPM
        return entitled - self.drawn(work, token, slot)

    def liabilities(self, token: int) -> int:
        """By the definition, from every work's books."""
        received = sum(account.received for (_, of), account in self.state.accounts.items() if of == token)
        title_drawn = sum(account.title_drawn for (_, of), account in self.state.accounts.items() if of == token)
        drawn = sum(amount for (_, of, _), amount in self.state.drawn.items() if of == token)
        fees = self.state.fees.get(token, Fees())
        return received + fees.credited - title_drawn - drawn - fees.drawn

    def _account(self, work: int, token: int) -> Account:
        account: Account = self.state.accounts.get((work, token), Account())
        return account


def _named(recording: int, works: int) -> list[int]:
    """The works that a mask names."""
    return [recording | kind for kind in range(8) if works >> kind & 1]


def _misnamed(recording: int, works: int) -> dict[str, bool]:
    return {"NoWorks": works == 0, "UnknownWork": kind_of(recording) != RECORDING or works > 0b111_1111}
