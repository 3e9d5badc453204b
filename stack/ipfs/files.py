"""UnixFS files as blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from stack.ipfs.blocks import BlockStore
from stemma.cid import CHUNK_SIZE, RAW, Blob, Cid, CidError, ContentHasher, decode_node


def add_file(store: BlockStore, file: IO[bytes]) -> Blob:
    """Cut a file into blocks, keep them, and return its names."""
    hasher = ContentHasher(keep_nodes=True)
    chunk = file.read(CHUNK_SIZE)
    while True:
        hasher.update(chunk)
        store.put(Cid.of_block(RAW, chunk), chunk)
        chunk = file.read(CHUNK_SIZE)
        if not chunk:
            break
    blob = hasher.finish()
    for cid, block in hasher.node_blocks.items():
        store.put(cid, block)
    return blob


def file_size(store: BlockStore, cid: Cid) -> int:
    """Length of a file in bytes. Raises BlockMissing, and CidError for a directory."""
    if cid.codec == RAW:
        return store.size(cid)
    node = decode_node(store.get(cid))
    if node.is_directory:
        raise CidError("this dag node is a directory")
    return node.size


def read_file(store: BlockStore, cid: Cid, start: int, end: int) -> Iterator[bytes]:
    """The bytes [start, end) of a file, block by block. Raises BlockMissing on the way."""
    if start >= end:
        return
    if cid.codec == RAW:
        yield store.get(cid)[start:end]
        return
    node = decode_node(store.get(cid))
    child_start = 0
    for link, size in zip(node.links, node.child_sizes, strict=True):
        if start < child_start + size and end > child_start:
            yield from read_file(store, link.cid, max(0, start - child_start), min(size, end - child_start))
        child_start += size
