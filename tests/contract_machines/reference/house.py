"""The whole house by the rules of design.md: one object per contract, one state, and the logs of each act."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.contract_machines.abi import Log
from tests.contract_machines.reference import messages
from tests.contract_machines.reference.calls import Call
from tests.contract_machines.reference.disputes import Disputes
from tests.contract_machines.reference.dollar import Dollar
from tests.contract_machines.reference.ledger import RoyaltySplitter
from tests.contract_machines.reference.licenses import Licenses
from tests.contract_machines.reference.registry import StemRegistry
from tests.contract_machines.reference.roles import Roles
from tests.contract_machines.reference.rules import Refused
from tests.contract_machines.reference.selling import LicenseManager
from tests.contract_machines.reference.sessions import SessionVault
from tests.contract_machines.reference.state import State
from tests.contract_machines.reference.titles import IPNFT

NATIVE = 0


@dataclass
class House:
    """The reference. ``addresses`` are the contracts' by name, the dollar's among them."""

    addresses: dict[str, int]
    chain_id: int
    now: int = 0
    block: int = 0
    state: State = field(default_factory=State)
    logs: list[Log] = field(default_factory=list)
    signatures: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """What was signed: by which key's account, and which digest. No other signature is good."""
    wallets: dict[int, int] = field(default_factory=dict)
    """Contract accounts (ERC-1271), and the account whose key signs for each."""
    refusing: set[int] = field(default_factory=set)
    """Contracts that take no native coin."""

    def __post_init__(self) -> None:
        self.roles = Roles(self)
        self.registry = StemRegistry(self)
        self.titles = IPNFT(self)
        self.ledger = RoyaltySplitter(self)
        self.licenses = Licenses(self)
        self.manager = LicenseManager(self)
        self.vault = SessionVault(self)
        self.disputes = Disputes(self)
        self.dollar = Dollar(self)
        self.native = self.state.add_book()
        """account -> native coin."""
        self._parts = {
            "Roles": self.roles,
            "StemRegistry": self.registry,
            "IPNFT": self.titles,
            "RoyaltySplitter": self.ledger,
            "Licenses": self.licenses,
            "LicenseManager": self.manager,
            "SessionVault": self.vault,
            "Disputes": self.disputes,
            "TestUSDC": self.dollar,
        }
        self._domains = {
            name: messages.domain_separator(*_domain_of(name), self.chain_id, address)
            for name, address in self.addresses.items()
        }

    def act(self, contract: str, function: str, call: Call, arguments: tuple[Any, ...]) -> list[Log]:
        """Do what a transaction would, at ``now`` in ``block``.

        Returns:
            The logs that it must leave, in any order.

        Raises:
            Refused: the rules forbid it; nothing has changed.
        """
        self.state.begin()
        self.logs = []
        try:
            self.move_native(call.sender, self.addresses[contract], call.value)
            getattr(self._parts[contract], _snake(function))(call, *arguments)
        except Refused:
            self.state.undo()
            raise
        return self.logs

    def run_as_timelock(self, contract: str, function: str, arguments: tuple[Any, ...]) -> None:
        """What a scheduled call does when it runs, inside the transaction that runs it."""
        getattr(self._parts[contract], _snake(function))(Call(self.addresses["Roles"]), *arguments)

    def emit(self, contract: str, event: str, *arguments: Any) -> None:
        """Expect a log."""
        self.logs.append(Log(contract, event, arguments))

    # ------------------------------------------------------------------ what several rules need

    def digest(self, contract: str, message: int) -> int:
        """What is signed of a struct's hash for a contract."""
        return messages.digest(self._domains[contract], message)

    def is_signed(self, account: int, digest: int, signature: bytes) -> bool:
        """Whether this is the account's signature: its key's, or for a contract account its owner's."""
        signer, signed = self.signatures.get(signature, (0, 0))
        return signer != 0 and signed == digest and signer in {account, self.wallets.get(account)}

    def move_native(self, sender: int, to: int, amount: int) -> None:
        """Native coin from one account to another."""
        if amount:
            assert self.native.get(sender, 0) >= amount, "an act spends coin that its sender has not"
            self.native[sender] = self.native.get(sender, 0) - amount
            self.native[to] = self.native.get(to, 0) + amount

    def balance(self, token: int, account: int) -> int:
        """What an account has of a token."""
        return self.native.get(account, 0) if token == NATIVE else self.dollar.balance(account)


def _domain_of(contract: str) -> tuple[str, str]:
    return ("Test USDC", "2") if contract == "TestUSDC" else (contract, "1")


def _snake(name: str) -> str:
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
