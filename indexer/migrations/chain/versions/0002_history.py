"""A journal per table, kept for a window: the oldest block as of which the schema can be read.

What was indexed before is let go of and derived from the chain again: it has no journal of this kind. The journals
themselves are made by `indexer.migrate`, from the tables as the last migration leaves them.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

HISTORY = """
truncate cursor, headers, logs, feed, recordings, separations, stems, slots, titles, payouts, attestors;
drop table journal;
alter table cursor add history_block bigint not null;
comment on column cursor.history_block is 'The oldest block as of which this schema can be read.';
comment on table headers is 'Blocks of the journal''s window: the parent-hash chain that shows a reorg.';
alter table recordings add changed_in bigint not null;
comment on column recordings.changed_in is 'The block that changed the row last; block_number made it.';
"""


def upgrade() -> None:
    """Change the tables."""
    op.execute(HISTORY)
