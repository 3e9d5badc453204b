"""Opaque cursors of keyset pages: the place of the last item, not a count, so that new items shift nothing."""

import base64
import binascii
import struct
from dataclasses import dataclass

from api.catalog.errors import CursorInvalid

_FORM = struct.Struct(">BQI")
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Place:
    """A log's place in the chain; no two items share one."""

    block_number: int
    log_index: int


def encode(place: Place) -> str:
    """Return the cursor behind a place."""
    packed = _FORM.pack(_VERSION, place.block_number, place.log_index)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode(text: str) -> Place:
    """Return the place of a cursor. Raises CursorInvalid."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, block_number, log_index = _FORM.unpack(packed)
    except (binascii.Error, ValueError, struct.error) as error:
        raise CursorInvalid("take `next` from the page before, unchanged") from error
    if version != _VERSION or block_number >= 1 << 63:
        raise CursorInvalid("take `next` from the page before, unchanged")
    return Place(block_number, log_index)
