"""The feed: what leaves the index for those who act on chain facts, in order, with what a reorg took back.

Rows are appended only. A reverted row repeats the row that it takes back, with ``reverted`` set; a block that comes
back after having been undone has its rows appended once more.
"""

from typing import Any

from psycopg.types.json import Jsonb

from indexer.tables import Row

COLUMNS = (*("event_name", "reverted", "block_number", "block_hash", "block_time", "tx_hash", "log_index", "payload"),)

REVERT = """
insert into feed (event_name, reverted, block_number, block_hash, block_time, tx_hash, log_index, payload)
select event_name, true, block_number, block_hash, block_time, tx_hash, log_index, payload
from feed f
where block_number > %s and not reverted and not exists (
    select from feed later
    where later.block_number = f.block_number and later.block_hash = f.block_hash
        and later.reverted and later.seq > f.seq
)
order by seq desc
"""


def row(announcement: Row) -> tuple[Any, ...]:
    """The columns of an announcement."""
    at, values = announcement.at, announcement.values
    return (
        *(values["event_name"], False, at.block_number, at.block_hash, at.block_time, at.tx_hash, at.log_index),
        Jsonb(values["payload"]),
    )
