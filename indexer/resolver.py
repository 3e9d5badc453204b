"""Fills `content` from storage: the documents that the chain names by digest.

A file that is not there, or a storage that is away, leaves the document pending, to be tried again ever more rarely. A
document that can never become good (too large, not of its schema) is invalid for good. The resolver works beside the
engine on its own connection, and nothing that happens here holds up the chain.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
import rfc8785
import structlog
from psycopg import AsyncConnection
from pydantic import ValidationError

from indexer.metrics import METRICS
from stemma.catalog.views import FEED_CHANNEL
from stemma.chain.intents import model_hash
from stemma.cid import Cid, CidError
from stemma.documents import DOCUMENT_MAX_BYTES, CreditsDocument, Document, SeparationManifest
from stemma.storage.errors import StorageError, TooLarge
from stemma.storage.storage import Storage

_log = structlog.get_logger(__name__)

_Document = TypeVar("_Document", bound=Document)

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
_CREDITS = """
insert into content.credits (digest, codec, content_hash, title, artist, release_policy, tags)
values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing
"""
_SEPARATION = """
insert into content.separations (
    digest, codec, recording_id, content_hash, model_version, model, weights_hash, duration_ms
) values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing
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


class InvalidDocument(Exception):
    """The document can never become good; the message says why."""


class Resolver:
    """A few workers that take what is due, settle it, and sleep until something is due or `wake` is called."""

    def __init__(self, connection: AsyncConnection, storage: Storage) -> None:
        self._db = connection
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
        outcome = await self._fetch(wanted)
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

    async def _fetch(self, wanted: Wanted) -> bytes | InvalidDocument | StorageError | TimeoutError:
        """The document's bytes, which match its digest, or why there are none."""
        try:
            cid = Cid(wanted.codec, wanted.digest)
            async with asyncio.timeout(FETCH_SECONDS):
                return await self._storage.read_verified(cid, DOCUMENT_MAX_BYTES)
        except (CidError, TooLarge) as error:
            return InvalidDocument(str(error))
        except (StorageError, TimeoutError) as error:
            return error

    async def _settle(self, wanted: Wanted, outcome: bytes | InvalidDocument | StorageError | TimeoutError) -> None:
        if isinstance(outcome, bytes):
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

    async def _store(self, wanted: Wanted, body: bytes) -> None:
        statement, values = _extract(wanted, body)
        try:
            async with self._db.transaction():
                await self._db.execute(_RESOLVED, (body.decode(), len(body), *wanted.key))
                await self._db.execute(statement, values)
                await self._announce()
        except (psycopg.DataError, psycopg.errors.StatementTooComplex, UnicodeDecodeError) as error:
            # For instance a NUL in a text: JSON may hold it, Postgres may not.
            raise InvalidDocument(f"the database cannot hold it: {error}") from error

    async def _announce(self) -> None:
        await self._db.execute("select pg_notify(%s, 'content')", (FEED_CHANNEL,))


def _extract(wanted: Wanted, body: bytes) -> tuple[str, Sequence[Any]]:
    """The statement and values that keep what the catalog reads out of a document.

    Raises:
        InvalidDocument: the bytes are not a document of the kind.
    """
    if wanted.kind == "credits":
        credits = _read(CreditsDocument, body)
        content_hash = bytes.fromhex(credits.content_hash[2:])
        values = (credits.title, credits.artist, credits.release_policy, list(credits.tags))
        return _CREDITS, (wanted.digest, wanted.codec, content_hash, *values)
    manifest = _read(SeparationManifest, body)
    separation = (
        bytes.fromhex(manifest.recording_id[2:]),
        bytes.fromhex(manifest.content_hash[2:]),
        manifest.model.version,
        model_hash(manifest.model.version),
        bytes.fromhex(manifest.model.weights_sha256[2:]),
        manifest.samples * 1000 // manifest.sample_rate,
    )
    return _SEPARATION, (wanted.digest, wanted.codec, *separation)


def _read(kind: type[_Document], body: bytes) -> _Document:
    """The document, if the bytes are exactly its canonical form.

    So the columns and the body that readers get cannot differ (doubled keys, blanks around a name), and no number hides
    a hundred thousand digits behind an exponent, which Postgres would write out for each reader.
    """
    try:
        document = kind.model_validate_json(body)
        is_canonical = document.canonical() == body
    except ValidationError as error:
        raise InvalidDocument(f"breaks its schema: {error}") from error
    except rfc8785.CanonicalizationError as error:
        raise InvalidDocument(f"has no canonical form: {error}") from error
    if not is_canonical:
        raise InvalidDocument("is not in its canonical form (RFC 8785)")
    return document
