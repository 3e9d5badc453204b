"""A house on a chain beside its reference: every act is done in both, and every log is checked and replayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import coincurve
import rlp

from tests.contract_machines.abi import Log, keccak
from tests.contract_machines.chain import RICH, Chain, Receipt, Transaction, address_text
from tests.contract_machines.compiler import HOUSE, Artifact
from tests.contract_machines.laws import check_laws
from tests.contract_machines.node import CHAIN_ID, GENESIS_TIME, NodeRefused, running_node
from tests.contract_machines.reference.calls import Call
from tests.contract_machines.reference.house import House
from tests.contract_machines.reference.rules import Refused
from tests.contract_machines.reference.state import Token
from tests.contract_machines.replay import Replay
from tests.contract_machines.storage import storage_of
from tests.contract_machines.views import expected_views

NATIVE = 0
PEOPLE = 6
STAFF = ("deployer", "admin", "guardian", "attestor", "arbiter", "treasury", "blacklister")
CONTRACTS = (*HOUSE, "TestUSDC", "ContractWallet")

# Runtime code of one byte pattern each, behind a constructor that returns it.
_REVERTS = bytes.fromhex("60006000fd")
_RETURNS_A_MEGABYTE = bytes.fromhex("620f42406000f3")


@dataclass(frozen=True)
class Cast:
    """Who acts. ``people`` have keys; ``wallet`` is a contract account for which the last of them signs; ``refuser`` is
    a contract that takes no coin, ``bomber`` one that answers with a megabyte."""

    people: tuple[int, ...]
    staff: Mapping[str, int]
    wallet: int
    refuser: int
    bomber: int

    @property
    def everyone(self) -> tuple[int, ...]:
        """All who may own things."""
        return (*self.people, self.wallet)


class World:
    """One chain, one reference, one replay of the logs."""

    def __init__(self, chain: Chain, artifacts: Mapping[str, Artifact]) -> None:
        self.chain = chain
        self.artifacts = artifacts
        self.replay = Replay()
        self.acts = 0
        self.gas = 0
        """Of the last transaction whose receipt was checked."""
        self._keys: dict[int, coincurve.PrivateKey] = {}
        self.cast, self.house = self._deploy()
        self.usdc = self.house.addresses["TestUSDC"]

    # ------------------------------------------------------------------ acting

    def act(
        self, contract: str, function: str, sender: int, *arguments: Any, value: int = 0, after: int = 1
    ) -> Refused | None:
        """Do something on the chain and in the reference, ``after`` seconds later. Whether the chain agreed is seen at
        the next ``check`` at the latest, which raises AssertionError if not.

        Returns:
            What the reference said against it, or None when it is done.
        """
        time, block = self.chain.now + after, self.chain.block + 1
        transaction = self._transaction(contract, function, sender, arguments, value)
        what = _What(contract, function, arguments, sender, time)
        try:
            expected = self._act_by_the_rules(contract, function, Call(sender, value), arguments, time, block)
        except Refused as refusal:
            self.chain.call(transaction, time, block, _expecting(refusal, what))
            return refusal
        check_laws(self.house, contract, function, sender)

        def check_receipt(receipt: Receipt) -> None:
            self.gas = receipt.gas
            self._follow(receipt)
            assert receipt.succeeded, f"{what} was refused with {self._reason(receipt)}"
            unexpected, missing = _compare(expected, receipt)
            assert not unexpected, f"{what} left {unexpected[0]}, not {missing}"
            assert not missing, f"{what} did not leave {missing[0]}"

        self.chain.send(transaction, time, check_receipt)
        return None

    def act_in_vain(self, contract: str, function: str, sender: int, *arguments: Any) -> None:
        """What would be refused in the same block as the last act; nothing, if the rules allow it there."""
        time, block = self.chain.now, self.chain.block
        transaction = self._transaction(contract, function, sender, arguments, 0)
        try:
            self._act_by_the_rules(contract, function, Call(sender), arguments, time, block)
        except Refused as refusal:
            what = _What(contract, function, arguments, sender, time)
            self.chain.call(transaction, time, block, _expecting(refusal, what))
        else:
            self.house.state.undo()

    def must(self, contract: str, function: str, sender: int, *arguments: Any, **options: int) -> None:
        """Do something that the rules allow. Raises AssertionError if they do not."""
        refusal = self.act(contract, function, sender, *arguments, **options)
        assert refusal is None, f"{contract}.{function} is refused: {refusal}"

    def measure(self, contract: str, function: str, sender: int, *arguments: Any, **options: int) -> int:
        """Do what the rules allow, see that it is right, and say what it cost in gas."""
        self.must(contract, function, sender, *arguments, **options)
        self.chain.node.drain()
        return self.gas

    def _transaction(
        self, contract: str, function: str, sender: int, arguments: tuple[Any, ...], value: int
    ) -> Transaction:
        address = self.house.addresses[contract]
        return Transaction(sender, address, self.chain.interfaces[address].call(function, arguments), value)

    def _act_by_the_rules(
        self, contract: str, function: str, call: Call, arguments: tuple[Any, ...], time: int, block: int
    ) -> list[Log]:
        self.acts += 1
        self.house.now, self.house.block = time, block
        return self.house.act(contract, function, call, arguments)

    def force_native(self, account: int, amount: int) -> None:
        """Put coin where nobody asked for it, as a self-destructing contract would."""
        balance = self.house.native.get(account, 0) + amount
        self.house.native[account] = balance
        self.chain.set_balance(account, balance)

    def sign(self, signer: int, contract: str, message: int) -> bytes:
        """The signature of an account (a wallet's is its owner's) over a struct's hash for a contract."""
        digest = self.house.digest(contract, message)
        owner = self.house.wallets.get(signer, signer)
        raw = self._keys[owner].sign_recoverable(digest.to_bytes(32, "big"), hasher=None)
        signature = raw[:64] + bytes([27 + raw[64]])
        self.house.signatures[signature] = owner, digest
        return signature

    # ------------------------------------------------------------------ proving

    def check(self) -> None:
        """Wait for the chain and compare reference, replayed logs, every word of storage, views and balances."""
        self.chain.node.drain()
        differences = self.house.state.differences(self.replay.state)
        assert not differences, f"the logs tell another state than the rules: {differences[:5]}"
        stored = self.chain.storage()
        for name, expected in storage_of(self.replay.state, self.artifacts).items():
            found = stored.get(self.house.addresses[name], {})
            wrong = {slot for slot in expected.keys() | found.keys() if expected.get(slot) != found.get(slot)}
            words = [f"slot {slot:#x}: {found.get(slot, 0):#x}, not {expected.get(slot, 0):#x}" for slot in wrong]
            assert not words, f"storage of {name} is not what its logs say: {words[:5]}"
        self._check_views()
        self._check_balances()

    def _check_views(self) -> None:
        house = self.house
        house.now = self.chain.now
        works = [recording | kind for recording in house.state.recordings for kind in (0, 1, 2)]
        expected = list(expected_views(house, works))
        answers = self.chain.read_many(
            [(house.addresses[contract], view, arguments) for contract, view, arguments, _ in expected]
        )
        for (contract, view, arguments, wanted), found in zip(expected, answers, strict=True):
            assert found == wanted, f"{contract}.{view}{arguments} answers {found}, not {wanted}"

    def _check_balances(self) -> None:
        house, chain = self.house, self.chain
        accounts = list(house.dollar.balances.keys() | house.native.keys())
        dollars = chain.read_many([(self.usdc, "balanceOf", (account,)) for account in accounts])
        natives: list[str] = []
        for account in accounts:
            chain.node.post("eth_getBalance", [address_text(account), "latest"], natives.append)
        chain.node.drain()
        for account, dollar, native in zip(accounts, dollars, natives, strict=True):
            assert dollar == house.dollar.balance(account), f"dollars of {address_text(account)}"
            assert int(native, 16) == house.native.get(account, 0), f"native coin of {address_text(account)}"
        for token in (NATIVE, self.usdc):
            entry = house.state.tokens.get(token, Token())
            liabilities = house.ledger.liabilities(token)
            assert entry.paid_in - entry.paid_out == liabilities, "liabilities are not what the works are owed"
            assert chain.read(house.ledger.address, "liabilitiesOf", token) == liabilities
            assert house.balance(token, house.ledger.address) >= liabilities, "the splitter owes more than it has"
            owed = sum(amount for (_, of), amount in house.state.budgets.items() if of == token)
            assert house.balance(token, house.vault.address) >= owed, "the vault owes more than it has"

    def _reason(self, receipt: Receipt) -> str:
        traces: list[Any] = []
        node = self.chain.node
        # The node has forgotten the states of old blocks, and kept what every transaction did.
        node.post("debug_traceTransaction", [receipt.transaction, {"tracer": "callTracer"}], traces.append)
        # Called from within a drain: the answers before this one come first.
        node.drain()
        [trace] = traces
        output = "0x" if isinstance(trace, NodeRefused) else trace.get("output", "0x")
        return self.chain.error_name(bytes.fromhex(output[2:])) or str(trace)

    # ------------------------------------------------------------------ beginning anew

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Go back to where the block began, after it, in all respects."""
        self.chain.node.drain()
        snapshot = self.chain.snapshot()
        states = (self.house.state, self.replay.state)
        kept = [state.copy_books() for state in states]
        signatures = dict(self.house.signatures)
        try:
            yield
        finally:
            self.chain.node.abandon()
            self.chain.revert(snapshot)
            for state, books in zip(states, kept, strict=True):
                state.load_books(books)
            self.house.signatures = signatures

    # ------------------------------------------------------------------ setting up

    def _deploy(self) -> tuple[Cast, House]:
        keys = [coincurve.PrivateKey(keccak(f"person {number}".encode())) for number in range(PEOPLE + len(STAFF))]
        accounts = [int.from_bytes(keccak(key.public_key.format(compressed=False)[1:])[12:], "big") for key in keys]
        self._keys = dict(zip(accounts, keys, strict=True))
        people, staff = tuple(accounts[:PEOPLE]), dict(zip(STAFF, accounts[PEOPLE:], strict=True))
        self.chain.make_rich(*accounts)
        deployer = staff["deployer"]
        order = ("TestUSDC", *HOUSE, "ContractWallet", "refuser", "bomber")
        at = {name: _created_address(deployer, nonce) for nonce, name in enumerate(order)}
        cast = Cast(people, staff, at.pop("ContractWallet"), at.pop("refuser"), at.pop("bomber"))
        house = House(at, CHAIN_ID, wallets={cast.wallet: people[-1]})
        house.refusing |= {cast.refuser, cast.wallet, *at.values()} - {at["Roles"]}
        for name, arguments in _constructor_arguments(at, staff).items():
            self._follow(self.chain.deploy(self.artifacts[name], deployer, *arguments, at=at[name]))
        self.chain.deploy(self.artifacts["ContractWallet"], deployer, people[-1], 1, at=cast.wallet)
        self.chain.deploy_code(_creation_of(_REVERTS), deployer, at=cast.refuser)
        self.chain.deploy_code(_creation_of(_RETURNS_A_MEGABYTE), deployer, at=cast.bomber)
        self.chain.make_rich(cast.wallet)
        # What the constructors did is taken from their logs; from here on the reference knows better.
        house.state.take_over(self.replay.state)
        for account in (*accounts, cast.wallet):
            house.native[account] = RICH
        return cast, house

    def _follow(self, receipt: Receipt) -> None:
        for log in receipt.logs:
            try:
                self.replay.apply(log, receipt.block, receipt.time)
            except KeyError as error:
                raise AssertionError(f"{log} is about something that no log has told of") from error


@contextmanager
def running_world(artifacts: Mapping[str, Artifact]) -> Iterator[World]:
    """A world on an anvil of its own."""
    with running_node() as node:
        yield World(Chain(node, GENESIS_TIME), artifacts)


def _constructor_arguments(at: Mapping[str, int], staff: Mapping[str, int]) -> dict[str, tuple[Any, ...]]:
    peers: dict[str, tuple[Any, ...]] = {name: tuple(at[peer] for peer in of) for name, of in _PEERS.items()}
    peers["RoyaltySplitter"] += (staff["treasury"], [NATIVE, at["TestUSDC"]])
    return {
        "TestUSDC": (staff["blacklister"],),
        "Roles": (staff["admin"], staff["guardian"], [staff["attestor"]], [staff["arbiter"]]),
        **peers,
    }


_PEERS = {
    "StemRegistry": ("Roles", "IPNFT", "RoyaltySplitter", "Licenses"),
    "IPNFT": ("StemRegistry",),
    "RoyaltySplitter": ("Roles", "StemRegistry", "IPNFT", "Disputes", "LicenseManager"),
    "Licenses": ("StemRegistry", "LicenseManager"),
    "LicenseManager": ("Roles", "StemRegistry", "IPNFT", "RoyaltySplitter", "Licenses", "Disputes"),
    "SessionVault": ("LicenseManager", "RoyaltySplitter"),
    "Disputes": ("Roles",),
}


@dataclass(frozen=True, slots=True)
class _What:
    """An act in words, made only when something is wrong with it."""

    contract: str
    function: str
    arguments: tuple[Any, ...]
    sender: int
    time: int

    def __str__(self) -> str:
        return f"{self.contract}.{self.function}{self.arguments} by {address_text(self.sender)} at {self.time}"


def _expecting(refusal: Refused, what: _What) -> Callable[[bytes | str], None]:
    """Checks that a call reverts for one of the reasons that the reference has."""

    def check(answer: bytes | str) -> None:
        reasons = sorted(refusal.reasons)
        assert isinstance(answer, str), f"{what} went through, against {reasons}"
        assert answer in reasons, f"{what} was refused with {answer}, not with one of {reasons}"

    return check


def _compare(expected: list[Log], receipt: Receipt) -> tuple[list[str], list[str]]:
    """Logs that should not be there, and logs that should."""
    if list(receipt.logs) == expected:
        return [], []
    wanted, found = Counter(expected), Counter(receipt.logs)
    return [str(log) for log in found - wanted], [str(log) for log in wanted - found]


def _created_address(creator: int, nonce: int) -> int:
    encoded = rlp.encode([creator.to_bytes(20, "big"), nonce])
    return int.from_bytes(keccak(encoded)[12:], "big")


def _creation_of(runtime: bytes) -> bytes:
    """PUSH the runtime code into memory and return it."""
    size = len(runtime)
    return bytes([0x5F + size]) + runtime + bytes.fromhex("600052") + bytes([0x60, size, 0x60, 32 - size, 0xF3])
