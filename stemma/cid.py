"""Content identifiers: CIDv1 of UnixFS files and directories, computed while the bytes stream by.

The profile is fixed, because a CID names bytes only together with it: 256 KiB chunks, raw leaves, SHA-256, a balanced
tree of 174 links per node, base32. Formats: multiformats CIDv1, IPLD dag-pb, UnixFS v1. The same profile in Kubo:
``cid-version=1 raw-leaves=true chunker=size-262144 max-file-links=174``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

CHUNK_SIZE = 262_144
MAX_LINKS = 174
RAW = 0x55
DAG_PB = 0x70

_CID_VERSION = 0x01
_SHA2_256 = b"\x12\x20"
_DIGITS = 58
"""Base32 digits of a CID's 36 bytes; the last has `_PADDING_BITS` of nothing."""

_PADDING_BITS = 2
_PLACE = 64
"""Bytes that the digits of one CID take while they are made."""

_AT_ONCE = 64
"""CIDs whose digits are made side by side."""

_HEADS = {codec: bytes((_CID_VERSION, codec, *_SHA2_256)).rjust(_PLACE - 32, b"\0").hex() for codec in (RAW, DAG_PB)}
"""What comes before a digest, and fills its place."""

_BASE32 = b"abcdefghijklmnopqrstuvwxyz234567".ljust(256)
_UNIXFS_DIRECTORY = 1
_UNIXFS_FILE = 2
# Beyond this Kubo shards a directory (HAMT), which gives another CID.
_MAX_DIRECTORY_BLOCK = 262_144


def _spreading() -> Iterator[tuple[int, int, int]]:
    """Steps that move groups of five bits to a byte each: the upper half of 64 groups, of 32, and so on, goes up.

    Each step is a mask of what stays, a mask of what moves, and by how many bits.
    """
    for groups in (64, 32, 16, 8, 4, 2):
        half = (1 << 5 * groups // 2) - 1
        places = [8 * groups * number for number in range(64 // groups)]
        low = sum(half << place for place in places)
        yield low, low << 5 * groups // 2, 3 * groups // 2


_SPREADING = tuple(_spreading())


@lru_cache(maxsize=_AT_ONCE)
def _spreading_of(count: int) -> tuple[tuple[int, int, int], ...]:
    """The steps for so many numbers side by side."""
    ones = sum(1 << 8 * _PLACE * number for number in range(count))
    return tuple((low * ones, high * ones, shift) for low, high, shift in _SPREADING)


class CidError(ValueError):
    """The text or the bytes are not a CID, or not a node, of this profile."""


@dataclass(frozen=True, slots=True, order=True)
class Cid:
    """A CIDv1 with a SHA-256 digest. On chain it travels as ``digest`` (bytes32) and ``codec`` (uint8)."""

    codec: int
    digest: bytes

    def __post_init__(self) -> None:
        if self.codec not in (RAW, DAG_PB):
            raise CidError(f"codec {self.codec:#x} is neither raw (0x55) nor dag-pb (0x70)")
        if len(self.digest) != 32:
            raise CidError(f"a SHA-256 digest has 32 bytes, not {len(self.digest)}")

    def __bytes__(self) -> bytes:
        """The binary form, 36 bytes: version, codec, multihash."""
        return bytes((_CID_VERSION, self.codec)) + _SHA2_256 + self.digest

    def __str__(self) -> str:
        # base64.b32encode takes four times as long.
        spread = int.from_bytes(bytes(self), "big") << _PADDING_BITS
        for low, high, shift in _SPREADING:
            spread = spread & low | (spread & high) << shift
        return "b" + spread.to_bytes(_DIGITS, "big").translate(_BASE32).decode("ascii")

    @classmethod
    def parse(cls, text: str) -> Cid:
        """The CID that the canonical base32 text names (``bafkrei…``, ``bafybei…``). Raises CidError."""
        if len(text) != 59 or not text.startswith("b") or text != text.lower():
            raise CidError(f"not a base32 CIDv1 with a SHA-256 digest: {text[:80]!r}")
        try:
            binary = base64.b32decode(text[1:].upper() + "=" * 6)
        except ValueError as error:
            raise CidError(f"not base32: {text!r}") from error
        cid = cls.from_bytes(binary)
        if str(cid) != text:
            raise CidError(f"not the canonical form of a CID: {text!r}")
        return cid

    @classmethod
    def from_bytes(cls, binary: bytes) -> Cid:
        """The CID of its 36 byte binary form. Raises CidError."""
        if len(binary) != 36 or binary[0] != _CID_VERSION or binary[2:4] != _SHA2_256:
            raise CidError(f"not a binary CIDv1 with a SHA-256 digest: {binary[:40].hex()}")
        return cls(codec=binary[1], digest=binary[4:])

    @classmethod
    def of_block(cls, codec: int, block: bytes) -> Cid:
        """The CID of one block."""
        return cls(codec, hashlib.sha256(block).digest())


def texts(named: Sequence[tuple[int, str]]) -> list[str]:
    """Return the texts of many CIDs by codec and digest (SHA-256, 64 hex digits), at a third of what each takes alone.

    Raises:
        CidError: another codec, or digits that are none.
    """
    found: list[str] = []
    for begin in range(0, len(named), _AT_ONCE):
        some = named[begin : begin + _AT_ONCE]
        if any(len(digest) != 64 for _, digest in some):
            raise CidError("a SHA-256 digest has 64 hex digits")
        try:
            spread = int("".join([_HEADS[codec] + digest for codec, digest in some]), 16) << _PADDING_BITS
        except KeyError as error:
            raise CidError(f"codec {error.args[0]:#x} is neither raw (0x55) nor dag-pb (0x70)") from error
        except ValueError as error:
            raise CidError("a SHA-256 digest has 64 hex digits") from error
        for low, high, shift in _spreading_of(len(some)):
            spread = spread & low | (spread & high) << shift
        digits = spread.to_bytes(_PLACE * len(some), "big").translate(_BASE32).decode("ascii")
        found += ["b" + digits[end - _DIGITS : end] for end in range(_PLACE, len(digits) + 1, _PLACE)]
    return found


@dataclass(frozen=True, slots=True)
class Blob:
    """The names of a stream of bytes: SHA-256 of the whole (32 bytes), its UnixFS CID, and its length in bytes."""

    sha256: bytes
    cid: Cid
    size: int


@dataclass(frozen=True, slots=True)
class Link:
    """A dag-pb link. ``cumulative`` (Tsize) counts the target's block and all blocks below it."""

    cid: Cid
    name: str
    cumulative: int


@dataclass(frozen=True, slots=True)
class Node:
    """A UnixFS node. ``size`` is the file's length in bytes, 0 for a directory."""

    is_directory: bool
    size: int
    links: tuple[Link, ...]
    child_sizes: tuple[int, ...]


class ContentHasher:
    """Streaming SHA-256 and UnixFS CID in one pass and without keeping the bytes.

    Bytes may come in pieces of any length. ``node_blocks`` collects the tree's inner nodes when ``keep_nodes`` is set.
    """

    def __init__(self, *, keep_nodes: bool = False) -> None:
        self._whole = hashlib.sha256()
        self._leaf = hashlib.sha256()
        self._leaf_size = 0
        self._size = 0
        self._tree = _Tree(keep_nodes)

    @property
    def size(self) -> int:
        """The bytes seen so far."""
        return self._size

    @property
    def node_blocks(self) -> dict[Cid, bytes]:
        """The inner nodes built so far, by CID; complete after ``finish``."""
        return self._tree.node_blocks

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take in the next piece."""
        view = memoryview(data).cast("B")
        self._size += len(view)
        while view:
            piece = view[: CHUNK_SIZE - self._leaf_size]
            # Piece by piece, so that the second hash finds it in the processor's cache.
            self._whole.update(piece)
            self._leaf.update(piece)
            self._leaf_size += len(piece)
            view = view[len(piece) :]
            if self._leaf_size == CHUNK_SIZE:
                self._close_leaf()

    def finish(self) -> Blob:
        """The names of the stream. Give it no more pieces after this."""
        if self._leaf_size or self._size == 0:
            self._close_leaf()
        return Blob(sha256=self._whole.digest(), cid=self._tree.root(), size=self._size)

    def _close_leaf(self) -> None:
        self._tree.add(Cid(RAW, self._leaf.digest()), self._leaf_size)
        self._leaf = hashlib.sha256()
        self._leaf_size = 0


@dataclass(frozen=True, slots=True)
class _Subtree:
    cid: Cid
    size: int
    cumulative: int


class _Tree:
    """The balanced tree over leaves that come from left to right; holds at most 174 subtrees per level."""

    def __init__(self, keep_nodes: bool) -> None:
        self._levels: list[list[_Subtree]] = [[]]
        self._keep_nodes = keep_nodes
        self.node_blocks: dict[Cid, bytes] = {}

    def add(self, leaf: Cid, size: int) -> None:
        self._push(0, _Subtree(leaf, size, size))

    def root(self) -> Cid:
        level = 0
        while level < len(self._levels) - 1 or len(self._levels[level]) > 1:
            if self._levels[level]:
                self._fold(level)
            level += 1
        return self._levels[level][0].cid

    def _push(self, level: int, subtree: _Subtree) -> None:
        if level == len(self._levels):
            self._levels.append([])
        self._levels[level].append(subtree)
        if len(self._levels[level]) == MAX_LINKS:
            self._fold(level)

    def _fold(self, level: int) -> None:
        children, self._levels[level] = self._levels[level], []
        block = _file_block(children)
        cid = Cid.of_block(DAG_PB, block)
        if self._keep_nodes:
            self.node_blocks[cid] = block
        size = sum(child.size for child in children)
        self._push(level + 1, _Subtree(cid, size, len(block) + sum(child.cumulative for child in children)))


def identify(data: bytes) -> Blob:
    """The names of these bytes."""
    hasher = ContentHasher()
    hasher.update(data)
    return hasher.finish()


def cumulative_size(size: int) -> int:
    """Bytes of all blocks, leaves and nodes, of a file of ``size`` bytes: the tree's shape depends on nothing else."""
    sizes = [CHUNK_SIZE] * (size // CHUNK_SIZE) + ([size % CHUNK_SIZE] if size % CHUNK_SIZE or not size else [])
    level = [_Subtree(_ANY_LEAF, leaf, leaf) for leaf in sizes]
    while len(level) > 1:
        level = [_measured_parent(level[start : start + MAX_LINKS]) for start in range(0, len(level), MAX_LINKS)]
    return level[0].cumulative


def directory_block(entries: Mapping[str, tuple[Cid, int]]) -> bytes:
    """The dag-pb block of a UnixFS directory: {name: (CID, cumulative size in bytes)}.

    Raises CidError for a name that cannot be one path segment, and for a directory so large that Kubo would shard it.
    """
    for name in entries:
        if not name or "/" in name or "\0" in name or name in (".", ".."):
            raise CidError(f"not a file name: {name!r}")
    links = [_encode_link(Link(cid, name, total)) for name, (cid, total) in sorted(entries.items(), key=_by_name_bytes)]
    block = b"".join(links) + _bytes_field(1, _varint_field(1, _UNIXFS_DIRECTORY))
    if len(block) > _MAX_DIRECTORY_BLOCK:
        raise CidError(f"a directory of {len(entries)} entries would be sharded")
    return block


def decode_node(block: bytes) -> Node:
    """The UnixFS file or directory node in a dag-pb block. Raises CidError."""
    links: list[Link] = []
    data: bytes | None = None
    for field, value in _fields(block):
        if field == 2 and isinstance(value, bytes):
            links.append(_decode_link(value))
        elif field == 1 and isinstance(value, bytes):
            data = value
    if data is None:
        raise CidError("a dag-pb node without UnixFS data")
    kind, size, child_sizes = None, 0, []
    for field, value in _fields(data):
        if isinstance(value, int):
            match field:
                case 1:
                    kind = value
                case 3:
                    size = value
                case 4:
                    child_sizes.append(value)
    if kind == _UNIXFS_DIRECTORY:
        return Node(is_directory=True, size=0, links=tuple(links), child_sizes=())
    if kind == _UNIXFS_FILE and len(child_sizes) == len(links) and sum(child_sizes) == size:
        return Node(is_directory=False, size=size, links=tuple(links), child_sizes=tuple(child_sizes))
    raise CidError(f"UnixFS type {kind} is not a directory or a file of this profile")


def _file_block(children: list[_Subtree]) -> bytes:
    links = b"".join(_encode_link(Link(child.cid, "", child.cumulative)) for child in children)
    sizes = b"".join(_varint_field(4, child.size) for child in children)
    total = _varint_field(3, sum(child.size for child in children))
    return links + _bytes_field(1, _varint_field(1, _UNIXFS_FILE) + total + sizes)


_ANY_LEAF = Cid(RAW, bytes(32))


def _measured_parent(children: list[_Subtree]) -> _Subtree:
    block = _file_block(children)
    total = sum(child.size for child in children)
    return _Subtree(_ANY_LEAF, total, len(block) + sum(child.cumulative for child in children))


def _by_name_bytes(entry: tuple[str, tuple[Cid, int]]) -> bytes:
    return entry[0].encode()


def _encode_link(link: Link) -> bytes:
    body = _bytes_field(1, bytes(link.cid)) + _bytes_field(2, link.name.encode()) + _varint_field(3, link.cumulative)
    return _bytes_field(2, body)


def _decode_link(body: bytes) -> Link:
    cid, name, cumulative = None, "", 0
    for field, value in _fields(body):
        if field == 1 and isinstance(value, bytes):
            cid = Cid.from_bytes(value)
        elif field == 2 and isinstance(value, bytes):
            try:
                name = value.decode()
            except UnicodeDecodeError as error:
                raise CidError("a link's name is not UTF-8") from error
        elif field == 3 and isinstance(value, int):
            cumulative = value
    if cid is None:
        raise CidError("a dag-pb link without a CID")
    return Link(cid, name, cumulative)


def _varint_field(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes_field(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The (field number, value) pairs of a protobuf message that has only varints and byte strings. Raises CidError."""
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        value, position = _read_varint(message, position)
        match key & 7:
            case 0:
                yield key >> 3, value
            case 2:
                end = position + value
                if end > len(message):
                    raise CidError("a protobuf field runs past the end of its message")
                yield key >> 3, message[position:end]
                position = end
            case wire_type:
                raise CidError(f"protobuf wire type {wire_type} has no place in a dag-pb node")


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 63, 7):
        if position >= len(message):
            raise CidError("a protobuf varint is cut off")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise CidError("a protobuf varint is longer than 63 bits")
