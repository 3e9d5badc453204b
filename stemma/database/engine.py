"""Engines over psycopg."""

from sqlalchemy import event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_POOL_SIZE = 10


def sqlalchemy_url(database_url: str) -> URL:
    """Return the SQLAlchemy URL, driver psycopg, of a plain ``postgresql://`` URL."""
    return make_url(database_url).set(drivername="postgresql+psycopg")


def create_engine(
    database_url: str,
    *,
    application_name: str,
    pool_size: int = _POOL_SIZE,
    options: str = "",
    kept_plans: int | None = None,
) -> AsyncEngine:
    """Return a pooled async engine whose connections work in UTC and carry the process's name.

    Its errors name no values of a statement, which logs are not for.

    ``options`` are further command-line options of the server for these connections, such as ``-c jit=off``.
    ``kept_plans``: how many plans of statements a connection keeps, each from the first time on; by default 100, each
    from the sixth time on.
    """
    engine = create_async_engine(
        sqlalchemy_url(database_url),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_use_lifo=True,  # the connection that was used last has its plans and caches warm
        hide_parameters=True,
        connect_args={
            "application_name": application_name,
            "options": f"-c timezone=UTC {options}".strip(),
            **({} if kept_plans is None else {"prepare_threshold": 0}),
        },
    )
    if kept_plans is not None:

        @event.listens_for(engine.sync_engine, "connect")
        def bound(connection: DBAPIConnection, _record: object) -> None:
            connection.driver_connection.prepared_max = kept_plans

    return engine
