"""What a block's logsBloom says about logs: for certain that one is not there, and perhaps that one is.

Format: Ethereum Yellow Paper, section 4.3.1 (M3:2048): three bits per address or topic.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from eth_hash.auto import keccak

from indexer.blocks import Log


@lru_cache(maxsize=4096)
def mask(item: bytes) -> int:
    """The three bits of an address or a topic."""
    digest = keccak(item)
    bits = 0
    for start in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[start : start + 2], "big") & 2047)
    return bits


@lru_cache(maxsize=4096)
def event_mask(address: bytes, topics: tuple[bytes, ...]) -> int:
    """The bits of an address and of topics beside it."""
    bits = mask(address)
    for topic in topics:
        bits |= mask(topic)
    return bits


def missing(bloom: int, logs: Sequence[Log], *, only_first_topic: bool) -> Log | None:
    """The first log that the bloom excludes, so that the block cannot hold it. Hashing all topics of many is dear."""
    for log in logs:
        bits = event_mask(log[6], log[7][:1] if only_first_topic else log[7])
        if bloom & bits != bits:
            return log
    return None


class Watched:
    """The events that a block's bloom is asked for: addresses, each with the first topics of its events.

    Asking for both makes it rare that a bloom says "perhaps" of a block without any.
    """

    def __init__(self, topics: Mapping[bytes, Sequence[bytes]]) -> None:
        """``topics``: the first topics of each address's events; none where they are not known."""
        self._wanted = [(mask(address), [mask(topic) for topic in firsts] or [0]) for address, firsts in topics.items()]

    def may_be_in(self, bloom: int) -> bool:
        """Whether the block may hold one of the events."""
        return any(
            bloom & address == address and any(bloom & topic == topic for topic in topics)
            for address, topics in self._wanted
        )
