"""The house's contracts on a node: transactions, calls that are expected to revert, logs, time and storage."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tests.contract_machines.abi import Interface, Log
from tests.contract_machines.compiler import Artifact
from tests.contract_machines.node import GAS, Node, NodeRefused

RICH = 10**45


def address_text(address: int) -> str:
    """An address as JSON-RPC takes it."""
    return f"0x{address:040x}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction, which is named by its hash."""

    transaction: str
    succeeded: bool
    gas: int
    block: int
    time: int
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class Transaction:
    """A call of a function of one of the contracts."""

    sender: int
    to: int
    data: bytes
    value: int = 0

    def as_json(self) -> dict[str, str]:
        return {
            "from": address_text(self.sender),
            "to": address_text(self.to),
            "data": "0x" + self.data.hex(),
            "value": hex(self.value),
            "gas": hex(GAS),
            "gasPrice": "0x0",
        }


class Chain:
    """A node with contracts whose interfaces it knows. Time and block number are kept here and given to the node."""

    def __init__(self, node: Node, now: int) -> None:
        self.node = node
        self.now = now
        self.block = 0
        self.interfaces: dict[int, Interface] = {}
        self._errors: dict[bytes, str] = {}

    # ------------------------------------------------------------------ setting up

    def make_rich(self, *accounts: int) -> None:
        """Native coin without end for these accounts."""
        for account in accounts:
            self.set_balance(account, RICH)

    def set_balance(self, account: int, balance: int) -> None:
        """Also how coin is forced upon a contract that takes none."""
        self.node.post("anvil_setBalance", [address_text(account), hex(balance)], _expect_no_refusal)

    def deploy(self, artifact: Artifact, deployer: int, *arguments: Any, at: int = 0) -> Receipt:
        """Create a contract, which is to come to be at ``at``, and know it from then on.

        Raises:
            AssertionError: it could not be created.
        """
        interface = Interface(artifact.name, artifact.abi)
        self.know(at, interface)
        code = bytes.fromhex(artifact.creation_code) + interface.construction(arguments)
        return self.deploy_code(code, deployer, at=at)

    def deploy_code(self, code: bytes, deployer: int, *, at: int) -> Receipt:
        """Create a contract from its creation code. Raises AssertionError as ``deploy`` does."""
        order = {"from": address_text(deployer), "data": "0x" + code.hex(), "gas": hex(GAS), "gasPrice": "0x0"}
        receipts: list[Any] = []
        self._mine(order, self.now + 1, receipts.append)
        self.node.drain()
        [[raw]] = receipts
        assert raw["status"] == "0x1", "a contract could not be created"
        assert int(raw["contractAddress"], 16) == at, "a contract came to be elsewhere"
        return self._receipt(raw, self.now)

    def know(self, address: int, interface: Interface) -> None:
        """Decode logs and errors of this contract from now on."""
        self.interfaces[address] = interface
        self._errors |= interface.errors

    # ------------------------------------------------------------------ acting

    def send(self, transaction: Transaction, time: int, then: Callable[[Receipt], None]) -> None:
        """Mine a block at ``time`` with this transaction alone; ``then`` gets its receipt later."""

        def with_receipts(raw: Any) -> None:
            [receipt] = raw
            then(self._receipt(receipt, time))

        self._mine(transaction.as_json(), time, with_receipts)

    def call(self, transaction: Transaction, time: int, block: int, then: Callable[[bytes | str], None]) -> None:
        """What a transaction would return (bytes) in a block of this time and number, or the name of the error it would
        revert with."""
        params = [transaction.as_json(), "latest", {}, {"time": hex(time), "number": hex(block)}]

        def with_answer(answer: Any) -> None:
            if isinstance(answer, NodeRefused):
                then(self.error_name(answer.data) or str(answer))
            else:
                then(bytes.fromhex(answer[2:]))

        self.node.post("eth_call", params, with_answer)

    def read(self, address: int, function: str, *arguments: Any) -> Any:
        """The answer of a view now.

        Raises:
            NodeRefused: it reverts.
        """
        interface = self.interfaces[address]
        data = "0x" + interface.call(function, arguments).hex()
        block = {"time": hex(self.now)}
        answer = self.node.ask("eth_call", {"to": address_text(address), "data": data}, "latest", {}, block)
        return interface.answer(function, bytes.fromhex(answer[2:]))

    def read_many(self, reads: Sequence[tuple[int, str, tuple[Any, ...]]]) -> list[Any]:
        """The answers of many views, asked for at once; NodeRefused in the place of one that reverts."""
        answers: list[Any] = []
        for address, function, arguments in reads:
            interface = self.interfaces[address]

            def keep(answer: Any, function: str = function, interface: Interface = interface) -> None:
                refused = isinstance(answer, NodeRefused)
                answers.append(answer if refused else interface.answer(function, bytes.fromhex(answer[2:])))

            order = {"to": address_text(address), "data": "0x" + interface.call(function, arguments).hex()}
            self.node.post("eth_call", [order, "latest", {}, {"time": hex(self.now)}], keep)
        self.node.drain()
        return answers

    def storage(self) -> dict[int, dict[int, int]]:
        """Every word that is not zero, of every contract that is known: by address, by slot."""
        dump = bytes.fromhex(self.node.ask("anvil_dumpState")[2:])
        accounts = msgspec.json.decode(gzip.decompress(dump) if dump[:2] == b"\x1f\x8b" else dump)["accounts"]
        kept: dict[int, dict[int, int]] = {}
        for text, account in accounts.items():
            address = int(text, 16)
            if address in self.interfaces:
                words = {int(slot, 16): int(word, 16) for slot, word in account["storage"].items()}
                kept[address] = {slot: word for slot, word in words.items() if word}
        return kept

    def error_name(self, data: bytes) -> str | None:
        """The name of the custom error that a call reverted with."""
        return self._errors.get(data[:4])

    # ------------------------------------------------------------------ going back

    def snapshot(self) -> tuple[str, int, int]:
        """The chain as it is, for ``revert``, once."""
        return self.node.ask("evm_snapshot"), self.now, self.block

    def revert(self, snapshot: tuple[str, int, int]) -> None:
        """Go back to a snapshot, which is used up."""
        name, self.now, self.block = snapshot
        assert self.node.ask("evm_revert", name) is True, "the snapshot is gone"

    # ------------------------------------------------------------------ internal

    def _mine(self, order: dict[str, str], time: int, then: Callable[[Any], None]) -> None:
        self.node.make_room(3)
        self.now = time
        self.block += 1
        self.node.post("eth_sendTransaction", [order], _expect_no_refusal)
        self.node.post("evm_mine", [{"timestamp": time}], _expect_no_refusal)
        self.node.post("eth_getBlockReceipts", ["latest"], then)

    def _receipt(self, raw: Any, time: int) -> Receipt:
        logs = []
        for entry in raw["logs"]:
            interface = self.interfaces.get(int(entry["address"], 16))
            log = interface.log(entry["topics"], entry["data"]) if interface else None
            if log is not None:
                logs.append(log)
        return Receipt(
            transaction=raw["transactionHash"],
            succeeded=raw["status"] == "0x1",
            gas=int(raw["gasUsed"], 16),
            block=int(raw["blockNumber"], 16),
            time=time,
            logs=tuple(logs),
        )


def _expect_no_refusal(answer: Any) -> None:
    if isinstance(answer, NodeRefused):
        raise answer
