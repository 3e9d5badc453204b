"""Opaque cursors of keyset pages: the place of the last item, not a count, so that new items shift nothing."""

import base64
import binascii
import math
import struct
from dataclasses import dataclass

from api.catalog.errors import CursorInvalid

_FORMS = {1: struct.Struct(">BQI"), 2: struct.Struct(">BQId")}
"""By version: a place in the chain, and that with a rank."""


@dataclass(frozen=True, slots=True)
class Place:
    """A log's place in the chain; no two items share one. ``rank`` is set where items are ordered by it first."""

    block_number: int
    log_index: int
    rank: float | None = None


def encode(place: Place) -> str:
    """Return the cursor behind a place."""
    if place.rank is None:
        packed = _FORMS[1].pack(1, place.block_number, place.log_index)
    else:
        packed = _FORMS[2].pack(2, place.block_number, place.log_index, place.rank)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode(text: str, *, is_ranked: bool = False) -> Place:
    """Return the place of a cursor. Raises CursorInvalid."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, *members = _FORMS[packed[0]].unpack(packed)
        place = Place(*members)
    except (binascii.Error, ValueError, struct.error, IndexError, KeyError) as error:
        raise CursorInvalid("take `next` from the page before, unchanged") from error
    is_finite = place.rank is None or math.isfinite(place.rank)
    if place.block_number >= 1 << 63 or place.log_index >= 1 << 31 or not is_finite:
        raise CursorInvalid("take `next` from the page before, unchanged")
    if (version == 2) is not is_ranked:
        raise CursorInvalid("the cursor belongs to a page in another order; begin with the first page")
    return place
