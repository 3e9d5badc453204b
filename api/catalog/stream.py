"""The catalog as it happens, as server-sent events that can be resumed.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html. Events: `change` (a row of the feed; its number
is the event's id), `reorg` (what follows with ``reverted`` is taken back), `block` (the newest indexed block), `reset`
(the index was rebuilt, and numbers its feed anew: look at the catalog again).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from sqlalchemy import Row
from sse_starlette import ServerSentEvent

from api.catalog import presentation
from api.catalog.live import Feed
from api.catalog.schemas import CatalogChange

RETRY_MILLISECONDS = 2_000
_FIRST_LOOK_SECONDS = 5.0


async def stream(feed: Feed, *, after: int | None, names: frozenset[str] | None) -> AsyncIterator[ServerSentEvent]:
    """Yield what happens from behind a row of the feed, or from now on; ``names`` narrows the changes."""
    if feed.seq is None:
        try:
            await asyncio.wait_for(feed.news.wait(), _FIRST_LOOK_SECONDS)
        except TimeoutError:
            return  # the caller comes again; the database does not answer now
    seq = feed.seq if after is None else after
    seen: Row[Any] | None = None
    is_reverting = False
    while True:
        news = feed.news
        if feed.seq is not None and (seq or 0) > feed.seq:
            seq = feed.seq
            yield _event("reset", {"seq": seq})
        rows = await feed.after(seq or 0)
        for row in rows:
            seq = row.seq
            if row.reverted and not is_reverting:
                yield _event("reorg", {"block": row.block_number, "hash": presentation.hexed(row.block_hash)})
            is_reverting = row.reverted
            if names is None or row.event_name in names:
                yield _event("change", change(row), number=row.seq)
        head = feed.head
        if head is not None and head != seen and not rows:
            if seen is not None and _is_other_branch(seen, head):
                yield _event("reorg", {"block": head.head_block_number, "hash": _hash(head)})
            seen, is_reverting = head, False
            yield _event("block", _block(head))
        elif not rows:
            await news.wait()


def change(row: Row[Any]) -> dict[str, Any]:
    """Return a row of the feed as the stream gives it."""
    return CatalogChange(
        seq=row.seq,
        event_name=row.event_name,
        reverted=row.reverted,
        block=row.block_number,
        block_hash=presentation.hexed(row.block_hash),
        time=row.block_time,
        tx=presentation.hexed(row.tx_hash),
        log_index=row.log_index,
        payload=row.payload,
    ).model_dump(mode="json", by_alias=True)


def _is_other_branch(seen: Row[Any], head: Row[Any]) -> bool:
    """Whether the index went back: to a lower block, or to another one of the same height."""
    if head.head_block_number != seen.head_block_number:
        return bool(head.head_block_number < seen.head_block_number)
    return bool(head.head_block_hash != seen.head_block_hash)


def _block(head: Row[Any]) -> dict[str, Any]:
    return presentation.as_of(head).model_dump(mode="json", by_alias=True)


def _hash(head: Row[Any]) -> str | None:
    return None if head.head_block_hash is None else presentation.hexed(head.head_block_hash)


def _event(name: str, data: dict[str, Any], *, number: int | None = None) -> ServerSentEvent:
    return ServerSentEvent(
        event=name,
        data=msgspec.json.encode(data).decode(),
        id=None if number is None else str(number),
        retry=RETRY_MILLISECONDS,
    )
