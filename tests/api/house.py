"""The rest of the house in the test's own event loop: background work, indexer, and songs all the way through."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import text

from api.ingestion import jobs, results
from api.ingestion.jobs import Ingestion
from api.transactions.sender import Sender
from indexer import service as indexer
from stack.databases import Database
from stemma.messaging.envelope import decode
from stemma.messaging.events import SeparationRequest
from stemma.settings import Settings
from tests.api.acting_worker import separate
from tests.api.conftest import RunningApi
from tests.api.people import RELAYER_KEY, Person


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run something beside the test; a defect of it fails the test."""
    task = asyncio.create_task(work)
    try:
        yield task
        assert not task.done(), "it ended by itself"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def indexing(settings: Settings, database: Database) -> Coroutine[Any, Any, None]:
    """The real indexer, as its own database role."""
    mine = Settings(_env_file=None, **{**settings.model_dump(), "database_url": database.indexer_url})
    return indexer.run(mine)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.05)


def make_sender(api: RunningApi, ingestion: Ingestion) -> Sender:
    return Sender(
        ingestion.engine,
        api.resources.rpc,
        private_key=RELAYER_KEY,
        chain_id=31337,
        listener=partial(jobs.take_outcome, ingestion),
    )


async def commit_song(
    api: RunningApi,
    person: Person,
    ingestion: Ingestion,
    audio: bytes,
    *,
    preview_type: str = "audio/mpeg",
    **fields: object,
) -> dict[str, Any]:
    """Take one song by hand all the way onto the chain; return what the upload answered."""
    answer = await person.upload(audio, **fields)
    assert answer.status_code == 202, answer.text
    upload = answer.json()
    await person.sign(upload)
    await jobs.probe_upload(ingestion, UUID(upload["uploadId"]))
    async with ingestion.engine.begin() as connection:
        ordered = await connection.execute(text("select data from app.outbox order by id desc limit 1"))
        request = decode(ordered.scalar_one(), [SeparationRequest]).payload
        assert isinstance(request, SeparationRequest)
        result = await separate(request, ingestion.storage, api.settings, preview_type=preview_type)
        await results.take(connection, ingestion.storage, result)
    sender = make_sender(api, ingestion)
    for _ in range(40):
        ledger = await sender.turn()
        if not (ledger.unsigned or ledger.unmined):
            break
        await asyncio.sleep(0.02)
    assert (await person.get_upload(upload))["stage"] == "committed"
    return upload


async def is_resolved(person: Person, recording_id: str) -> bool:
    answer = await person.http.get(f"/catalog/{recording_id}")
    return answer.status_code == 200 and answer.json()["metadata"] == "resolved"
