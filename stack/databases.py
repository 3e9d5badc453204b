"""Databases with Stemma's roles and logins: the same steps for the stack, the tests and somebody's own server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from psycopg import Connection

INDEXER_LOGIN = "stemma_indexer_login"
API_LOGIN = "stemma_api_login"
LOGINS = (INDEXER_LOGIN, API_LOGIN)


@dataclass(frozen=True, slots=True)
class Database:
    """One database by the URLs of the three who use it."""

    admin_url: str
    indexer_url: str
    api_url: str

    @classmethod
    def of(cls, admin_url: str, passwords: dict[str, str]) -> Database:
        """Derive the logins' URLs from the administrator's; `passwords` by login."""
        return cls(
            admin_url=admin_url,
            indexer_url=with_user(admin_url, INDEXER_LOGIN, passwords[INDEXER_LOGIN]),
            api_url=with_user(admin_url, API_LOGIN, passwords[API_LOGIN]),
        )


def with_user(url: str, user: str, password: str) -> str:
    """The same database for another login."""
    parts = urlsplit(url)
    _, _, server = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{server}").geturl()


def with_database(url: str, database: str) -> str:
    """Another database on the same server for the same login."""
    return urlsplit(url)._replace(path=f"/{quote(database, safe='')}").geturl()


def ensure_logins(admin_url: str, passwords: dict[str, str]) -> None:
    """Make the group roles and one login for each process, or give existing logins these passwords.

    :raises psycopg.Error: the administrator may not make roles.
    """
    from sqlalchemy import create_engine

    from stemma.database.engine import sqlalchemy_url
    from stemma.database.roles import ensure_group_roles

    engine = create_engine(sqlalchemy_url(admin_url))
    try:
        with engine.begin() as connection:
            ensure_group_roles(connection)
            raw: Connection[tuple[object, ...]] = connection.connection.driver_connection  # type: ignore[assignment]
            for login, password in passwords.items():
                _ensure_login(raw, login, password)
    finally:
        engine.dispose()


def logins_work(database: Database) -> bool:
    """Whether both logins can connect with the passwords we know."""
    import psycopg

    try:
        for url in (database.indexer_url, database.api_url):
            psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def ensure_database(server_url: str, name: str) -> None:
    """Create the database `name` unless it is there. `server_url` is the administrator's, to any database."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(server_url, autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def _ensure_login(connection: Connection[tuple[object, ...]], login: str, password: str) -> None:
    from psycopg import sql

    from stemma.database.roles import APP, INDEXER

    group = {INDEXER_LOGIN: INDEXER, API_LOGIN: APP}[login]
    known = connection.execute("select 1 from pg_roles where rolname = %s", [login]).fetchone()
    verb = sql.SQL("alter" if known else "create")
    names = {"login": sql.Identifier(login), "group": sql.Identifier(group)}
    statement = sql.SQL("{verb} role {login} login password {password}")
    # Only the SCRAM verifier is sent: servers write statements to their logs.
    verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
    connection.execute(statement.format(verb=verb, password=sql.Literal(verifier), **names))
    connection.execute(sql.SQL("grant {group} to {login}").format(**names))
