"""The dollar of the tests: an ERC-20 with a blacklist, permits (ERC-2612) and authorizations (ERC-3009)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract_machines.reference import messages
from tests.contract_machines.reference.part import Part
from tests.contract_machines.reference.rules import refuse_if

if TYPE_CHECKING:
    from tests.contract_machines.reference.calls import Call
    from tests.contract_machines.reference.house import House


class Dollar(Part):
    """TestUSDC, as far as the house's contracts meet it."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.balances = house.state.add_book()
        self.allowances = house.state.add_book()
        self.blacklisted = house.state.add_book()
        self.permit_nonces = house.state.add_book()
        self.authorizations = house.state.add_book()

    @property
    def address(self) -> int:
        return self.house.addresses["TestUSDC"]

    def balance(self, account: int) -> int:
        return int(self.balances.get(account, 0))

    # ------------------------------------------------------------------ what anyone calls

    def mint(self, call: Call, to: int, amount: int) -> None:
        refuse_if(AccountBlacklisted=to in self.blacklisted)
        self.balances[to] = self.balance(to) + amount
        self._emit("Transfer", 0, to, amount)

    def transfer(self, call: Call, to: int, amount: int) -> None:
        self.move(call.sender, to, amount)

    def approve(self, call: Call, spender: int, amount: int) -> None:
        refuse_if(AccountBlacklisted=call.sender in self.blacklisted or spender in self.blacklisted)
        self.allowances[call.sender, spender] = amount
        self._emit("Approval", call.sender, spender, amount)

    def blacklist(self, call: Call, account: int) -> None:
        self.blacklisted[account] = 1
        self._emit("Blacklisted", account)

    def un_blacklist(self, call: Call, account: int) -> None:
        del self.blacklisted[account]
        self._emit("UnBlacklisted", account)

    # ------------------------------------------------------------------ what contracts do with it

    def move(self, sender: int, to: int, amount: int) -> None:
        refuse_if(
            AccountBlacklisted=sender in self.blacklisted or to in self.blacklisted,
            BalanceTooLow=amount > self.balance(sender),
            ZeroAddress=to == 0,
        )
        self.balances[sender] = self.balance(sender) - amount
        self.balances[to] = self.balance(to) + amount
        self._emit("Transfer", sender, to, amount)

    def take(self, spender: int, owner: int, amount: int) -> None:
        """transferFrom by ``spender`` to itself."""
        allowed = self.allowances.get((owner, spender), 0)
        refuse_if(AllowanceTooLow=amount > allowed, AccountBlacklisted=spender in self.blacklisted)
        self.allowances[owner, spender] = allowed - amount
        self.move(owner, spender, amount)

    def receive_with_authorization(
        self, payee: int, payer: int, value: int, valid_after: int, valid_before: int, nonce: int, signature: bytes
    ) -> None:
        message = messages.authorization_hash(payer, payee, value, valid_after, valid_before, nonce)
        refuse_if(
            AuthorizationNotYetValid=self.now <= valid_after,
            AuthorizationExpired=self.now >= valid_before,
            AuthorizationUsedOrCanceled=(payer, nonce) in self.authorizations,
            InvalidSignature=not self.house.is_signed(payer, self.house.digest("TestUSDC", message), signature),
        )
        self.authorizations[payer, nonce] = 1
        self._emit("AuthorizationUsed", payer, nonce)
        self.move(payer, payee, value)

    def try_permit(self, owner: int, spender: int, permit: messages.Permit) -> None:
        """An ERC-2612 permit; one that is no good changes nothing."""
        nonce = self.permit_nonces.get(owner, 0)
        message = messages.permit_hash(owner, spender, permit.value, nonce, permit.deadline)
        signature = permit.r.to_bytes(32, "big") + permit.s.to_bytes(32, "big") + bytes([permit.v])
        is_good = (
            self.now <= permit.deadline
            and not {owner, spender} & self.blacklisted.keys()
            and self.house.is_signed(owner, self.house.digest("TestUSDC", message), signature)
        )
        if is_good:
            self.permit_nonces[owner] = nonce + 1
            self.allowances[owner, spender] = permit.value
            self._emit("Approval", owner, spender, permit.value)

    def allow_without_end(self, owner: int, spender: int) -> None:
        self.allowances[owner, spender] = 2**256 - 1
        self._emit("Approval", owner, spender, 2**256 - 1)

    def _emit(self, event: str, *arguments: int) -> None:
        self.house.emit("TestUSDC", event, *arguments)
