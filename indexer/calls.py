"""The JSON-RPC calls that the indexer makes, and how their results are read. Format: Ethereum execution API."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec


class RpcLog(msgspec.Struct, gc=False, rename="camel"):
    """A log as `eth_getLogs` gives it; quantities and bytes in hex. ``block_timestamp`` is not given by all nodes."""

    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    transaction_index: str
    log_index: str
    block_timestamp: str | None = None
    removed: bool = False


class RpcBlock(msgspec.Struct, gc=False, rename="camel"):
    """The part of a block that the parent-hash chain needs."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str
    logs_bloom: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call, and how its result is read."""

    method: str
    params: Sequence[Any]
    read: Callable[[bytes | msgspec.Raw], Any]


_read_text = msgspec.json.Decoder(str).decode
_read_block = msgspec.json.Decoder(RpcBlock | None).decode
_read_logs = msgspec.json.Decoder(list[RpcLog]).decode


def get_block(which: int | str) -> Call:
    """The block at a height or with a tag ("latest", "safe", "finalized"); null if the node has none."""
    return Call("eth_getBlockByNumber", [hex(which) if isinstance(which, int) else which, False], _read_block)


def get_logs(addresses: Sequence[bytes], *, first: int, last: int) -> Call:
    """The logs of contracts in a range of blocks, both ends included."""
    criteria = {"fromBlock": hex(first), "toBlock": hex(last), "address": ["0x" + each.hex() for each in addresses]}
    return Call("eth_getLogs", [criteria], _read_logs)


def get_logs_of_block(addresses: Sequence[bytes], block_hash: bytes) -> Call:
    """The logs of contracts in one block, by its hash (EIP-234), so that no reorg can come between."""
    criteria = {"blockHash": "0x" + block_hash.hex(), "address": ["0x" + each.hex() for each in addresses]}
    return Call("eth_getLogs", [criteria], _read_logs)


def get_code(address: bytes) -> Call:
    """The code of a contract now, in hex; "0x" where there is none."""
    return Call("eth_getCode", ["0x" + address.hex(), "latest"], _read_text)


def eth_call(address: bytes, data: bytes, block: int) -> Call:
    """What a view function returns as of a block, in hex; "0x" if it reverts."""
    call = {"to": "0x" + address.hex(), "data": "0x" + data.hex()}
    return Call("eth_call", [call, hex(block)], _read_text)


CHAIN_ID = Call("eth_chainId", [], _read_text)
"""Which chain the node serves, as a quantity."""
