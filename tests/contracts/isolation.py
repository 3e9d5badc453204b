"""What is done to the chain in a block, undone after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def isolated(chain: Any) -> Iterator[None]:
    """Come back, however the block ends, to the chain as it is before it.

    By the provider: ape's own list forgets a snapshot when one of the same block, whose id is the same, is restored,
    and its `isolate` also sets the time back, after which py-evm may refuse to make the next block.
    """
    if chain.blocks.head.num_transactions:
        chain.mine()  # or py-evm would do the last block's transactions again whenever it comes back to it
    before = chain.provider.snapshot()
    try:
        yield
    finally:
        chain.provider.restore(before)
        chain.history.revert_to_block(chain.blocks.height)
