"""Finds the stems that are a file: whoever holds one can ask by its SHA-256 what it is."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the index."""
    op.execute("create index stems_sha256 on stems (sha256)")
