"""Derives projections' tables anew from the raw logs that are kept, without the node, and swaps them in.

The tables are filled in the next generation's schema while the indexer goes on with the present one. Then one
transaction holds the cursor, so that no block comes between, derives what is new since, moves everything that was not
derived anew over (raw logs, headers, feed, cursor, the other projections: a move between schemas copies nothing), and
points the catalog at the new schema. Readers see one or the other; the indexer finds its schema gone, looks where the
catalog points now, and goes on there.

The feed is moved, not derived: what was told stays told.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.sql import SQL, Composed, Identifier

from indexer.blocks import Batch
from indexer.derived import Derivation, Derived
from indexer.errors import Stop
from indexer.kept_logs import kept_batches
from indexer.layout import LAYOUTS, layouts
from indexer.migrate import migrate
from indexer.past import past_schema, past_views
from indexer.projection import Projections, Router
from indexer.publish import PUBLISHED, chain_schema, generation_of, publication
from indexer.tables import State

_log = structlog.get_logger(__name__)

ENGINE_TABLES = ("logs", "headers", "feed", "cursor")
SMALL_TAIL_BLOCKS = 200
"""With no more final blocks than this left to derive, the swap may begin."""
LOCK_MILLISECONDS = 300
"""So long the swap waits for readers at once: less than the deadlock timeout, so that none of them is ever refused."""
SWAP_ATTEMPTS = 100
SWAP_PAUSE_SECONDS = 0.1
_CURSOR = "select block_number, finalized_block, history_block, contracts from {}"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did."""

    generation: int
    tables: tuple[str, ...]
    logs: int


async def rebuild(admin_url: str, router: Router, projections: Projections, tables: Sequence[str] = ()) -> Rebuilt:
    """Derive tables (by default all) from the kept logs and publish them as the next generation.

    Raises:
        Stop: there is nothing to rebuild from, a table is unknown, the contracts are others, a projection failed, or
            readers did not let the swap through; readers and indexer then go on with what they have.
    """
    chosen = chosen_tables(projections, tables)
    async with await AsyncConnection.connect(admin_url, autocommit=True, options="-c timezone=UTC") as db:
        published = await (await db.execute(PUBLISHED)).fetchone()
        if published is None:
            raise Stop("nothing is published yet; run `stemma indexer migrate`")
        old = str(published[0])
        generation = generation_of(old) + 1
        await asyncio.to_thread(migrate, admin_url, generation=generation, fresh=True)
        work = _Rebuild(db, router, projections, chosen, old=old, new=chain_schema(generation))
        logs = await work.run(admin_url)
    return Rebuilt(generation, chosen, logs)


def chosen_tables(projections: Projections, tables: Sequence[str]) -> tuple[str, ...]:
    """The tables of these names, or all.

    Raises:
        Stop: no projection fills one of them.
    """
    names = tuple(table.name for table in projections.tables)
    if unknown := set(tables) - set(names):
        raise Stop(f"no projection fills {', '.join(sorted(unknown))}; there are {', '.join(sorted(names))}")
    return tuple(name for name in names if not tables or name in tables)


async def derive(derived: Derived, db: AsyncConnection, batches: AsyncGenerator[Batch, None]) -> int:
    """Fill tables from batches of kept logs; return how many logs there were.

    Each batch is a transaction, or part of the one that there is. The next one is read and prepared meanwhile, unless
    the reading has to share the connection.
    """
    logs = 0

    async def following() -> Derivation | None:
        nonlocal logs
        async for batch in batches:
            logs += len(batch.logs)
            return derived.prepare(batch, is_bulk=True)
        return None

    is_sharing = db.pgconn.transaction_status != TransactionStatus.IDLE
    async with aclosing(batches):
        prepared = await following()
        while prepared:
            ahead = None if is_sharing else asyncio.create_task(following())
            async with db.transaction():
                await derived.copy(prepared)
                async with db.pipeline():
                    await derived.write(prepared)
            _log.info("derived", block=prepared.last.number, logs=logs)
            prepared = await (ahead or following())
    return logs


class _Rebuild:
    def __init__(
        self,
        db: AsyncConnection,
        router: Router,
        projections: Projections,
        chosen: Sequence[str],
        *,
        old: str,
        new: str,
    ) -> None:
        self._db = db
        self._projections = projections
        self._chosen = chosen
        self._old = old
        self._new = new
        self._router = router
        self._derived = Derived(db, router, only=chosen)
        self._done = -1
        self._logs = 0

    async def run(self, admin_url: str) -> int:
        await self._db.execute(SQL("set search_path to {}").format(Identifier(self._new)))
        await self._derived.open()
        async with await AsyncConnection.connect(admin_url, options="-c timezone=UTC") as reading:
            while True:
                _, finalized, history = await self._cursor(reading)
                if finalized - self._done <= SMALL_TAIL_BLOCKS and self._done >= 0:
                    break
                await self._derive(reading, finalized, history)
                await reading.commit()
        await self._swap()
        return self._logs

    async def _cursor(self, db: AsyncConnection) -> tuple[int, int, int]:
        """How far the present generation is, what of it is final, and the oldest block that can be read as of."""
        row = await (await db.execute(SQL(_CURSOR).format(Identifier(self._old, "cursor")))).fetchone()
        if row is None:
            raise Stop("nothing is indexed yet, so there is nothing to rebuild from")
        number, finalized, history, contracts = row
        if contracts != self._router.addresses_by_name:
            raise Stop(
                f"the index was made from the contracts {contracts}, the deployment has"
                f" {self._router.addresses_by_name}: begin anew with `stemma indexer migrate --fresh`"
            )
        return number, min(finalized, number), history

    async def _derive(self, reading: AsyncConnection, last: int, history: int) -> None:
        """Derive the blocks up to one."""
        batches = kept_batches(reading, self._old, above=self._done, last=last, journaled_from=history + 1)
        self._logs += await derive(self._derived, self._db, batches)
        self._done = last

    async def _swap(self) -> None:
        async with self._db.transaction():
            # Waits for the indexer's transaction and keeps its next one waiting; readers go on.
            await self._db.execute(SQL("lock table {} in exclusive mode").format(Identifier(self._old, "cursor")))
            tip, _, history = await self._cursor(self._db)
            await self._derive(self._db, tip, history)
            await self._derived.prune(history)
            for attempt in range(SWAP_ATTEMPTS):
                try:
                    async with self._db.transaction():
                        await self._publish()
                    break
                except psycopg.errors.LockNotAvailable:
                    _log.info("waiting for readers to let go of the old tables", attempt=attempt)
                    await asyncio.sleep(SWAP_PAUSE_SECONDS)
            else:
                raise Stop("readers held on to the old tables all the time; nothing was changed, try again")
        _log.info("published", schema=self._new, block=tip)
        await self._drop_old()

    async def _publish(self) -> None:
        await self._db.execute(f"set local lock_timeout = {LOCK_MILLISECONDS}")
        await self._lock_views()
        for schema in (self._old, self._new):
            await self._db.execute(SQL("drop schema if exists {} cascade").format(Identifier(past_schema(schema))))
        for name in self._moved():
            await self._db.execute(SQL("drop table {}").format(Identifier(self._new, name)))
            await self._db.execute(
                SQL("alter table {} set schema {}").format(Identifier(self._old, name), Identifier(self._new))
            )
        found = layouts(await (await self._db.execute(LAYOUTS, (self._new,))).fetchall())
        for made in past_views(self._new, self._projections.tables, found):
            await self._db.execute(made)
        for statement in publication(generation_of(self._new)):
            await self._db.execute(SQL(statement))
        await self._db.execute("set local lock_timeout = 0")

    async def _lock_views(self) -> None:
        """Lock views before tables, as readers do, or each would wait for what the other holds."""
        names = "select viewname from pg_views where schemaname = 'catalog' order by 1"
        views = [Identifier("catalog", name) for (name,) in await (await self._db.execute(names)).fetchall()]
        await self._db.execute(SQL("lock table {} in access exclusive mode").format(SQL(", ").join(views)))

    def _moved(self) -> list[str]:
        """The tables that go over as they are."""
        moved = list(ENGINE_TABLES)
        for table in self._projections.tables:
            if table.name not in self._chosen:
                moved.append(table.name)
                if isinstance(table, State):
                    moved.append(f"{table.name}_journal")
        return moved

    async def _drop_old(self) -> None:
        drop: Composed = SQL("drop schema if exists {} cascade").format(Identifier(self._old))
        try:
            async with self._db.transaction():
                await self._db.execute(f"set local lock_timeout = {LOCK_MILLISECONDS * 10}")
                await self._db.execute(drop)
        except psycopg.errors.LockNotAvailable:
            _log.warning("the old tables are still in use; drop the schema later", schema=self._old)
