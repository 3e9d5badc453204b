"""What is done to the chain in a block, undone after it."""

from collections.abc import Iterator
from contextlib import contextmanager

from nodes import node


@contextmanager
def isolated() -> Iterator[None]:
    """Come back, however the block ends, to the chain as it is before it.

    By the node: ape's own list forgets a snapshot when one of the same block, whose id is the same, is restored, and
    its `isolate` also sets the time back, after which py-evm may refuse to make the next block.
    """
    before = node().snapshot()
    try:
        yield
    finally:
        node().restore(before)
