"""HTTP of the catalog's stream."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from sse_starlette import EventSourceResponse

from api.catalog import stream
from api.dependencies import ResourcesDependency
from api.reading import MAX_BLOCK

router = APIRouter(tags=["catalog"])

_EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `change` (a `CatalogChange`, id: its `seq`), `block` (an `AsOf`), `reorg`, `reset`",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get(
    "/catalog/stream",
    operation_id="streamCatalog",
    summary="What happens, as it happens",
    response_class=EventSourceResponse,
    responses=_EVENT_STREAM,
)
async def stream_catalog(
    resources: ResourcesDependency,
    event: Annotated[list[str] | None, Query(max_length=20, description="Only changes of these names")] = None,
    after: Annotated[int | None, Query(ge=0, le=MAX_BLOCK, description="Begin behind this `seq`; default: now")] = None,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=MAX_BLOCK, description="As a reconnecting client sends it; outranks `after`")
    ] = None,
) -> EventSourceResponse:
    """Stream the feed and the newest block, from now on or from behind the last event that was seen."""
    begin = after if last_event_id is None else last_event_id
    names = frozenset(event) if event else None
    return EventSourceResponse(stream.stream(resources.feed, after=begin, names=names))
