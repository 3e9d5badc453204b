"""How far the catalog is, and what leaves it."""

_HEAD = """
select c.chain_id, c.block_number, c.block_hash, c.block_time, c.safe_block, c.finalized_block, c.history_block
from {chain}.cursor c
"""

_FEED = """
select f.seq, f.event_name, f.reverted, f.block_number, f.block_hash, f.block_time, f.tx_hash, f.log_index, f.payload
from {chain}.feed f
"""

_LOGS = """
select l.block_number, l.log_index, l.tx_index, l.block_time, l.block_hash, l.tx_hash, l.address,
    l.topic0, l.topic1, l.topic2, l.topic3, l.data
from {chain}.logs l
"""

VIEWS = {"head": _HEAD, "feed": _FEED, "logs": _LOGS}
