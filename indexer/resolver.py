"""Fills `content` from storage, or from gateways: the documents that the chain names by digest.

A file that is not there, or a storage that is away, leaves the document pending, to be tried again ever more rarely. A
document that can never become good (too large, not of its schema) is invalid for good. The resolver works beside the
engine on its own connection, and nothing that happens here holds up the chain.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import structlog
from psycopg import AsyncConnection

from indexer.contents import MAX_BYTES, InvalidDocument, Statement, read_document
from indexer.gateways import Gateways
from indexer.metrics import METRICS
from stemma.catalog.words import FEED_CHANNEL
from stemma.cid import Cid, CidError
from stemma.storage.errors import Corrupt, NotFound, StorageError, TooLarge, Unavailable
from stemma.storage.storage import Storage

_log = structlog.get_logger(__name__)

WORKERS = 8
FETCH_SECONDS = 30.0
IDLE_SECONDS = 30.0
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 600.0
TROUBLE_SECONDS = 1.0

# Taking a document already postpones it: one that brings the resolver down does not come first the next time.
_TAKE = """
update content.documents d set attempts = d.attempts + 1,
    next_attempt_at = now() + make_interval(secs => least(%s * 2.0 ^ least(d.attempts, 20), %s))
from (
    select kind, digest, codec from content.documents
    where state = 'pending' and next_attempt_at <= now() order by next_attempt_at limit 1
) due
where (d.kind, d.digest, d.codec) = (due.kind, due.digest, due.codec)
returning d.kind, d.digest, d.codec, d.next_attempt_at
"""
_NEXT_DUE = "select min(next_attempt_at) from content.documents where state = 'pending'"
_RESOLVED = """
update content.documents set state = 'resolved', body = %s::jsonb, size_bytes = %s,
    error = null, settled_at = now()
where (kind, digest, codec) = (%s, %s, %s) and state = 'pending'
"""
_INVALID = """
update content.documents set state = 'invalid', error = %s, settled_at = now()
where (kind, digest, codec) = (%s, %s, %s) and state = 'pending'
"""
_NOT_YET = """
update content.documents set error = %s where (kind, digest, codec) = (%s, %s, %s) and state = 'pending'
"""
_ERROR_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document that was due, and when it is due again unless it is settled now."""

    kind: str
    digest: bytes
    codec: int
    again_at: datetime

    @property
    def key(self) -> tuple[str, bytes, int]:
        """Its primary key."""
        return self.kind, self.digest, self.codec


@dataclass(frozen=True, slots=True)
class Resolved:
    """A good document, and what is kept of it beside its body."""

    body: bytes
    statements: list[Statement]


_Outcome = Resolved | InvalidDocument | StorageError | TimeoutError


class Resolver:
    """A few workers that take what is due, settle it, and sleep until something is due or `wake` is called."""

    def __init__(self, connection: AsyncConnection, storage: Storage, gateways: Gateways) -> None:
        """``gateways`` are asked for what the storage lacks or cannot give now."""
        self._db = connection
        self._gateways = gateways
        self._turn = asyncio.Lock()  # the workers share the connection, a transaction at a time
        self._storage = storage
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at once whether new documents are due."""
        self._woken.set()

    async def run(self) -> None:
        """Resolve for ever; a failure of the resolver itself is logged, and it goes on.

        Raises:
            psycopg.OperationalError: the database failed; open again.
        """
        async with asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(self._work())

    async def resolve_next(self) -> bool:
        """Try the document that has been due for longest; return whether there was one."""
        async with self._turn:
            row = await (await self._db.execute(_TAKE, (FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS))).fetchone()
        if row is None:
            return False
        wanted = Wanted(*row)
        outcome = await self._resolve(wanted)
        async with self._turn:
            await self._settle(wanted, outcome)
        return True

    async def _work(self) -> None:
        while True:
            try:
                self._woken.clear()
                if not await self.resolve_next():
                    await self._sleep()
            except (psycopg.OperationalError, psycopg.InterfaceError):
                raise
            except Exception:  # noqa: BLE001 - logged and counted; content must not hold up the chain
                _log.exception("the resolver failed on a document and goes on with the next")
                METRICS.documents.labels("failed").inc()
                await asyncio.sleep(TROUBLE_SECONDS)  # what is wrong with the resolver is wrong with each document

    async def _sleep(self) -> None:
        async with self._turn:
            row = await (await self._db.execute(_NEXT_DUE)).fetchone()
        seconds = IDLE_SECONDS
        if row and row[0]:
            seconds = min(max((row[0] - datetime.now(UTC)).total_seconds(), 0.05), IDLE_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _resolve(self, wanted: Wanted) -> _Outcome:
        """The document, whose bytes match its digest, or why there is none."""
        try:
            cid = Cid(wanted.codec, wanted.digest)
            async with asyncio.timeout(FETCH_SECONDS):
                body = await self._read(cid, MAX_BYTES[wanted.kind])
            # A long one takes a while, and the engine must not wait for it.
            return Resolved(body, await asyncio.to_thread(read_document, *wanted.key, body))
        except (CidError, TooLarge) as error:
            return InvalidDocument(str(error))
        except (InvalidDocument, StorageError, TimeoutError) as error:
            return error

    async def _read(self, cid: Cid, max_bytes: int) -> bytes:
        try:
            async with asyncio.timeout(FETCH_SECONDS / 2):
                return await self._storage.read_verified(cid, max_bytes)
        except (NotFound, Corrupt, Unavailable, TimeoutError):
            return await self._gateways.read_verified(cid, max_bytes)

    async def _settle(self, wanted: Wanted, outcome: _Outcome) -> None:
        if isinstance(outcome, Resolved):
            try:
                await self._store(wanted, outcome)
            except InvalidDocument as error:
                outcome = error
            else:
                METRICS.documents.labels("resolved").inc()
                return
        reason = (str(outcome) or type(outcome).__name__).replace("\0", "")[:_ERROR_CHARACTERS]
        name = f"{wanted.kind} {wanted.digest.hex()}"
        if isinstance(outcome, InvalidDocument):
            async with self._db.transaction():
                await self._db.execute(_INVALID, (reason, *wanted.key))
                await self._announce()
            METRICS.documents.labels("invalid").inc()
            _log.warning("document is invalid", document=name, because=reason)
            return
        await self._db.execute(_NOT_YET, (reason, *wanted.key))
        METRICS.documents.labels("postponed").inc()
        again_at = wanted.again_at.isoformat(timespec="seconds")
        _log.info("document is not there yet", document=name, because=reason, again_at=again_at)

    async def _store(self, wanted: Wanted, resolved: Resolved) -> None:
        try:
            async with self._db.transaction():
                values = (resolved.body.decode(), len(resolved.body), *wanted.key)
                await self._db.execute(_RESOLVED, values)
                for statement in resolved.statements:
                    await self._db.execute(statement.text, statement.values)
                await self._announce()
        except (psycopg.DataError, psycopg.errors.StatementTooComplex, UnicodeDecodeError) as error:
            # For instance a NUL in a text: JSON may hold it, Postgres may not.
            raise InvalidDocument(f"the database cannot hold it: {error}") from error
        self.wake()  # it may have asked for others

    async def _announce(self) -> None:
        await self._db.execute("select pg_notify(%s, 'content')", (FEED_CHANNEL,))
