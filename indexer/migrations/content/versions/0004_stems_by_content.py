"""Finds the stems of batches that are a file, by its SHA-256."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the index."""
    op.execute("create index batch_stems_sha256 on batch_stems (sha256)")
