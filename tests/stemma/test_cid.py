"""CIDs against vectors on which two independent implementations agree, and against their own definition."""

import base64
import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemma.cid import (
    CHUNK_SIZE,
    DAG_PB,
    MAX_LINKS,
    RAW,
    Blob,
    Cid,
    CidError,
    ContentHasher,
    cumulative_size,
    decode_node,
    directory_block,
    identify,
    texts,
)

VECTORS = json.loads((Path(__file__).parent / "vectors" / "cid.json").read_text())
EMPTY = Cid.parse("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")


def generated(size: int) -> bytes:
    """The vectors' generator, with the sequence doubled by jumping instead of stepped."""
    states = np.array([(1103515245 + 12345) % 2**32], dtype=np.uint64)
    multiplier, increment = 1103515245, 12345
    while len(states) < size:
        states = np.concatenate([states, states * np.uint64(multiplier) + np.uint64(increment) & np.uint64(2**32 - 1)])
        multiplier, increment = multiplier**2 % 2**32, (multiplier * increment + increment) % 2**32
    data: bytes = (states[:size] >> np.uint64(16) & np.uint64(255)).astype(np.uint8).tobytes()
    return data


@pytest.fixture(scope="module")
def longest() -> bytes:
    return generated(max(vector["size"] for vector in VECTORS["files"]))


@pytest.mark.parametrize("vector", VECTORS["files"], ids=lambda vector: str(vector["size"]))
def test_files_have_the_cids_of_the_vectors(vector: dict[str, object], longest: bytes) -> None:
    blob = identify(longest[: vector["size"]])  # type: ignore[misc]
    assert (blob.sha256.hex(), str(blob.cid), blob.size) == (vector["sha256"], vector["cid"], vector["size"])


@given(st.lists(st.builds(Cid, st.sampled_from([RAW, DAG_PB]), st.binary(min_size=32, max_size=32)), max_size=150))
def test_many_have_the_texts_that_each_has_alone(cids: list[Cid]) -> None:
    assert texts([(cid.codec, cid.digest.hex()) for cid in cids]) == [str(cid) for cid in cids]


@pytest.mark.parametrize("named", [(0x71, "00" * 32), (RAW, "00" * 31), (RAW, "00" * 33), (RAW, "zz" * 32)])
def test_what_is_no_name_has_no_text(named: tuple[int, str]) -> None:
    with pytest.raises(CidError):
        texts([(RAW, "00" * 32), named])


@given(st.sampled_from([RAW, DAG_PB]), st.binary(min_size=32, max_size=32))
def test_the_text_is_base32(codec: int, digest: bytes) -> None:
    cid = Cid(codec, digest)
    assert str(cid) == "b" + base64.b32encode(bytes(cid)).decode().rstrip("=").lower()
    assert Cid.parse(str(cid)) == cid


def test_the_directory_has_the_cid_of_the_vectors() -> None:
    entries = {}
    for vector in reversed(VECTORS["directory"]["entries"]):
        blob = identify(b'{"kind":%d}' % int(vector["path"][0]))
        assert str(blob.cid) == vector["cid"]
        entries[vector["path"]] = (blob.cid, cumulative_size(blob.size))
    block = directory_block(entries)
    assert str(Cid.of_block(DAG_PB, block)) == VECTORS["directory"]["cid"]
    node = decode_node(block)
    assert node.is_directory
    assert [(link.name, str(link.cid)) for link in node.links] == [
        (vector["path"], vector["cid"]) for vector in VECTORS["directory"]["entries"]
    ]


def test_the_empty_directory_and_names_sorted_by_bytes() -> None:
    assert (
        str(Cid.of_block(DAG_PB, directory_block({}))) == "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
    )
    names = [link.name for link in decode_node(directory_block(dict.fromkeys("bäaZ", (EMPTY, 0)))).links]
    assert names == ["Z", "a", "b", "ä"]


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return (data[start:end] for start, end in itertools.pairwise(bounds))


@settings(max_examples=60, deadline=None)
@given(
    size=st.one_of(
        st.integers(0, 1000),
        st.builds(
            lambda chunks, delta: max(0, chunks * CHUNK_SIZE + delta),
            st.integers(0, MAX_LINKS // 40),
            st.integers(-2, 2),
        ),
    ),
    cuts=st.lists(st.integers(0, 2**24), max_size=12),
)
def test_the_way_a_stream_is_cut_does_not_matter(size: int, cuts: list[int], longest: bytes) -> None:
    data = longest[:size]
    hasher = ContentHasher()
    for piece in pieces(data, cuts):
        hasher.update(piece)
    assert hasher.finish() == identify(data)


def by_definition(data: bytes) -> tuple[Cid, int, dict[Cid, bytes]]:
    """The CID, the blocks' total and the inner nodes, built level by level from the whole file at once."""
    chunks = [data[start : start + CHUNK_SIZE] for start in range(0, len(data), CHUNK_SIZE)] or [b""]
    hasher = ContentHasher(keep_nodes=True)
    hasher.update(data)
    cid = hasher.finish().cid
    nodes = hasher.node_blocks
    level = [cid]
    seen = []
    while any(each.codec == DAG_PB for each in level):
        assert all(each.codec == DAG_PB for each in level), "leaves of a balanced tree are all at one depth"
        below = [decode_node(nodes[each]) for each in level]
        assert all(len(node.links) == MAX_LINKS for node in below[:-1])
        level = [link.cid for node in below for link in node.links]
        seen.append(level)
    assert level == [Cid(RAW, hashlib.sha256(chunk).digest()) for chunk in chunks]
    return cid, sum(map(len, chunks)) + sum(map(len, nodes.values())), nodes


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, 5_000_000, 174 * CHUNK_SIZE, 174 * CHUNK_SIZE + 1])
def test_the_tree_is_balanced_and_its_sizes_are_right(size: int, longest: bytes) -> None:
    cid, total, nodes = by_definition(longest[:size])
    assert cumulative_size(size) == total
    if cid.codec == DAG_PB:
        root = decode_node(nodes[cid])
        assert root.size == size
        assert len(nodes[cid]) + sum(link.cumulative for link in root.links) == total


@given(digest=st.binary(min_size=32, max_size=32), codec=st.sampled_from([RAW, DAG_PB]))
def test_text_and_binary_forms_round_trip(digest: bytes, codec: int) -> None:
    cid = Cid(codec, digest)
    assert Cid.parse(str(cid)) == cid
    assert Cid.from_bytes(bytes(cid)) == cid
    assert str(cid).startswith("bafkrei" if codec == RAW else "bafybei")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        str(EMPTY)[:-1],
        str(EMPTY) + "a",
        str(EMPTY).upper(),
        "z" + str(EMPTY)[1:],
        str(EMPTY)[:-1] + "v",  # the same bytes with stray bits at the end
        str(EMPTY)[:-1] + "1",
        str(EMPTY)[:-1] + "ü",
        "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
        "/ipfs/" + str(EMPTY),
        "../../../etc/passwd",
    ],
)
def test_other_texts_are_no_cids(text: str) -> None:
    with pytest.raises(CidError):
        Cid.parse(text)


def test_other_digests_and_codecs_are_refused() -> None:
    with pytest.raises(CidError):
        Cid(RAW, bytes(31))
    with pytest.raises(CidError):
        Cid(0x71, bytes(32))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0"])
def test_names_that_are_no_path_segment_are_refused(name: str) -> None:
    with pytest.raises(CidError):
        directory_block({name: (EMPTY, 0)})


def test_a_directory_that_would_be_sharded_is_refused() -> None:
    with pytest.raises(CidError):
        directory_block({f"{number}.json": (EMPTY, 0) for number in range(6000)})


@given(st.binary(max_size=200))
def test_decoding_what_is_no_node_raises_its_own_error_only(block: bytes) -> None:
    try:
        decode_node(block)
    except CidError:
        return


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_decoding_a_cut_or_altered_node_never_gives_another_error(data: st.DataObject) -> None:
    block = bytearray(directory_block({f"{number}.json": (EMPTY, 10) for number in range(7)}))
    block[data.draw(st.integers(0, len(block) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decode_node(bytes(block[: data.draw(st.integers(0, len(block)))]))
    except CidError:
        return


def test_one_chunk_is_its_own_root() -> None:
    digest = hashlib.sha256(b"stem").digest()
    assert identify(b"stem") == Blob(sha256=digest, cid=Cid(RAW, digest), size=4)
