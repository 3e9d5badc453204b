"""Who may see what, and what a second migration or another generation does."""

import psycopg
import pytest

from indexer.migrate import migrate, publish
from stemma.catalog import views

DENIED = psycopg.errors.InsufficientPrivilege


def refused(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection, pytest.raises(DENIED):
        connection.execute(statement)


def tables_of(url: str, schema: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select table_name from information_schema.tables where table_schema = %s order by 1", (schema,)
        )
        return [name for (name,) in rows if name != "alembic_version"]


def test_the_api_reads_the_catalog_and_nothing_beneath_it(database) -> None:
    for table in tables_of(database.admin_url, "chain_1"):
        refused(database.api_url, f"select 1 from chain_1.{table}")
        refused(database.api_url, f"delete from chain_1.{table}")
    for table in tables_of(database.admin_url, "content"):
        refused(database.api_url, f"select 1 from content.{table}")
        refused(database.api_url, f"delete from content.{table}")


def test_a_bare_reader_sees_the_catalog_alone(database) -> None:
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("set role stemma_reader")
        for view in views.metadata.tables.values():
            connection.execute(f"select 1 from {view.fullname}")
        with pytest.raises(DENIED):
            connection.execute("select 1 from chain_1.logs")


def test_the_indexer_does_not_see_app(database) -> None:
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("create schema if not exists app")
        connection.execute("create table app.secret_of_a_user ()")
    refused(database.indexer_url, "select 1 from app.secret_of_a_user")


def test_the_indexer_writes_its_tables_but_not_their_shape(database) -> None:
    with psycopg.connect(database.indexer_url) as connection:
        for schema in ("chain_1", "content"):
            for table in tables_of(database.admin_url, schema):
                connection.execute(f"delete from {schema}.{table}")
    refused(database.indexer_url, "alter table chain_1.logs add x integer")
    refused(database.indexer_url, "update chain_1.alembic_version set version_num = 'x'")


def test_migrating_again_changes_nothing(database) -> None:
    before = tables_of(database.admin_url, "chain_1")
    with psycopg.connect(database.indexer_url) as connection:
        connection.execute(
            "insert into chain_1.headers (number, hash, parent_hash, time) values (1, '\\x01', '\\x02', now())"
        )
    migrate(database.admin_url)
    assert tables_of(database.admin_url, "chain_1") == before
    with psycopg.connect(database.indexer_url) as connection:
        assert connection.execute("select count(*) from chain_1.headers").fetchone() == (1,)


def test_a_fresh_migration_forgets_the_chain_and_keeps_the_documents(database) -> None:
    with psycopg.connect(database.indexer_url) as connection:
        connection.execute(
            "insert into chain_1.headers (number, hash, parent_hash, time) values (1, '\\x01', '\\x02', now())"
        )
        connection.execute(
            "insert into content.documents (kind, digest, codec) values ('credits', %s, 85)", (bytes(32),)
        )
    migrate(database.admin_url, fresh=True)
    with psycopg.connect(database.indexer_url) as connection:
        assert connection.execute("select count(*) from chain_1.headers").fetchone() == (0,)
        assert connection.execute("select count(*) from content.documents").fetchone() == (1,)
    with psycopg.connect(database.api_url) as connection:
        connection.execute("select 1 from catalog.head")


def test_a_reader_keeps_its_rights_and_its_own_views_when_the_generation_is_swapped(database) -> None:
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("create view public.of_a_reader as select block_number from catalog.head")
    migrate(database.admin_url, generation=2)
    insert = (
        "insert into {}.cursor (chain_id, genesis_hash, contracts, block_number, block_hash, block_time, safe_block,"
        " finalized_block, history_block) values (1, '\\x00', '{{}}', %s, '\\x00', now(), 0, 0, 0)"
    )
    with psycopg.connect(database.indexer_url) as connection:
        connection.execute(insert.format("chain_1"), (1,))
        connection.execute(insert.format("chain_2"), (2,))
    for generation in (1, 2):
        if generation == 2:
            publish(database.admin_url, generation)
        migrate(database.admin_url, generation=3 - generation)  # fills or mends a generation, shows it to nobody
        with psycopg.connect(database.api_url) as reader:
            assert reader.execute("select block_number from catalog.head").fetchone() == (generation,)
        with psycopg.connect(database.admin_url) as own:
            assert own.execute("select block_number from public.of_a_reader").fetchone() == (generation,)
