"""Brings a database to the newest schema: `chain_<n>`, `content`, the views of `catalog`, and who may use them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from indexer.journal import make_journal, require_journalable
from indexer.layout import LAYOUTS, layouts
from indexer.past import past_schema, past_views
from indexer.projection import Projections
from indexer.projections import STEMMA
from indexer.publish import PUBLISHED, chain_schema, publication
from indexer.tables import State
from stemma.database import roles
from stemma.database.engine import sqlalchemy_url

_MIGRATIONS = Path(__file__).parent / "migrations"
# Two migrations at once would race for the same objects; the second waits for the first.
_LOCK = 0x5354454D_4D494752


def migrate(admin_url: str, *, generation: int = 1, fresh: bool = False) -> None:
    """Run both histories in one transaction, as a role that may create schemas and roles.

    Readers keep the generation that they see: another one is only filled, until `publish` swaps the views.
    ``fresh`` drops the generation's schema first: everything in it can be derived from the chain again.
    """
    with _alone(admin_url) as connection:
        _migrate(connection, generation, fresh)


def publish(admin_url: str, generation: int) -> None:
    """Let readers see a generation, from one moment to the next; it should be filled by then."""
    with _alone(admin_url) as connection:
        _publish(connection, generation)


@contextmanager
def _alone(admin_url: str) -> Iterator[Connection]:
    """A transaction that no other migration runs beside."""
    engine = create_engine(sqlalchemy_url(admin_url), connect_args={"application_name": "indexer-migrate"})
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection
    finally:
        engine.dispose()


def _migrate(connection: Connection, generation: int, fresh: bool) -> None:
    roles.ensure_group_roles(connection)
    chain = chain_schema(generation)
    # Views over the tables would stand in the way of migrations; nobody builds on those of the past.
    connection.execute(text(f"drop schema if exists {past_schema(chain)} cascade"))
    if fresh:
        connection.execute(text(f"drop schema if exists {chain} cascade"))
    _upgrade(connection, _MIGRATIONS / "chain", chain)
    _upgrade(connection, _MIGRATIONS / "content", "content")
    _make_past(connection, chain, STEMMA)
    _create_schema(connection, "catalog")
    if connection.execute(text(PUBLISHED)).scalar() in (None, chain):
        _publish(connection, generation)
    for schema in (chain, "content"):
        connection.execute(text(f"grant usage on schema {schema} to {roles.INDEXER}"))
        connection.execute(
            text(f"grant select, insert, update, delete on all tables in schema {schema} to {roles.INDEXER}")
        )
        connection.execute(text(f"revoke insert, update, delete on {schema}.alembic_version from {roles.INDEXER}"))


def _make_past(connection: Connection, chain: str, projections: Projections) -> None:
    """The journals of the tables of current state, and the views that read with them."""
    database = connection.connection.driver_connection
    assert isinstance(database, psycopg.Connection)
    found = layouts(database.execute(LAYOUTS, (chain,)).fetchall())
    for table in projections.tables:
        if isinstance(table, State):
            database.execute(make_journal(chain, require_journalable(table, found[table.name])))
    for statement in past_views(chain, projections.tables, found):
        database.execute(statement)


def _publish(connection: Connection, generation: int) -> None:
    for statement in publication(generation):
        connection.execute(text(statement))


def _upgrade(connection: Connection, history: Path, schema: str) -> None:
    _create_schema(connection, schema)
    connection.execute(text(f"set local search_path to {schema}"))
    config = Config(attributes={"connection": connection, "schema": schema})
    config.set_main_option("script_location", str(history))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
    connection.execute(text("reset search_path"))


def _create_schema(connection: Connection, schema: str) -> None:
    connection.execute(text(f"create schema if not exists {schema}"))
