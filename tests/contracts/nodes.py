"""The shortest way to what a chain runs on: one request for a call, and one for a transaction.

By ape and web3 a call asks the node six times and turns its question and answer over in a dozen layers, which takes
several times what the chain itself takes; on both chains the transactions and the code that runs are the same.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from http.client import HTTPConnection
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit

import ape
from eth.abc import BlockHeaderAPI, StateAPI
from eth.constants import GENESIS_PARENT_HASH, ZERO_ADDRESS
from eth.exceptions import Revert
from eth.vm.spoof import SpoofTransaction
from eth_utils import to_checksum_address
from web3 import HTTPProvider

GWEI = 10**9
"""The most that a transaction offers for gas; it pays the block's base fee, which is less."""


class Reverted(Exception):
    """A call or a transaction reverted with this data."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data.hex())
        self.data = data


class Failed(Exception):
    """A transaction is in a block and changed nothing, or the node refused it, or a call ran into an error."""


@dataclass(frozen=True)
class Message:
    """What a call or a transaction says; without a `to` it creates a contract, without `gas` it has a block's."""

    sender: str
    to: str | None
    data: bytes
    value: int = 0
    gas: int | None = None


class Node(Protocol):
    """What tests need of a chain."""

    def call(self, message: Message) -> bytes:
        """What it returns on top of the last block. Raises Reverted, Failed."""

    def send(self, message: Message) -> dict[str, Any]:
        """Mine it in a block of its own; the receipt as a node tells it. Raises Failed."""

    def snapshot(self) -> Any:
        """Where the chain is."""

    def restore(self, snapshot: Any) -> None:
        """Bring the chain back to where it was; the snapshot is used up."""


@cache
def node() -> Node:
    """Of the chain to which ape is connected."""
    provider = ape.chain.provider
    web3 = provider.web3.provider
    return Anvil(web3.endpoint_uri) if isinstance(web3, HTTPProvider) else PyEvm(provider.evm_backend)


class PyEvm:
    """The chain that ape runs in this process."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._state: tuple[bytes, StateAPI] | None = None

    def call(self, message: Message) -> bytes:
        state = self._latest_state()
        header = self._chain.header
        sender = _canonical(message.sender)
        unsigned = self._unsigned(message, nonce=state.get_nonce(sender), fee=max(GWEI, header.base_fee_per_gas))
        snapshot = state.snapshot()
        computation = state.apply_transaction(SpoofTransaction(unsigned, from_=sender))
        state.revert(snapshot)
        if computation.is_success:
            return bytes(computation.output)
        if isinstance(computation.error, Revert):
            raise Reverted(bytes(computation.error.args[0]) if computation.error.args else b"")
        raise Failed(repr(computation.error))

    def send(self, message: Message) -> dict[str, Any]:
        sender = _canonical(message.sender)
        nonce, fee = self._latest_state().get_nonce(sender), self._chain.header.base_fee_per_gas
        transaction = self._unsigned(message, nonce=nonce, fee=fee).as_signed_transaction(self._keys[sender])
        mined, [receipt], [computation] = self._chain.mine_all(
            [transaction], coinbase=ZERO_ADDRESS, mix_hash=os.urandom(32)
        )
        if computation.is_error:
            raise Failed(repr(computation.error))
        place = {
            "blockHash": mined.imported_block.hash,
            "blockNumber": mined.imported_block.number,
            "transactionHash": transaction.hash,
            "transactionIndex": 0,
        }
        logs = [
            {
                "address": to_checksum_address(log.address),
                "topics": [topic.to_bytes(32, "big") for topic in log.topics],
                "data": log.data,
                "logIndex": index,
                **place,
            }
            for index, log in enumerate(receipt.logs)
        ]
        return {"gasUsed": receipt.gas_used, "status": 1, "logs": logs, "effectiveGasPrice": fee, **place}

    def snapshot(self) -> bytes:
        return self._chain.header.parent_hash

    def restore(self, snapshot: bytes) -> None:
        """What was there is in the database still, so that no block need be run again."""
        if snapshot == self._chain.header.parent_hash:
            return
        chaindb = self._chain.chaindb
        header = chaindb.get_block_header_by_hash(snapshot)
        chaindb._set_as_canonical_chain_head(chaindb.db, header, GENESIS_PARENT_HASH)
        self._chain.header = self._chain.create_header_from_parent(header)

    @property
    def _chain(self) -> Any:
        return self._backend.chain

    @cached_property
    def _keys(self) -> dict[bytes, Any]:
        return {key.public_key.to_canonical_address(): key for key in self._backend.account_keys}

    def _latest_state(self) -> StateAPI:
        """After the last block; each call is undone in it."""
        latest = self._chain.header.parent_hash
        if self._state is None or self._state[0] != latest:
            header: BlockHeaderAPI = self._chain.chaindb.get_block_header_by_hash(latest)
            self._state = latest, self._chain.get_vm(header).state
        return self._state[1]

    def _unsigned(self, message: Message, *, nonce: int, fee: int) -> Any:
        header = self._chain.header
        builder = self._chain.get_vm_class(header).get_transaction_builder()
        return builder.new_unsigned_dynamic_fee_transaction(
            chain_id=self._chain.chain_id,
            nonce=nonce,
            max_priority_fee_per_gas=0,
            max_fee_per_gas=fee,
            gas=message.gas or header.gas_limit,
            to=_canonical(message.to) if message.to else b"",
            value=message.value,
            data=message.data,
            access_list=(),
        )


class Anvil:
    """A node that holds the keys of the tests' accounts."""

    def __init__(self, endpoint: str) -> None:
        self.post = _connected(endpoint)

    def call(self, message: Message) -> bytes:
        return _bytes(self._ask("eth_call", self._transaction(message), "latest"))

    def send(self, message: Message) -> dict[str, Any]:
        fees = {"maxFeePerGas": hex(GWEI), "maxPriorityFeePerGas": "0x0", "gas": hex(message.gas or self._gas_limit)}
        receipt = self._ask("eth_sendTransactionSync", self._transaction(message) | fees)
        if receipt["status"] != "0x1":
            raise Failed(self._reason(message, int(receipt["blockNumber"], 16) - 1))
        logs = [
            {
                **log,
                "address": to_checksum_address(log["address"]),
                "topics": [_bytes(topic) for topic in log["topics"]],
                "data": _bytes(log["data"]),
                "logIndex": int(log["logIndex"], 16),
                "blockNumber": int(log["blockNumber"], 16),
                "transactionIndex": int(log["transactionIndex"], 16),
            }
            for log in receipt["logs"]
        ]
        numbers = {name: int(receipt[name], 16) for name in ("gasUsed", "status", "blockNumber", "effectiveGasPrice")}
        return {**numbers, "logs": logs, "transactionHash": _bytes(receipt["transactionHash"])}

    def snapshot(self) -> str:
        return str(self._ask("evm_snapshot"))

    def restore(self, snapshot: str) -> None:
        if not self._ask("evm_revert", snapshot):
            raise Failed(f"the node has no snapshot {snapshot}")

    def _reason(self, message: Message, block: int) -> str:
        """Why a transaction failed that came after a block."""
        try:
            self._ask("eth_call", self._transaction(message), hex(block))
        except (Reverted, Failed) as failure:
            return repr(failure)
        return "for want of gas"

    @cached_property
    def _gas_limit(self) -> int:
        return int(self._ask("eth_getBlockByNumber", "latest", False)["gasLimit"], 16)

    def _transaction(self, message: Message) -> dict[str, str]:
        transaction = {"from": message.sender, "data": "0x" + message.data.hex()}
        if message.to:
            transaction["to"] = message.to
        if message.value:
            transaction["value"] = hex(message.value)
        if message.gas:
            transaction["gas"] = hex(message.gas)
        return transaction

    def _ask(self, method: str, *parameters: Any) -> Any:
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = json.loads(self.post(method, json.dumps(question).encode()))
        if "error" not in answer:
            return answer["result"]
        error = answer["error"]
        if isinstance(error.get("data"), str) and error["message"].startswith("execution reverted"):
            raise Reverted(_bytes(error["data"]))
        raise Failed(f"{method}: {error['message']}")


def _connected(endpoint: str) -> Callable[[str, bytes], bytes]:
    """Posts over one connection, without a search for proxies, cookies and redirects around each request."""
    url = urlsplit(endpoint)
    connection = HTTPConnection(url.hostname or "", url.port, timeout=120)
    taken = Lock()

    def post(method: str, request: bytes) -> bytes:
        with taken:
            connection.request("POST", "/", request, {"Content-Type": "application/json"})
            return connection.getresponse().read()

    return post


def _canonical(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
