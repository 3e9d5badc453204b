"""Ack ids: opaque to clients, self-describing to the server, so that they stay good over its restart."""

import base64
import binascii
import struct
import zlib

from stack.pubsub.errors import InvalidArgument
from stack.pubsub.records import LeaseKey

_LAYOUT = struct.Struct(">IQI")
_CHECKSUM = struct.Struct(">I")


def encode(key: LeaseKey) -> str:
    """Return the ack id of a delivery."""
    packed = _LAYOUT.pack(key.subscription_id, key.message_id, key.lease)
    return base64.urlsafe_b64encode(packed + _CHECKSUM.pack(zlib.crc32(packed))).decode()


def decode(ack_id: str, subscription_id: int) -> LeaseKey:
    """Return the delivery that an ack id names.

    Raises:
        InvalidArgument: it is malformed, or belongs to another subscription.
    """
    try:
        raw = base64.b64decode(ack_id, altchars=b"-_", validate=True)
        packed, checksum = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
        if _CHECKSUM.unpack(checksum)[0] != zlib.crc32(packed):
            raise struct.error("checksum")
        key = LeaseKey(*_LAYOUT.unpack(packed))
    except (binascii.Error, struct.error, ValueError) as error:
        raise InvalidArgument(f"You have passed an invalid ack ID to the service (ack_id={ack_id}).") from error
    if key.subscription_id != subscription_id:
        raise InvalidArgument(
            f"You have passed a subscription that does not belong to the given ack ID (ack_id={ack_id})."
        )
    return key
