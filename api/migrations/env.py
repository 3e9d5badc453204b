"""Alembic's entry: runs on the connection that `api.migrations` hands over; there is no offline mode."""

from alembic import context

from api.migrations import VERSION_TABLE
from api.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
