"""What happens, as it happens: one reader of the feed per process, whatever number of callers follow it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from sqlalchemy import Row, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.notifications import Notifications
from stemma.catalog.views import feed, head
from stemma.catalog.words import FEED_CHANNEL

_KEPT_ROWS = 2_000
_PAGE = 500
_POLL_SECONDS = 5.0
"""The index is looked at this often even if nobody says that it changed, in case a notification was lost."""

_HEAD = [column.label(f"head_{column.name}") for column in head.c]
_log = structlog.get_logger(__name__)


class Feed:
    """The newest rows of the feed and the head, read once per change of the index and shared by all who follow."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._rows: deque[Row[Any]] = deque(maxlen=_KEPT_ROWS)
        self._from = 0
        self.news = asyncio.Event()
        """Set once, when the feed or the head is another one than when this was looked at; then there is a new one."""
        self.seq: int | None = None
        """Number of the newest row; None until the feed was read once."""
        self.head: Row[Any] | None = None

    @classmethod
    @asynccontextmanager
    async def following(cls, engine: AsyncEngine, notifications: Notifications) -> AsyncIterator["Feed"]:
        """Follow the feed until the block ends; the database need not be up yet."""
        followed = cls(engine)
        task = asyncio.create_task(followed._follow(notifications), name="feed")
        try:
            yield followed
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def after(self, seq: int) -> Sequence[Row[Any]]:
        """Return rows behind a number, oldest first; not necessarily all of them, but none is left out in between."""
        if self.seq is None or seq >= self._from:
            return [row for row in self._rows if row.seq > seq]
        return await self._read(seq)

    async def _follow(self, notifications: Notifications) -> None:
        with notifications.subscribe(FEED_CHANNEL) as subscription:
            while True:
                try:
                    await self._catch_up()
                except (SQLAlchemyError, OSError) as error:
                    _log.warning("the feed cannot be read", reason=str(error).strip().splitlines()[0])
                await subscription.wait(_POLL_SECONDS)

    async def _catch_up(self) -> None:
        async with self._engine.connect() as connection:
            newest = (await connection.execute(select(feed.c.seq).order_by(feed.c.seq.desc()).limit(1))).scalar() or 0
            head_now = (await connection.execute(select(*_HEAD))).first()
        if self.seq is None or newest < self.seq:  # a rebuild begins a feed of its own
            self.seq = self._from = newest
            self._rows.clear()
        before = (self.seq, self.head)
        while self.seq < newest:
            rows = await self._read(self.seq)
            if not rows:
                break
            self._keep(rows)
        self.head = head_now
        if (self.seq, self.head) != before:
            self.news.set()
            self.news = asyncio.Event()

    def _keep(self, rows: Sequence[Row[Any]]) -> None:
        dropped = len(self._rows) + len(rows) - _KEPT_ROWS
        if dropped > 0:
            self._from = [*self._rows, *rows][dropped - 1].seq
        self._rows.extend(rows)
        self.seq = rows[-1].seq

    async def _read(self, seq: int) -> Sequence[Row[Any]]:
        statement = select(feed).where(feed.c.seq > seq).order_by(feed.c.seq).limit(_PAGE)
        async with self._engine.connect() as connection:
            return (await connection.execute(statement)).all()
