"""The declared views against the database that the migrations make."""

import psycopg
import pytest
from sqlalchemy import create_engine, inspect

from stemma.catalog import views
from stemma.database.engine import sqlalchemy_url


def test_every_view_of_the_database_is_declared_with_the_same_columns_and_types(database) -> None:
    engine = create_engine(sqlalchemy_url(database.admin_url))
    try:
        reflected = inspect(engine)
        declared = {table.name: table for table in views.metadata.tables.values()}
        assert set(reflected.get_view_names(schema="catalog")) == set(declared)
        for name, table in declared.items():
            columns = {
                column["name"]: column["type"].compile(engine.dialect)
                for column in reflected.get_columns(name, schema="catalog")
            }
            assert list(columns.items()) == [
                (column.name, column.type.compile(engine.dialect)) for column in table.columns
            ], name
    finally:
        engine.dispose()


@pytest.mark.parametrize("table", views.metadata.tables.values(), ids=lambda table: table.name)
def test_a_reader_selects_from_every_view_and_may_write_to_none(database, table) -> None:
    with psycopg.connect(database.api_url) as connection:
        connection.execute(f"select * from {table.fullname}")
        for privilege in ("INSERT", "UPDATE", "DELETE"):
            (granted,) = connection.execute(
                "select has_table_privilege(%s, %s)", (table.fullname, privilege)
            ).fetchone()
            assert not granted, privilege
