"""The group roles of design: who may see and write what. Logins are members of exactly one.

Privileges on a schema are granted by the migration that creates it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection  # the indexer names these roles, and runs without it

INDEXER = "stemma_indexer"
"""Writes the chain schemas and `content`; cannot see `app`."""

READER = "stemma_reader"
"""Reads the views of `catalog`, and nothing else."""

APP = "stemma_app"
"""Reads and writes `app`; reads `catalog` as a member of the reader role."""

_CREATE_IF_ABSENT = """
do $$ begin
    create role {role} nologin;
exception when duplicate_object or unique_violation then null;
end $$
"""


def ensure_group_roles(connection: "Connection") -> None:
    """Create the group roles that are missing; roles belong to the whole server, so others may have made them."""
    for role in (INDEXER, READER, APP):
        connection.exec_driver_sql(_CREATE_IF_ABSENT.format(role=role))
    connection.exec_driver_sql(f"grant {READER} to {APP}")
