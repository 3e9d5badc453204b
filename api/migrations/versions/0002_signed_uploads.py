"""Only a signed upload keeps others of the same content waiting."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Allow one living upload per content and creator, and one that is signed per content."""
    op.execute("drop index app.uploads_one_live_per_content")
    op.execute(
        "create unique index uploads_one_live_per_creator on app.uploads (chain_id, content_hash, owner)"
        " where stage <> 'failed'"
    )
    op.execute(
        "create unique index uploads_one_signed_per_content on app.uploads (chain_id, content_hash)"
        " where stage <> 'failed' and signature is not null"
    )


def downgrade() -> None:
    """Go back to one living upload per content; fails while there are several."""
    op.execute("drop index app.uploads_one_live_per_creator")
    op.execute("drop index app.uploads_one_signed_per_content")
    op.execute(
        "create unique index uploads_one_live_per_content on app.uploads (chain_id, content_hash)"
        " where stage <> 'failed'"
    )
