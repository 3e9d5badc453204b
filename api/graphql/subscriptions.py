"""Subscriptions: new blocks and changes of the catalog, over the process's one feed."""

from collections.abc import AsyncIterator, Awaitable
from typing import Any

import msgspec
from graphql import ExecutionResult, GraphQLError, GraphQLResolveInfo, OperationType, subscribe
from sqlalchemy import Row

from api.catalog.live import Feed
from api.graphql.errors import QueryInvalid
from api.graphql.meta import block
from api.graphql.schemas import GraphQLRequest
from api.graphql.service import Executor, Refused, errors_of
from api.resources import Resources
from stemma.errors import AppError


async def blocks(_root: Any, info: GraphQLResolveInfo[Any]) -> AsyncIterator[dict[str, Any]]:
    """Yield the newest indexed block whenever it is another one."""
    feed: Feed = info.context
    last = None
    while True:
        news, head = feed.news, feed.head
        if head is not None and (head.head_block_number, head.head_block_hash) != last:
            last = (head.head_block_number, head.head_block_hash)
            yield block(head)
        else:
            await news.wait()


async def changes(_root: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> AsyncIterator[dict[str, Any]]:
    """Yield the rows of the feed, from behind ``after`` or from now on."""
    feed: Feed = info.context
    wanted = arguments.get("eventName_in")
    while feed.seq is None:
        await feed.news.wait()
    after = feed.seq if arguments.get("after") is None else arguments["after"]
    while True:
        news = feed.news
        rows = await feed.after(after)
        for row in rows:
            after = row.seq
            if wanted is None or row.event_name in wanted:
                yield _change(row)
        if not rows:
            await news.wait()


async def events(executor: Executor, resources: Resources, request: GraphQLRequest) -> AsyncIterator[dict[str, str]]:
    """Yield server-sent events: `next` with each result, then `complete`."""
    try:
        document, operation = executor.parse(request)
        if operation.operation is OperationType.QUERY:
            answer = await executor.answer(resources, request)
            yield {"event": "next", "data": answer.body.decode()}
            yield {"event": "complete", "data": ""}
            return
        stream = await _subscribed(executor, resources, document, request)
    except (GraphQLError, AppError, Refused) as error:
        yield {"event": "next", "data": errors_of(error).decode()}
        yield {"event": "complete", "data": ""}
        return
    async for result in stream:
        yield {"event": "next", "data": msgspec.json.encode(result.formatted).decode()}
    yield {"event": "complete", "data": ""}


async def _subscribed(
    executor: Executor, resources: Resources, document: Any, request: GraphQLRequest
) -> AsyncIterator[ExecutionResult]:
    stream = subscribe(
        executor.schema,
        document,
        context_value=resources.feed,
        variable_values=request.variables or {},
        operation_name=request.operation_name,
    )
    found = await stream if isinstance(stream, Awaitable) else stream
    if isinstance(found, ExecutionResult):
        raise found.errors[0] if found.errors else QueryInvalid("nothing to subscribe to")
    return found


def _change(row: Row[Any]) -> dict[str, Any]:
    """A row of the feed as the type `Change` of the schema has it."""
    hexed = {name: f"0x{bytes(getattr(row, name)).hex()}" for name in ("block_hash", "tx_hash")}
    return {
        "id": str(row.seq),
        "seq": str(row.seq),
        "eventName": row.event_name,
        "reverted": row.reverted,
        "blockNumber": str(row.block_number),
        "blockHash": hexed["block_hash"],
        "blockTime": str(int(row.block_time.timestamp())),
        "txHash": hexed["tx_hash"],
        "logIndex": row.log_index,
        "payload": row.payload,
    }
