"""Bodies of GraphQL over HTTP."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class GraphQLRequest(BaseModel):
    """A GraphQL request."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    query: str = Field(min_length=1, max_length=50_000, description="The document")
    variables: dict[str, Any] | None = None
    operation_name: str | None = Field(default=None, max_length=200)


class GraphQLErrorView(BaseModel):
    """What is wrong with a request. ``extensions.code`` is stable, see `GET /problems`."""

    model_config = ConfigDict(extra="allow")

    message: str
    extensions: dict[str, Any] = {}


class GraphQLAnswer(BaseModel):
    """``data`` as the query asked, or ``errors``. ``extensions.asOf`` says how true it is."""

    data: dict[str, Any] | None = None
    errors: list[GraphQLErrorView] | None = None
    extensions: dict[str, Any] = {}
