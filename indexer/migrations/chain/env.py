"""Runs this history on the connection and in the schema that `indexer.migrate` passes in."""

from alembic import context

_schema = context.config.attributes["schema"]

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema=_schema,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
