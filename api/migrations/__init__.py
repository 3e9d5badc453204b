"""Alembic history of schema `app`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine

from stemma.database.engine import sqlalchemy_url

VERSION_TABLE = "alembic_version_app"
_FOLDER = Path(__file__).parent
_LOCK = 0x61_70_70
"""Advisory lock "app": two processes that migrate at once take turns."""


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring schema `app` of a database to a revision.

    Args:
        database_url: URL of a role that may create schemas and roles.
        revision: an Alembic revision; ``head`` is the newest.

    Raises:
        sqlalchemy.exc.OperationalError: the database cannot be reached.
    """
    engine = create_engine(sqlalchemy_url(database_url))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")
            command.upgrade(config(connection), revision)
    finally:
        engine.dispose()


def config(connection: Connection) -> Config:
    """Return the Alembic configuration that works on an open connection and its transaction."""
    configuration = Config()
    configuration.set_main_option("script_location", str(_FOLDER))
    configuration.attributes["connection"] = connection
    return configuration
