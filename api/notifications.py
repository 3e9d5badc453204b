"""Postgres NOTIFY, heard once per process and handed to whoever waits for it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import psycopg
import structlog
from psycopg import sql

UPLOADS_CHANNEL = "stemma_uploads"
"""Payload: the id of an upload that has a new event."""

OUTBOX_CHANNEL = "stemma_outbox"
"""A row waits in the outbox."""

TRANSACTIONS_CHANNEL = "stemma_transactions"
"""A transaction waits for the sender."""

COMMITTED_CHANNEL = "stemma_committed"
"""A recording was seen on chain; the index may have it already."""

_RECONNECT_SECONDS = 1.0
_KEEPALIVE_SECONDS = 30.0

_log = structlog.get_logger(__name__)


class Subscription:
    """Wakes its owner when something it waits for may have happened. Wake-ups merge; none is lost."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self) -> None:
        """Let the owner look."""
        self._event.set()

    def take(self) -> bool:
        """Return whether it was woken since it was last looked at, without waiting."""
        woken = self._event.is_set()
        self._event.clear()
        return woken

    async def wait(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - the caller's poll interval
        """Return true when woken, false after ``timeout`` seconds."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout)
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Notifications:
    """One listening connection, fanned out by channel and payload.

    Whenever the connection was lost, everybody is woken after it is back, because what was said meanwhile is not known.
    """

    def __init__(self, database_url: str, channels: tuple[str, ...]) -> None:
        self._database_url = database_url
        self._channels = channels
        self.is_listening = False
        """Whether what is said now is heard."""
        self._waiting: defaultdict[tuple[str, str | None], set[Subscription]] = defaultdict(set)

    @classmethod
    @asynccontextmanager
    async def listening(
        cls, database_url: str, channels: tuple[str, ...] = (UPLOADS_CHANNEL,)
    ) -> AsyncIterator["Notifications"]:
        """Listen until the block ends; the database need not be up yet."""
        notifications = cls(database_url, channels)
        task = asyncio.create_task(notifications._listen_forever(), name="notifications")
        try:
            yield notifications
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @contextmanager
    def subscribe(self, *channels: str, payload: str | None = None) -> Iterator[Subscription]:
        """Wait for one payload on the channels, or for all that is said on them."""
        subscription = Subscription()
        keys = [(channel, payload) for channel in channels]
        for key in keys:
            self._waiting[key].add(subscription)
        try:
            yield subscription
        finally:
            for key in keys:
                self._waiting[key].discard(subscription)
                if not self._waiting[key]:
                    del self._waiting[key]

    async def _listen_forever(self) -> None:
        while True:
            try:
                await self._listen()
            except psycopg.OperationalError as error:
                _log.warning("listening to the database was interrupted", reason=str(error).strip())
            finally:
                self.is_listening = False
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._database_url, autocommit=True, application_name="stemma-listen"
        )
        async with connection:
            for channel in self._channels:
                await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
            self.is_listening = True
            self._wake_everybody()
            while True:
                async for notice in connection.notifies(timeout=_KEEPALIVE_SECONDS):
                    self._wake(notice.channel, notice.payload)
                await connection.execute("select 1")

    def _wake(self, channel: str, payload: str) -> None:
        for key in ((channel, payload), (channel, None)):
            for subscription in tuple(self._waiting.get(key, ())):
                subscription.wake()

    def _wake_everybody(self) -> None:
        for subscriptions in tuple(self._waiting.values()):
            for subscription in tuple(subscriptions):
                subscription.wake()
