"""Rows in the binary format of COPY, packed by functions that are compiled per table.

psycopg looks a dumper up for each value, which costs more than all else that is done for a log; here the types are
known beforehand. Format: PostgreSQL, "COPY", section "Binary Format"; of each type: its `…send` function.
"""

import json
import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from psycopg.types.json import Jsonb

from indexer.blocks import Log

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

Pack = Callable[[Sequence[Any]], bytes]

_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NUMERIC_BASE = 10_000

_PACKED = {
    16: "(TRUE if {v} else FALSE)",
    17: "size(len({v})) + {v}",
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
    """The function that packs rows of these types; None if there is one that is not known here.

    Raises (the function):
        struct.error: an integer does not fit its type.
    """
    if not all(oid in _PACKED for oid in types):
        return None
    values = [f"v{position}" for position in range(len(types))]
    parts = (f"NULL if {v} is None else {_PACKED[oid].format(v=v)}" for v, oid in zip(values, types, strict=True))
    source = f"def pack(row):\n    {', '.join(values)}, = row\n    return join((HEAD, {', '.join(parts)}))"
    scope: dict[str, Any] = {
        "join": b"".join,
        "HEAD": struct.pack(">h", len(types)),
        "NULL": _NULL,
        "TRUE": b"\0\0\0\1\1",
        "FALSE": b"\0\0\0\1\0",
        "size": struct.Struct(">i").pack,
        "int2": struct.Struct(">ih").pack,
        "int4": struct.Struct(">ii").pack,
        "int8": struct.Struct(">iq").pack,
        "micros": micros,
        "text": _text,
        "numeric": _numeric,
        "jsonb": _jsonb,
    }
    # The source is made of positions and of the templates above.
    exec(source, scope)  # noqa: S102
    pack: Pack = scope["pack"]
    return pack


def packed(pack: Pack, rows: Iterable[Sequence[Any]]) -> bytes:
    """A whole COPY of these rows."""
    return b"".join((HEADER, *map(pack, rows), TRAILER))


@lru_cache(maxsize=4096)
def micros(time: datetime) -> int:
    """A timestamptz: microseconds since 2000."""
    return (time - _EPOCH) // _MICROSECOND


_LOG_HEAD = ">hiqiiiiiqi32si32si20s"
_LOG = [
    struct.Struct(_LOG_HEAD + topics * "i32s" + (4 - topics) * "i" + "i").pack for topics in range(5)
]  # a log has 0 to 4 topics


def pack_log(log: Log) -> bytes:
    """A row of table `logs`."""
    number, log_index, tx_index, time, block_hash, tx_hash, address, topics, data = log
    count = len(topics)
    words: list[Any] = []
    for topic in topics:
        words += (32, topic)
    return (
        _LOG[count](
            *(12, 8, number, 4, log_index, 4, tx_index, 8, micros(time), 32, block_hash, 32, tx_hash, 20, address),
            *words,
            *(-1,) * (4 - count),
            len(data),
        )
        + data
    )


def _text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">i", len(encoded)) + encoded


def _jsonb(value: Any) -> bytes:
    encoded = json.dumps(value.obj if isinstance(value, Jsonb) else value).encode()
    return struct.pack(">ib", len(encoded) + 1, 1) + encoded


def _numeric(value: int) -> bytes:
    """A numeric without a fraction: its digits to base 10,000, most significant first."""
    digits: list[int] = []
    rest = abs(value)
    while rest:
        rest, digit = divmod(rest, _NUMERIC_BASE)
        digits.append(digit)
    count = len(digits)
    sign = 0x4000 if value < 0 else 0
    return struct.pack(f">ihhHh{count}h", 8 + 2 * count, count, count - 1, sign, 0, *reversed(digits))
