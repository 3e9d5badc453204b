"""Event codecs, compiled from the ABI.

An event of fixed layout (static types only) is read by slicing at positions known beforehand; anything else goes
through eth-abi, which is also the reference that the tests compare with. Both are strict: a word whose padding is not
what its type asks for is refused. Layout: Solidity ABI specification, "Events" and "Formal Specification of the
Encoding". Addresses and bytesN come out as bytes, integers as int, indexed dynamic values as their 32-byte hash.
"""

import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from eth_hash.auto import keccak

from indexer.blocks import Log
from indexer.compiling import functions_of

Topics = tuple[bytes, ...]
Decoder = Callable[[Topics, bytes], Any]
BatchDecoder = Callable[[Sequence[Log]], list[tuple[Log, Any]]]


class CodecError(ValueError):
    """A log does not have the layout of its event, or an event class does not fit the ABI."""


@dataclass(frozen=True, slots=True)
class Field:
    """One input of an event; ``name`` is the Python form of the ABI's."""

    name: str
    type: str
    indexed: bool

    @property
    def is_static(self) -> bool:
        """Whether the value is one word at a fixed place."""
        return _STATIC.fullmatch(self.type) is not None


@dataclass(frozen=True, slots=True)
class EventCodec:
    """How to read one event: ``decode`` a log's topics and data, or ``decode_all`` logs of it.

    Both give instances of the event class that it was compiled for, and raise CodecError.
    """

    name: str
    topic0: bytes
    fields: tuple[Field, ...]
    decode: Decoder
    decode_all: BatchDecoder


_STATIC = re.compile(r"address|bool|u?int\d*|bytes\d+")


def event_codec(abi: Sequence[Mapping[str, Any]], name: str, event_class: type[tuple[Any, ...]]) -> EventCodec:
    """Compile the codec of one event of an ABI for a NamedTuple whose fields are the event's inputs in snake case.

    Raises:
        CodecError: the ABI has no such event, or the class has other fields or types.
    """
    entries = [entry for entry in abi if entry.get("type") == "event" and entry["name"] == name]
    if len(entries) != 1:
        raise CodecError(f"the ABI has {len(entries)} events named {name}")
    (entry,) = entries
    fields = tuple(
        Field(_python_name(each["name"]), canonical_type(each), bool(each.get("indexed"))) for each in entry["inputs"]
    )
    _require_fitting(name, fields, event_class)
    topic0 = keccak(f"{name}({','.join(field.type for field in fields)})".encode())
    if all(field.is_static for field in fields):
        return EventCodec(name, topic0, fields, *_compile_slices(fields, event_class))
    decode = reference_decoder(fields, event_class)
    return EventCodec(name, topic0, fields, decode, lambda logs: [(log, decode(log[7], log[8])) for log in logs])


def event_topics(abi: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """The first topics of all events of an ABI; none if one of them is anonymous."""
    events = [entry for entry in abi if entry.get("type") == "event"]
    if any(entry.get("anonymous") for entry in events):
        return []
    return [
        keccak(f"{entry['name']}({','.join(canonical_type(each) for each in entry['inputs'])})".encode())
        for entry in events
    ]


def reference_decoder(fields: Sequence[Field], event_class: type[tuple[Any, ...]]) -> Decoder:
    """Return a decoder for any layout, on eth-abi."""
    # Few need it, and loading it takes a fifth of a second at every start.
    from eth_abi.abi import decode as eth_abi_decode
    from eth_abi.exceptions import DecodingError

    indexed = [field for field in fields if field.indexed]
    in_data = [field.type for field in fields if not field.indexed]

    def decode(topics: Topics, data: bytes) -> Any:
        if len(topics) != len(indexed) + 1:
            raise CodecError(f"{len(topics)} topics instead of {len(indexed) + 1}")
        try:
            in_topics = [
                _plain(eth_abi_decode([field.type], topic)[0], field.type) if field.is_static else topic
                for field, topic in zip(indexed, topics[1:], strict=True)
            ]
            rest = [_plain(*pair) for pair in zip(eth_abi_decode(in_data, data), in_data, strict=True)]
        except DecodingError as error:
            raise CodecError(str(error)) from error
        values = (in_topics.pop(0) if field.indexed else rest.pop(0) for field in fields)
        return tuple.__new__(event_class, values)

    return decode


_DECODE = """
def decode(topics, data):
    {read}
    return new(event_class, ({values},))

def decode_all(logs):
    events = []
    add = events.append
    for log in logs:
        topics, data = log[7], log[8]
        {read_in_loop}
        add((log, new(event_class, ({values},))))
    return events
"""


def _compile_slices(fields: Sequence[Field], event_class: type[tuple[Any, ...]]) -> tuple[Decoder, BatchDecoder]:
    topics, words, lines = 0, 0, []
    for position, field in enumerate(fields):
        if field.indexed:
            topics += 1
            word = f"topics[{topics}]"
        else:
            word = f"data[{32 * words}:{32 * words + 32}]"
            words += 1
        lines += [f"w{position} = {word}", *_read_word(position, field)]
    lines.insert(0, f"if len(topics) != {topics + 1} or len(data) != {32 * words}: refuse(topics, data)")

    def refuse(found: Topics, data: bytes) -> None:
        raise CodecError(f"{len(found)} topics and {len(data)} bytes of data instead of {topics + 1} and {32 * words}")

    source = _DECODE.format(
        read="\n    ".join(lines),
        read_in_loop="\n        ".join(lines),
        values=", ".join(f"v{position}" for position in range(len(fields))),
    )
    names = {
        "CodecError": CodecError,
        "refuse": refuse,
        "event_class": event_class,
        "new": tuple.__new__,
        "from_bytes": int.from_bytes,
    }
    # The source is made of numbers and of types that matched _STATIC, never of names from the ABI.
    made = functions_of(source, names)
    return made["decode"], made["decode_all"]


def _read_word(position: int, field: Field) -> list[str]:
    """The lines that check word ``w`` and read value ``v`` of one static type."""
    word, value = f"w{position}", f"v{position}"
    refuse = f"raise CodecError('input {position} is no {field.type}: 0x' + {word}.hex())"
    if field.type == "address":
        return [f"{value} = {word}[12:]", f"if {word}[:12] != {bytes(12)!r}: {refuse}"]
    if field.type == "bool":
        return [
            f"{value} = {word}[31] == 1",
            f"if {word}[:31] != {bytes(31)!r} or {word}[31] > 1: {refuse}",
        ]
    if field.type.startswith("bytes"):
        size = int(field.type[5:])
        check = [] if size == 32 else [f"if {word}[{size}:] != {bytes(32 - size)!r}: {refuse}"]
        return [f"{value} = {word}[:{size}]", *check]
    signed = not field.type.startswith("u")
    bits = int(field.type.lstrip("uint"))
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    check = [] if bits == 256 else [f"if not {low} <= {value} < {high}: {refuse}"]
    sign = ", signed=True" if signed else ""
    return [f"{value} = from_bytes({word}, 'big'{sign})", *check]


def _plain(value: Any, abi_type: str) -> Any:
    """eth-abi's value in our types: addresses as bytes, in arrays too."""
    if abi_type.endswith("]"):
        inner = abi_type[: abi_type.rindex("[")]
        return tuple(_plain(each, inner) for each in value)
    return bytes.fromhex(value[2:]) if abi_type == "address" else value


def canonical_type(entry: Mapping[str, Any]) -> str:
    """The type of an ABI's input or output as signatures have it: tuples written out."""
    abi_type = str(entry["type"])
    if abi_type.startswith("tuple"):
        inner = ",".join(canonical_type(each) for each in entry["components"])
        return f"({inner}){abi_type[len('tuple') :]}"
    return {"uint": "uint256", "int": "int256"}.get(abi_type, abi_type)


def _python_name(abi_name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", abi_name).lower()
    return f"{snake}_" if iskeyword(snake) or hasattr(tuple, snake) else snake


def _python_type(field: Field) -> type:
    if not field.is_static:
        known = {"string": str, "bytes": bytes}
        return bytes if field.indexed else known.get(field.type, tuple)
    if field.type == "bool":
        return bool
    return int if "int" in field.type else bytes


def _require_fitting(name: str, fields: Sequence[Field], event_class: type[tuple[Any, ...]]) -> None:
    wanted = {field.name: _python_type(field) for field in fields}
    declared = typing.get_type_hints(event_class)
    found = {each: typing.get_origin(hint) or hint for each, hint in declared.items()}
    if list(wanted.items()) != list(found.items()):
        raise CodecError(f"{event_class.__name__} declares {found}, but {name} has {wanted}")
