"""Finds the transfers of titles by work and the newest of them, those of an account as the view names accounts, and
recordings by when they were registered.

The indexes of transfers are partial, as before: the view `transfers` writes the topic out.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

# keccak("Transfer(address,address,uint256)"), ERC-721; topics are words of 32 bytes
TRANSFERS = r"""
drop index logs_sender;
drop index logs_receiver;
create index transfers_newest on logs (block_number, log_index)
where topic0 = '\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
create index transfers_work on logs (substr(topic3, 5), block_number, log_index)
where topic0 = '\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
create index transfers_from on logs (substr(topic1, 13), block_number, log_index)
where topic0 = '\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
create index transfers_to on logs (substr(topic2, 13), block_number, log_index)
where topic0 = '\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
"""

TIMES = "create index recordings_registered on recordings (registered_at);"


def upgrade() -> None:
    """Replace the indexes of transfers, and add the one of times."""
    op.execute(TRANSFERS)
    op.execute(TIMES)
