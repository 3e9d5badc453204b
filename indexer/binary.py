"""Rows in the binary formats of COPY and of arrays, packed by functions that are compiled per table.

psycopg looks a dumper up for each value, which costs more than all else that is done for a log; here the types are
known beforehand. Formats: PostgreSQL, "COPY", section "Binary Format"; of each type, arrays too: its `…send` function.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

import msgspec
import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types.json import Jsonb

from indexer.blocks import Log
from indexer.compiling import functions_of

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

Pack = Callable[[Sequence[Any]], bytes]
PackArrays = Callable[[Sequence[Sequence[Any]]], list["Array"]]

_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NUMERIC_BASE = 10_000
_ONE_DIGIT = struct.Struct(">ihhHhh").pack


class Array(bytes):
    """A whole array in Postgres' binary format, whose type the statement says."""


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return obj


psycopg.adapters.register_dumper(Array, _ArrayDumper)

_PACKED = {
    16: "(TRUE if {v} else FALSE)",
    17: "sized(len({v})) + {v}",
    20: "int8(8, {v})",
    21: "int2(2, {v})",
    23: "int4(4, {v})",
    25: "text({v})",
    1184: "int8(8, micros({v}))",
    1700: "numeric({v})",
    3802: "jsonb({v})",
}
"""How a value of a type, by its oid, is packed: bool, bytea, int8, int2, int4, text, timestamptz, numeric, jsonb."""


def compile_pack(types: Sequence[int]) -> Pack | None:
    """The function that packs a row of these types for COPY; None if there is one that is not known here.

    Raises (the function):
        struct.error: an integer does not fit its type.
    """
    if not all(oid in _PACKED for oid in types):
        return None
    values = [f"v{position}" for position in range(len(types))]
    parts = (f"NULL if {v} is None else {_PACKED[oid].format(v=v)}" for v, oid in zip(values, types, strict=True))
    source = f"def pack(row):\n    {', '.join(values)}, = row\n    return join((HEAD, {', '.join(parts)}))"
    pack: Pack = functions_of(source, {**_NAMES, "HEAD": struct.pack(">h", len(types))})["pack"]
    return pack


def compile_arrays(types: Sequence[int]) -> PackArrays | None:
    """The function that packs rows of these types as one array per column; None if there is one that is not known here.

    Raises (the function):
        struct.error: an integer does not fit its type.
    """
    if not all(oid in _PACKED for oid in types):
        return None
    columns = [f"c{position}" for position in range(len(types))]
    packed = (
        f"Array(head(1, 1, {oid}, size, 1) + join([NULL if v is None else {_PACKED[oid].format(v='v')} for v in {c}]))"
        for c, oid in zip(columns, types, strict=True)
    )
    lines = ("size = len(rows)", f"{', '.join(columns)}, = zip(*rows)", f"return [{', '.join(packed)}]")
    source = "\n    ".join(("def pack(rows):", *lines))
    pack: PackArrays = functions_of(source, _NAMES)["pack"]
    return pack


def packed(pack: Pack, rows: Iterable[Sequence[Any]]) -> bytes:
    """A whole COPY of these rows."""
    return b"".join((HEADER, *map(pack, rows), TRAILER))


@lru_cache(maxsize=4096)
def micros(time: datetime) -> int:
    """A timestamptz: microseconds since 2000."""
    return (time - _EPOCH) // _MICROSECOND


_HEAD = struct.Struct(">hiqi").pack
_TRANSACTION = struct.Struct(">iiiqi32si32si20s").pack
_SIZE = struct.Struct(">i").pack
_INT4 = struct.Struct(">i").pack
_WORD = _SIZE(32)
_NO_TOPICS = [_NULL * (4 - count) for count in range(5)]  # a log has 0 to 4 topics


def pack_logs(logs: Iterable[Log]) -> bytes:
    """A whole COPY into table `logs`; what neighbors share is packed once."""
    parts = [HEADER]
    add, join = parts.append, _WORD.join
    number, tx_hash, address, head, transaction = -1, b"", b"", b"", b""
    for log in logs:
        if log[0] != number:
            number, tx_hash = log[0], b""
            head = _HEAD(12, 8, number, 4)
        if log[5] is not tx_hash or log[6] is not address:
            _, _, tx_index, time, block_hash, tx_hash, address, _, _ = log
            transaction = _TRANSACTION(4, tx_index, 8, micros(time), 32, block_hash, 32, tx_hash, 20, address)
        topics, data = log[7], log[8]
        count = len(topics)
        add(head)
        add(_INT4(log[1]))
        add(transaction)
        if count:
            add(_WORD)
            add(join(topics))
        if count != 4:
            add(_NO_TOPICS[count])
        add(_SIZE(len(data)))
        add(data)
    add(TRAILER)
    return b"".join(parts)


def _text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">i", len(encoded)) + encoded


def _jsonb(value: Any) -> bytes:
    encoded = msgspec.json.encode(value.obj if isinstance(value, Jsonb) else value)
    return struct.pack(">ib", len(encoded) + 1, 1) + encoded


def _numeric(value: int) -> bytes:
    """A numeric without a fraction: its digits to base 10,000, most significant first."""
    if 0 < value < _NUMERIC_BASE:
        return _ONE_DIGIT(10, 1, 0, 0, 0, value)
    digits: list[int] = []
    rest, add = abs(value), digits.append
    while rest:
        rest, digit = divmod(rest, _NUMERIC_BASE)
        add(digit)
    digits.reverse()
    count = len(digits)
    sign = 0x4000 if value < 0 else 0
    return _numeric_of(count)(8 + 2 * count, count, count - 1, sign, 0, *digits)


@cache
def _numeric_of(digits: int) -> Callable[..., bytes]:
    return struct.Struct(f">ihhHh{digits}h").pack


_NAMES: Mapping[str, Any] = {
    "join": b"".join,
    "NULL": _NULL,
    "TRUE": b"\0\0\0\1\1",
    "FALSE": b"\0\0\0\1\0",
    "sized": struct.Struct(">i").pack,
    "int2": struct.Struct(">ih").pack,
    "int4": struct.Struct(">ii").pack,
    "int8": struct.Struct(">iq").pack,
    "micros": micros,
    "text": _text,
    "numeric": _numeric,
    "jsonb": _jsonb,
    "Array": Array,
    "head": struct.Struct(">iiIii").pack,
}
"""What the compiled functions call."""
