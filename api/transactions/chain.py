"""What the sender reads from the node."""

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_hash.auto import keccak

from api.transactions.schemas import Fees, Place
from stemma.chain.abi import load_abi
from stemma.chain.calls import Revert, decode_revert
from stemma.chain.errors import RpcRefused
from stemma.chain.rpc import JsonRpc

CONFIRMATIONS = 64
"""Depth that counts as final where a node does not know finality: two epochs of Ethereum."""

MAX_FEE_WEI = 1_000 * 10**9
"""The most that is paid for a unit of gas, whatever a node suggests."""

_RECORDING = "(address,uint32,uint24,uint40,bytes32)"
"""Creator, version, resale royalty, block of registration, root of the separation."""

_RECORDING_OF = keccak(b"recordingOf(uint224)")[:4]
_FALLBACK_PRIORITY_WEI = 1_000_000_000
_EXECUTION_REVERTED = 3


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block, and the newest one that no reorg can remove."""

    number: int
    hash: bytes
    base_fee: int
    final_number: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction in a block.

    ``registered`` says whether it registered a recording: a call to an address without code succeeds, too.
    """

    place: Place
    succeeded: bool
    registered: bool


@dataclass(frozen=True, slots=True)
class Committed:
    """What the registry's events say of a recording."""

    creator: bytes
    stems_root: bytes
    place: Place


async def head(rpc: JsonRpc) -> Head:
    """Return the chain's head. Raises RpcUnreachable."""
    latest = await rpc.call("eth_getBlockByNumber", "latest", False)
    number = int(latest["number"], 16)
    try:
        final = await rpc.call("eth_getBlockByNumber", "finalized", False)
    except RpcRefused:
        final = None
    return Head(
        number=number,
        hash=_bytes(latest["hash"]),
        base_fee=int(latest.get("baseFeePerGas") or "0x0", 16),
        final_number=int(final["number"], 16) if final else number - CONFIRMATIONS,
    )


async def nonce_at(rpc: JsonRpc, address: str, block: str) -> int:
    """Return how many transactions of an account are in the chain up to a block (a tag, or a number as hex)."""
    return int(await rpc.call("eth_getTransactionCount", address, block), 16)


async def receipt(rpc: JsonRpc, tx_hash: bytes) -> Receipt | None:
    """Return a transaction's receipt, or None while it is in no block of the node's chain."""
    found = await rpc.call("eth_getTransactionReceipt", _hex(tx_hash))
    if found is None or found.get("blockHash") is None:
        return None
    place = Place(tx_hash=tx_hash, block_number=int(found["blockNumber"], 16), block_hash=_bytes(found["blockHash"]))
    registered = any(log["topics"] and _bytes(log["topics"][0]) == _REGISTERED for log in found["logs"])
    return Receipt(place=place, succeeded=int(found["status"], 16) == 1, registered=registered)


async def has_code(rpc: JsonRpc, address: bytes) -> bool:
    """Whether there is a contract at an address."""
    return bool(await rpc.call("eth_getCode", _hex(address), "latest") != "0x")


async def knows(rpc: JsonRpc, tx_hash: bytes) -> bool:
    """Whether the node has a transaction, pending or mined."""
    return await rpc.call("eth_getTransactionByHash", _hex(tx_hash)) is not None


async def suggested_fees(rpc: JsonRpc, base_fee: int) -> Fees:
    """Return fees that survive the base fee's doubling, six full blocks in a row, up to `MAX_FEE_WEI`."""
    try:
        priority = int(await rpc.call("eth_maxPriorityFeePerGas"), 16)
    except RpcRefused:
        priority = _FALLBACK_PRIORITY_WEI
    return Fees(max_fee=min(2 * base_fee + priority, MAX_FEE_WEI), priority=min(priority, MAX_FEE_WEI))


async def estimate(rpc: JsonRpc, *, sender: str, to: bytes, calldata: bytes) -> int:
    """Return the gas that a call takes. Raises RpcRefused, with the contract's revert data, when it would revert."""
    call = {"from": sender, "to": _hex(to), "data": _hex(calldata)}
    return int(await rpc.call("eth_estimateGas", call, "latest"), 16)


async def why_reverted(rpc: JsonRpc, *, sender: str, to: bytes, calldata: bytes, place: Place) -> str:
    """Return the contract's error of a reverted transaction, by running it again on its block and on the one before."""
    call = {"from": sender, "to": _hex(to), "data": _hex(calldata)}
    for block in (place.block_number, place.block_number - 1):
        try:
            await rpc.call("eth_call", call, hex(block))
        except RpcRefused as refusal:
            return describe(refusal)
    return "the transaction registered nothing, and the same call says no reason"


def revert_of(refusal: RpcRefused) -> Revert | None:
    """Return the custom error that a refusal carries."""
    return decode_revert(refusal.revert_data) if refusal.revert_data else None


def is_revert(refusal: RpcRefused) -> bool:
    """Whether a contract reverted, as against the node or the balance being the obstacle."""
    return revert_of(refusal) is not None or refusal.number == _EXECUTION_REVERTED


def describe(refusal: RpcRefused) -> str:
    """Return the contract's error by name and arguments, or the node's words."""
    revert = revert_of(refusal)
    return str(revert) if revert else refusal.message


async def committed(rpc: JsonRpc, *, registry: bytes, recording_id: bytes) -> Committed | None:
    """Return what was committed for a recording in the block that registered it, from the registry's events, or None.

    The registry itself says which block that is: many nodes refuse to search more than some thousand blocks.
    """
    block = await _registered_block(rpc, registry=registry, recording_id=recording_id)
    if block is None:
        return None
    found = await rpc.call(
        "eth_getLogs",
        {
            "address": _hex(registry),
            "fromBlock": hex(block),
            "toBlock": hex(block),
            "topics": [[_hex(_REGISTERED), _hex(_COMMITTED)], _hex(recording_id.rjust(32, b"\0"))],
        },
    )
    by_topic = {_bytes(log["topics"][0]): log for log in reversed(found)}
    registered, separated = by_topic.get(_REGISTERED), by_topic.get(_COMMITTED)
    if registered is None or separated is None:
        return None
    return Committed(
        creator=_bytes(registered["topics"][2])[12:],
        stems_root=_bytes(separated["data"])[32:64],
        place=Place(
            tx_hash=_bytes(registered["transactionHash"]),
            block_number=int(registered["blockNumber"], 16),
            block_hash=_bytes(registered["blockHash"]),
        ),
    )


async def _registered_block(rpc: JsonRpc, *, registry: bytes, recording_id: bytes) -> int | None:
    call = {"to": _hex(registry), "data": _hex(_RECORDING_OF + recording_id.rjust(32, b"\0"))}
    try:
        answer = await rpc.call("eth_call", call, "latest")
    except RpcRefused as refusal:
        if is_revert(refusal):
            return None
        raise
    if answer == "0x":
        return None  # no contract is there
    [(_creator, _version, _resale_royalty_ppm, block, _root)] = decode([_RECORDING], _bytes(answer))
    return int(block)


def _topic(event: str) -> bytes:
    [entry] = [e for e in load_abi("StemRegistry") if e["type"] == "event" and e["name"] == event]
    types = ",".join(argument["type"] for argument in entry["inputs"])
    return bytes(keccak(f"{event}({types})".encode()))


def _bytes(text: Any) -> bytes:
    return bytes.fromhex(str(text)[2:])


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()


_REGISTERED = _topic("RecordingRegistered")
_COMMITTED = _topic("SeparationCommitted")
