"""What a process of the indexer holds open: connections to the database, and who tells of new heads."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from psycopg import AsyncConnection

from indexer.heads import Heads

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
PREPARED = 1_000
"""Statements are kept from their first time on: each is sent with every block, and there are some 200 in all."""
_WEBSOCKETS = ("ws://", "wss://")


@asynccontextmanager
async def connect(database_url: str, schema: str, purpose: str) -> AsyncIterator[AsyncConnection]:
    """A connection in autocommit that works in UTC and in one schema."""
    connection = await AsyncConnection.connect(
        database_url,
        autocommit=True,
        application_name=f"indexer-{purpose}",
        options=f"-c timezone=UTC -c search_path={schema}",
        prepare_threshold=0,
    )
    connection.prepared_max = PREPARED
    async with connection:
        yield connection


def asked_urls(urls: Sequence[str]) -> list[str]:
    """The endpoints that are asked."""
    return [url for url in urls if not url.startswith(_WEBSOCKETS)]


@asynccontextmanager
async def telling(urls: Sequence[str]) -> AsyncIterator[Heads | None]:
    """The first endpoint that tells of new heads, if there is one."""
    for url in urls:
        if url.startswith(_WEBSOCKETS):
            async with Heads(url) as heads:
                yield heads
            return
    yield None
