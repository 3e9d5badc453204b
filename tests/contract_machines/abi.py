"""A contract's ABI as plain integers: quick enough for hundreds of steps a second.

Every static value (uint, address, bool, bytes32) is an int, a struct is a tuple in the order of its members, an array
a list or tuple, ``bytes`` are bytes. Values are taken as they come: one too large for its type is the caller's error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_hash import Keccak256
from eth_hash.backends import pysha3

keccak = Keccak256(pysha3)
WORD = 32

Encoder = Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class Log:
    """A decoded event: arguments in the order of its declaration, indexed ones included."""

    contract: str
    event: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.contract}.{self.event}{tuple(hex(a) if isinstance(a, int) else a for a in self.arguments)}"


@dataclass(frozen=True, slots=True)
class Codec:
    """How one ABI type is written: ``size`` bytes in place, or, when that is None, elsewhere behind an offset."""

    size: int | None
    encode: Encoder
    decode: Callable[[bytes, int], Any]


class Interface:
    """The functions, events and errors of one contract."""

    def __init__(self, name: str, abi: Sequence[dict[str, Any]]) -> None:
        self.name = name
        self._functions: dict[str, tuple[bytes, Codec, Codec]] = {}
        self._events: dict[int, tuple[str, list[bool], Codec]] = {}
        self.errors: dict[bytes, str] = {}
        for entry in abi:
            types = [_canonical(part) for part in entry.get("inputs", [])]
            signature = keccak(f"{entry.get('name')}({','.join(types)})".encode())
            match entry["type"]:
                case "function":
                    key = entry["name"] if entry["name"] not in self._functions else f"{entry['name']}/{len(types)}"
                    outputs = tuple(_canonical(part) for part in entry["outputs"])
                    self._functions[key] = (signature[:4], codec_of(tuple(types)), codec_of(outputs))
                case "event":
                    indexed = [part["indexed"] for part in entry["inputs"]]
                    data = tuple(t for t, is_topic in zip(types, indexed, strict=True) if not is_topic)
                    self._events[int.from_bytes(signature, "big")] = (entry["name"], indexed, codec_of(data))
                case "error":
                    self.errors[signature[:4]] = entry["name"]
                case "constructor":
                    self._constructor = codec_of(tuple(types))

    def call(self, function: str, arguments: tuple[Any, ...]) -> bytes:
        """Calldata."""
        selector, inputs, _ = self._functions[function]
        return selector + inputs.encode(arguments)

    def answer(self, function: str, data: bytes) -> Any:
        """What a call returned; one value by itself, several as a tuple."""
        values = self._functions[function][2].decode(data, 0)
        return values[0] if len(values) == 1 else values

    def construction(self, arguments: tuple[Any, ...]) -> bytes:
        """What follows the creation code."""
        return self._constructor.encode(arguments) if arguments else b""

    def log(self, topics: list[str], data: str) -> Log | None:
        """The event of a log, or None when the contract declares none such."""
        event = self._events.get(int(topics[0], 16))
        if event is None:
            return None
        name, indexed, codec = event
        rest = iter(codec.decode(bytes.fromhex(data[2:]), 0))
        words = iter(topics[1:])
        return Log(self.name, name, tuple(int(next(words), 16) if topic else next(rest) for topic in indexed))


def codec_of(types: tuple[str, ...]) -> Codec:
    """The codec of a sequence of values, such as a function's arguments."""
    return _sequence(tuple(_codec(abi_type) for abi_type in types))


@cache
def _codec(abi_type: str) -> Codec:
    if abi_type.endswith("]"):
        inner, _, count = abi_type[:-1].rpartition("[")
        return _sequence((_codec(inner),) * int(count)) if count else _list(_codec(inner))
    if abi_type.startswith("("):
        return codec_of(tuple(_members(abi_type[1:-1])))
    if abi_type in {"bytes", "string"}:
        return Codec(None, _encode_bytes, _decode_bytes)
    if abi_type.startswith("bytes") and abi_type != "bytes32":
        left = 8 * (WORD - int(abi_type[5:]))
        return Codec(WORD, lambda value: _encode_word(value << left), lambda data, at: _word(data, at) >> left)
    return Codec(WORD, _encode_word, _word)


def _encode_word(value: int) -> bytes:
    return value.to_bytes(WORD, "big")


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + WORD], "big")


def _encode_bytes(value: bytes) -> bytes:
    return len(value).to_bytes(WORD, "big") + value + bytes(-len(value) % WORD)


def _decode_bytes(data: bytes, at: int) -> bytes:
    return data[at + WORD : at + WORD + _word(data, at)]


def _sequence(parts: tuple[Codec, ...]) -> Codec:
    size = None if any(part.size is None for part in parts) else sum(part.size or 0 for part in parts)
    head_size = sum(part.size or WORD for part in parts)

    def encode(values: Sequence[Any]) -> bytes:
        if size is not None:
            return b"".join(part.encode(value) for part, value in zip(parts, values, strict=True))
        head, tail = [], b""
        for part, value in zip(parts, values, strict=True):
            if part.size is None:
                head.append(_encode_word(head_size + len(tail)))
                tail += part.encode(value)
            else:
                head.append(part.encode(value))
        return b"".join(head) + tail

    def decode(data: bytes, at: int) -> tuple[Any, ...]:
        values, here = [], at
        for part in parts:
            values.append(part.decode(data, at + _word(data, here) if part.size is None else here))
            here += part.size or WORD
        return tuple(values)

    return Codec(size, encode, decode)


def _list(part: Codec) -> Codec:
    def encode(values: Sequence[Any]) -> bytes:
        return _encode_word(len(values)) + _sequence((part,) * len(values)).encode(values)

    def decode(data: bytes, at: int) -> tuple[Any, ...]:
        return tuple(_sequence((part,) * _word(data, at)).decode(data, at + WORD))

    return Codec(None, encode, decode)


def _canonical(part: dict[str, Any]) -> str:
    if not part["type"].startswith("tuple"):
        return str(part["type"])
    members = ",".join(_canonical(member) for member in part["components"])
    return f"({members}){part['type'][5:]}"


def _members(types: str) -> list[str]:
    """The types of a list that may hold tuples."""
    members, depth, start = [], 0, 0
    for at, character in enumerate(types):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            members.append(types[start:at])
            start = at + 1
    return [*members, types[start:]] if types else []
