"""Compiled codecs against eth-abi, the reference: the same values for good logs, the same refusals for bad ones."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from indexer.blocks import Log
from indexer.codecs import CodecError, Decoder, EventCodec, Topics, event_codec, reference_decoder
from indexer.projection import Projections
from indexer.projections import STEMMA
from stemma.chain.abi import CONTRACTS, load_abi

STATIC_TYPES = [
    *("address", "bool", "uint8", "uint32", "uint64", "uint224", "uint256", "int8", "int128", "int256"),
    *("bytes1", "bytes4", "bytes20", "bytes32"),
]
PYTHON_TYPES = {"address": bytes, "bool": bool, "string": str, "bytes": bytes, "uint256[]": tuple}


def values_of(abi_type: str) -> st.SearchStrategy[Any]:
    if abi_type == "address":
        return st.binary(min_size=20, max_size=20)
    if abi_type == "bool":
        return st.booleans()
    if abi_type.startswith("bytes") and abi_type != "bytes":
        return st.binary(min_size=int(abi_type[5:]), max_size=int(abi_type[5:]))
    bits = int(abi_type.lstrip("uint"))
    if abi_type.startswith("u"):
        return st.integers(0, 2**bits - 1)
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def python_type(abi_type: str) -> type:
    return PYTHON_TYPES.get(abi_type) or (int if "int" in abi_type else bytes)


def codec_for(inputs: list[tuple[str, bool]]) -> tuple[EventCodec, type]:
    """A codec for an event with these (type, indexed) inputs, named a, b, c…"""
    names = [chr(ord("a") + position) for position in range(len(inputs))]
    event_class = NamedTuple("Something", [(n, python_type(t)) for n, (t, _) in zip(names, inputs, strict=True)])
    entries = [{"name": n, "type": t, "indexed": i} for n, (t, i) in zip(names, inputs, strict=True)]
    return event_codec(
        [{"type": "event", "name": "Something", "inputs": entries}], "Something", event_class
    ), event_class


def in_a_batch(codec: EventCodec) -> Decoder:
    """The decoder for many logs at once, given one."""

    def decode(topics: Topics, data: bytes) -> Any:
        log = Log(1, 2, 0, datetime.now(UTC), bytes(32), bytes(32), bytes(20), topics, data)
        [(decoded, event)] = codec.decode_all([log])
        assert decoded is log
        return event

    return decode


@st.composite
def layouts(draw: st.DrawFn) -> list[tuple[str, bool]]:
    types = draw(st.lists(st.sampled_from(STATIC_TYPES), min_size=1, max_size=8))
    indexed = set(draw(st.lists(st.integers(0, len(types) - 1), max_size=3)))
    return [(each, position in indexed) for position, each in enumerate(types)]


@given(st.data())
def test_a_compiled_codec_reads_what_eth_abi_wrote(data: st.DataObject) -> None:
    layout = data.draw(layouts())
    codec, event_class = codec_for(layout)
    values = [data.draw(values_of(abi_type)) for abi_type, _ in layout]
    topics = [encode([t], [v]) for (t, indexed), v in zip(layout, values, strict=True) if indexed]
    rest = [(t, v) for (t, indexed), v in zip(layout, values, strict=True) if not indexed]
    body = encode([t for t, _ in rest], [v for _, v in rest])
    event = codec.decode((codec.topic0, *topics), body)
    assert isinstance(event, event_class)
    assert list(event) == values
    assert event == reference_decoder(codec.fields, event_class)((codec.topic0, *topics), body)


@given(st.data())
def test_a_compiled_codec_accepts_exactly_the_words_that_eth_abi_accepts(data: st.DataObject) -> None:
    layout = data.draw(layouts())
    codec, event_class = codec_for(layout)
    words = st.one_of(
        st.binary(min_size=32, max_size=32),
        st.sampled_from([bytes(32), b"\xff" * 32, bytes(31) + b"\x01", bytes(31) + b"\x02", b"\x01" + bytes(31)]),
        st.integers(0, 255).map(lambda bit: (1 << bit).to_bytes(32, "big")),
    )
    topics = (codec.topic0, *(data.draw(words) for _, indexed in layout if indexed))
    body = b"".join(data.draw(words) for _, indexed in layout if not indexed)

    def outcome(decode: Any) -> Any:
        try:
            return decode(topics, body)
        except CodecError:
            return "refused"

    reference = outcome(reference_decoder(codec.fields, event_class))
    assert outcome(codec.decode) == reference
    assert outcome(in_a_batch(codec)) == reference


@given(st.data(), layouts())
def test_a_log_of_another_shape_is_refused(data: st.DataObject, layout: list[tuple[str, bool]]) -> None:
    codec, _ = codec_for(layout)
    topics = sum(indexed for _, indexed in layout) + 1
    length = 32 * (len(layout) - topics + 1)
    bad_topics = data.draw(st.integers(1, 5).filter(lambda count: count != topics))
    bad_length = data.draw(st.integers(0, 300).filter(lambda size: size != length))
    with pytest.raises(CodecError):
        codec.decode((codec.topic0,) + (bytes(32),) * (bad_topics - 1), bytes(length))
    with pytest.raises(CodecError):
        codec.decode((codec.topic0,) + (bytes(32),) * (topics - 1), bytes(bad_length))


@given(st.binary(min_size=32, max_size=32), st.text(), st.lists(st.integers(0, 2**256 - 1)), st.binary())
def test_dynamic_layouts_go_through_eth_abi(hashed: bytes, text: str, numbers: list[int], raw: bytes) -> None:
    class Something(NamedTuple):
        hashed: bytes
        text: str
        numbers: tuple[int, ...]
        raw: bytes

    types = {"hashed": "string", "text": "string", "numbers": "uint256[]", "raw": "bytes"}
    inputs = [{"name": name, "type": abi, "indexed": name == "hashed"} for name, abi in types.items()]
    codec = event_codec([{"type": "event", "name": "Something", "inputs": inputs}], "Something", Something)
    assert codec.decode((codec.topic0, hashed), encode(["string", "uint256[]", "bytes"], [text, numbers, raw])) == (
        *(hashed, text, tuple(numbers), raw),
    )


def test_every_projected_event_fits_the_abi_of_its_contract() -> None:
    assert STEMMA.by_event
    for contract, event_class in STEMMA.by_event:
        codec = event_codec(load_abi(contract), event_class.__name__, event_class)
        assert all(field.is_static for field in codec.fields), f"{codec.name} is not of fixed layout"


def test_every_event_that_is_projected_is_one_of_our_contracts() -> None:
    """The others are kept raw, see test_engine."""
    projected = {(contract, event_class.__name__) for contract, event_class in STEMMA.by_event}
    declared = {(name, e["name"]) for name in CONTRACTS for e in load_abi(name) if e["type"] == "event"}
    assert projected <= declared


def test_an_event_class_that_does_not_fit_is_refused() -> None:
    class Transfer(NamedTuple):
        from_: bytes
        to: bytes
        token: int

    class TitleMinted(NamedTuple):
        work_id: bytes
        holder: bytes
        minter: bytes

    for event_class in (Transfer, TitleMinted):
        with pytest.raises(CodecError, match="declares"):
            event_codec(load_abi("IPNFT"), event_class.__name__, event_class)
    with pytest.raises(CodecError, match="has 0 events"):
        event_codec(load_abi("IPNFT"), "Burned", Transfer)


def test_projections_of_several_parts_keep_each_function() -> None:
    parts = [Projections(), Projections()]

    class Paused(NamedTuple):
        account: bytes

    for part in parts:
        part.on("Token", Paused)(lambda _events: iter(()))
    assert len(Projections(*parts).by_event["Token", Paused]) == 2
