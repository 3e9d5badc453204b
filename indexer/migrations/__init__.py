"""The two Alembic histories of the indexer: the chain schema (one copy per generation) and `content`."""
