"""Identity of works: recordings and their six stems.

A work's id is derived from content, never from a counter, so that no reorg can renumber it.
"""

import re
from enum import IntEnum
from typing import NewType

from eth_hash.auto import keccak

WorkId = NewType("WorkId", int)

WORK_ID_BITS = 224
WORK_ID_BYTES = WORK_ID_BITS // 8
_LOW_224_BITS = (1 << WORK_ID_BITS) - 1
_KIND_MASK = 0xFF
_HEX_FORM = re.compile(r"0x[0-9a-f]{56}")


class Kind(IntEnum):
    """The lowest byte of a work's id: 0 is the recording itself, 1..6 its stems."""

    RECORDING = 0
    VOCALS = 1
    DRUMS = 2
    BASS = 3
    GUITAR = 4
    PIANO = 5
    OTHER = 6

    @property
    def label(self) -> str:
        """The lower-case word used in JSON, URLs and file names."""
        return self.name.lower()

    @classmethod
    def from_label(cls, label: str) -> "Kind":
        """Return the kind of a label.

        Raises:
            ValueError: the label names no kind.
        """
        try:
            return _KINDS_BY_LABEL[label]
        except KeyError:
            raise ValueError(f"{label!r} is no kind of work; kinds are {', '.join(_KINDS_BY_LABEL)}") from None


_KINDS_BY_LABEL = {kind.label: kind for kind in Kind}
STEM_KINDS: tuple[Kind, ...] = tuple(kind for kind in Kind if kind is not Kind.RECORDING)


def recording_id(content_hash: bytes) -> WorkId:
    """Return the id of the recording whose file has this SHA-256: the low 224 bits of its keccak, lowest byte cleared.

    Raises:
        ValueError: the hash is not 32 bytes.
    """
    if len(content_hash) != 32:
        raise ValueError(f"a content hash has 32 bytes, not {len(content_hash)}")
    return WorkId(int.from_bytes(keccak(content_hash), "big") & _LOW_224_BITS & ~_KIND_MASK)


def stem_id(recording: WorkId, kind: Kind) -> WorkId:
    """Return the id of one stem of a recording.

    Raises:
        ValueError: ``recording`` is a stem's id, or the kind is not a stem's.
    """
    if kind_byte(recording) != Kind.RECORDING:
        raise ValueError(f"{to_hex(recording)} is not a recording")
    if kind is Kind.RECORDING:
        raise ValueError("a recording is not a stem of itself")
    return WorkId(recording | kind)


def kind_byte(work: WorkId) -> int:
    """Return the lowest byte of a work's id; above 6 it names no work."""
    return work & _KIND_MASK


def kind_of(work: WorkId) -> Kind:
    """Return the kind of a work.

    Raises:
        ValueError: the id's lowest byte names no kind.
    """
    return Kind(kind_byte(work))


def recording_of(work: WorkId) -> WorkId:
    """Return the recording that a work is, or is a stem of."""
    return WorkId(work & ~_KIND_MASK)


def to_bytes(work: WorkId) -> bytes:
    """Return the 28 bytes of a work's id, big-endian, as Postgres keeps them."""
    return work.to_bytes(WORK_ID_BYTES, "big")


def from_bytes(raw: bytes) -> WorkId:
    """Return the work of 28 big-endian bytes.

    Raises:
        ValueError: not 28 bytes.
    """
    if len(raw) != WORK_ID_BYTES:
        raise ValueError(f"a work's id has {WORK_ID_BYTES} bytes, not {len(raw)}")
    return WorkId(int.from_bytes(raw, "big"))


def to_hex(work: WorkId) -> str:
    """Return the form of JSON and URLs: ``0x`` and 56 lower-case hex digits."""
    return "0x" + to_bytes(work).hex()


def from_hex(text: str) -> WorkId:
    """Return the work of its JSON and URL form.

    Raises:
        ValueError: not ``0x`` and 56 lower-case hex digits.
    """
    if not _HEX_FORM.fullmatch(text):
        raise ValueError("a work's id is 0x followed by 56 lower-case hex digits")
    return WorkId(int(text, 16))
