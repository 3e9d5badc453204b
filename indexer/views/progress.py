"""How far the catalog is, and what leaves it."""

_HEAD = """
select c.chain_id, c.block_number, c.block_hash, c.block_time, c.safe_block, c.finalized_block, c.history_block
from {chain}.cursor c
"""

_FEED = """
select f.seq, f.event_name, f.reverted, f.block_number, f.block_hash, f.block_time, f.tx_hash, f.log_index, f.payload
from {chain}.feed f
"""

VIEWS = {"head": _HEAD, "feed": _FEED}
