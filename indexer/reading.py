"""From what a node says in hex to headers and logs in bytes, in order; refuses what cannot be a chain's."""

from binascii import unhexlify
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from indexer.blocks import Header, Log
from indexer.calls import RpcBlock, RpcLog
from indexer.errors import Untrue

_LARGEST_INDEX = 2**31
_WORD = frozenset({32})


def header_of(block: RpcBlock) -> Header:
    """The block's place in the parent-hash chain.

    Raises:
        Untrue: it is malformed.
    """
    try:
        number = int(block.number, 16)
        if number < 0:
            raise ValueError(f"{block.number} is no height")
        return Header(number, _sized(block.hash, 32), _sized(block.parent_hash, 32), _time(block.timestamp))
    except ValueError as error:
        raise Untrue(f"the node gave a malformed block: {error}") from error


def bloom_of(block: RpcBlock) -> int | None:
    """The bits of the block's bloom; None if the node leaves it out or empty.

    Raises:
        Untrue: it is malformed.
    """
    try:
        return (int(block.logs_bloom, 16) or None) if block.logs_bloom else None
    except ValueError as error:
        raise Untrue(f"the node gave a malformed bloom of block {block.number}") from error


def blocks_without_time(logs: Sequence[RpcLog]) -> list[int]:
    """The heights of logs that do not say their block's time.

    Raises:
        Untrue: a height is malformed.
    """
    try:
        return sorted({int(log.block_number, 16) for log in logs if log.block_timestamp is None})
    except ValueError as error:
        raise Untrue(f"the node gave a malformed log: {error}") from error


def logs_of(
    found: Sequence[RpcLog],
    *,
    addresses: Mapping[str, bytes],
    first: int,
    last: int,
    headers: Mapping[int, Header],
) -> list[Log]:
    """The logs in bytes and in order, of blocks ``first`` to ``last``.

    ``addresses``: of the contracts, by their lower-case hex. ``headers``: those known of these blocks, by height; a log
    of such a block must be of this very block, and takes its time from it.

    Raises:
        Untrue: a log is doubled, removed, malformed, out of its transaction's place, not of our contracts, or not of
            these blocks.
    """
    try:
        logs, is_ordered = _logs(found, addresses, first, last, headers)
    except ValueError as error:
        raise Untrue(f"the node gave a malformed log: {error}") from error
    if not is_ordered:
        logs.sort(key=lambda log: log[:2])
        _require_order(logs)
    return logs


def _logs(
    found: Sequence[RpcLog], addresses: Mapping[str, bytes], first: int, last: int, headers: Mapping[int, Header]
) -> tuple[list[Log], bool]:
    """The logs as they come, and whether they are in order beyond doubt.

    Once per log of a backfill: what neighbors share is read once. Raises ValueError, Untrue.
    """
    logs: list[Log] = []
    add, new, unhex = logs.append, tuple.__new__, unhexlify
    block_text = block_number_text = tx_text = index_text = address_text = ""
    tx_hash = block_hash = address = b""
    number, tx_index, before, is_ordered = -1, -1, -1, True
    block_time = None
    topics: tuple[bytes, ...]
    for raw in found:
        if raw.block_hash != block_text:
            previous = number
            block_number_text, number, block_time, block_hash = _block(raw, first, last, headers)
            is_ordered = is_ordered and previous < number
            block_text, tx_text, tx_index, before = raw.block_hash, "", -1, -1
        if raw.block_number != block_number_text:
            raise Untrue(f"the node gave one block {raw.block_hash} two heights")
        if raw.removed:
            raise Untrue("the node gave a log that it says was removed")
        if raw.address != address_text:
            address_text, address = raw.address, _address(raw, number, addresses)
        if raw.transaction_hash != tx_text:
            tx_text, tx_hash = raw.transaction_hash, _sized(raw.transaction_hash, 32)
            index = int(raw.transaction_index, 16)
            is_ordered = is_ordered and index > tx_index
            tx_index, index_text = index, raw.transaction_index
        elif raw.transaction_index != index_text:
            raise Untrue(f"the node gave one transaction {tx_text} two places")
        texts = raw.topics
        if len(texts) == 4:
            one, two, three, four = texts
            topics = unhex(one[2:]), unhex(two[2:]), unhex(three[2:]), unhex(four[2:])  # most logs
            is_words = 32 == len(topics[0]) == len(topics[1]) == len(topics[2]) == len(topics[3])
        else:
            topics = tuple([unhex(text[2:]) for text in texts])
            is_words = len(texts) < 4 and _WORD.issuperset(map(len, topics))
        log_index = int(raw.log_index, 16)
        if log_index <= before:
            is_ordered = False
        before = log_index
        if not (is_words and 0 <= log_index < _LARGEST_INDEX):
            raise ValueError(f"log {raw.log_index} with topics {raw.topics}")
        data = unhex(raw.data[2:])
        add(new(Log, (number, log_index, tx_index, block_time, block_hash, tx_hash, address, topics, data)))
    return logs, is_ordered


def _address(raw: RpcLog, number: int, addresses: Mapping[str, bytes]) -> bytes:
    found = addresses.get(raw.address) or addresses.get(raw.address.lower())
    if found is None:
        raise Untrue(f"the node gave a log that nobody asked for, of {raw.address} in block {number}")
    return found


def _block(raw: RpcLog, first: int, last: int, headers: Mapping[int, Header]) -> tuple[str, int, datetime, bytes]:
    """A log's block: its height in hex and as a number, its time, its hash."""
    number, block_hash = int(raw.block_number, 16), _sized(raw.block_hash, 32)
    if not first <= number <= last:
        raise Untrue(f"the node gave a log that nobody asked for, in block {number}")
    if header := headers.get(number):
        if header.hash != block_hash:
            raise Untrue(f"asked for the logs of block {number}, the node gave another block's, {raw.block_hash}")
        return raw.block_number, number, header.time, block_hash
    if raw.block_timestamp is None:
        raise Untrue(f"the node gave a log of a block {raw.block_hash} that is not on its chain")
    return raw.block_number, number, _time(raw.block_timestamp), block_hash


def _require_order(logs: Sequence[Log]) -> None:
    """No place twice, and within a block the transactions in the order of their logs."""
    if not logs:
        return
    before = logs[0]
    for log in logs[1:]:
        if log[0] == before[0]:
            if log[1] == before[1]:
                raise Untrue(f"the node gave log {log[1]} of block {log[0]} twice")
            if log[2] < before[2] or (log[2] == before[2]) != (log[5] == before[5]):
                raise Untrue(
                    f"the logs {before[1]} and {log[1]} of block {log[0]} contradict their transactions' order"
                )
            if log[4] != before[4]:
                raise Untrue(f"the node gave logs of two blocks of height {log[0]}")
        before = log


def _time(text: str) -> datetime:
    """Raises ValueError for what is no time that a calendar has."""
    try:
        return datetime.fromtimestamp(int(text, 16), UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{text} is no block time") from error


def _sized(text: str, size: int) -> bytes:
    value = unhexlify(text[2:])
    if len(value) != size:
        raise ValueError(f"{text} has not {size} bytes")
    return value
