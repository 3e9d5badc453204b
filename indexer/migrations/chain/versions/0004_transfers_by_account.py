"""Finds the transfers of titles and licenses by who sent and who received them.

The indexes are partial: of the raw logs only these few are looked for by account. A query has to name the topic itself,
not as a parameter, or the planner cannot know that an index holds all that it asks for.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

# keccak("Transfer(address,address,uint256)"), ERC-721
TRANSFERS_BY_ACCOUNT = """
create index logs_sender on logs (topic1, block_number, log_index)
where topic0 = '\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
create index logs_receiver on logs (topic2, block_number, log_index)
where topic0 = '\\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
"""


def upgrade() -> None:
    """Create the indexes."""
    op.execute(TRANSFERS_BY_ACCOUNT)
