"""The model and weights that a manifest names, in the form of the chain, so that the catalog can hold one to the other.

Manifests that were read before are read again.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

MODEL = """
delete from separations;
update documents
set state = 'pending', body = null, size_bytes = null, settled_at = null, next_attempt_at = now()
where kind = 'separation' and state = 'resolved';
alter table separations add model bytea not null, add weights_hash bytea not null;
comment on column separations.model is 'keccak of model_version, as it stands on chain';
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(MODEL)
