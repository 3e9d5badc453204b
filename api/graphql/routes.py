"""HTTP of GraphQL: queries by POST and GET, subscriptions as server-sent events.

Sources: GraphQL over HTTP (working draft); GraphQL over SSE, "distinct connections mode".
"""

from http import HTTPStatus
from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Query, Request, Response
from graphql import print_schema
from sse_starlette import EventSourceResponse

from api.catalog.presentation import as_of_header
from api.dependencies import ResourcesDependency
from api.graphql import subscriptions
from api.graphql.errors import QueryInvalid
from api.graphql.schema import make_schema
from api.graphql.schemas import GraphQLAnswer, GraphQLRequest
from api.graphql.service import Executor
from api.problems import documented

router = APIRouter(tags=["graphql"])

_EVENT_STREAM = "text/event-stream"
_RESPONSE = "application/graphql-response+json"
executor = Executor(make_schema(blocks=subscriptions.blocks, changes=subscriptions.changes))

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; a subscription is answered by events `next` and `complete`",
        "content": {_RESPONSE: {"schema": {"$ref": "#/components/schemas/GraphQLAnswer"}}, _EVENT_STREAM: {}},
    },
    **documented(QueryInvalid),
}


@router.post(
    "/graphql", operation_id="queryGraphql", summary="Ask in GraphQL", response_model=GraphQLAnswer, responses=_ANSWERS
)
async def post_graphql(body: GraphQLRequest, request: Request, resources: ResourcesDependency) -> Response:
    """Answer a query in the dialect of The Graph, or stream a subscription for `Accept: text/event-stream`."""
    return await _answer(body, request, resources)


@router.get(
    "/graphql",
    operation_id="getGraphql",
    summary="Ask in GraphQL by URL",
    response_model=GraphQLAnswer,
    responses=_ANSWERS,
)
async def get_graphql(
    request: Request,
    resources: ResourcesDependency,
    query: Annotated[str, Query(min_length=1, max_length=20_000, description="The document")],
    variables: Annotated[str | None, Query(max_length=20_000, description="A JSON object")] = None,
    operation_name: Annotated[str | None, Query(alias="operationName", max_length=200)] = None,
) -> Response:
    """Answer a query that is in the URL, so that it can be kept by caches and linked."""
    try:
        given = msgspec.json.decode(variables, type=dict[str, Any]) if variables else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise QueryInvalid("`variables` is a JSON object") from error
    return await _answer(
        GraphQLRequest(query=query, variables=given, operation_name=operation_name), request, resources
    )


@router.get("/graphql/schema", operation_id="getGraphqlSchema", summary="The GraphQL schema", response_class=Response)
async def get_schema() -> Response:
    """Return the schema in the schema definition language."""
    return Response(
        print_schema(executor.schema) + "\n",
        media_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "public, max-age=300"},
    )


async def _answer(asked: GraphQLRequest, request: Request, resources: ResourcesDependency) -> Response:
    accepted = request.headers.get("accept", "")
    if _EVENT_STREAM in accepted:
        events = subscriptions.events(executor, resources, asked)
        return cast(Response, EventSourceResponse(events))
    answer = await executor.answer(resources, asked)
    is_modern = _RESPONSE in accepted
    headers = {"Cache-Control": "public, max-age=0, must-revalidate", "Vary": "Accept, Accept-Encoding"}
    if answer.as_of is not None:
        headers["Stemma-As-Of"] = as_of_header(answer.as_of)
    if answer.is_request_error:
        headers["Cache-Control"] = "no-store"
    # Older clients read `application/json` and take anything but 200 for a broken server.
    status = HTTPStatus.BAD_REQUEST if answer.is_request_error and is_modern else HTTPStatus.OK
    return Response(answer.body, status, media_type=_RESPONSE if is_modern else "application/json", headers=headers)
