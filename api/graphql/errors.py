"""Errors of GraphQL requests. Each becomes an error with ``extensions.code`` in the answer."""

from http import HTTPStatus

from stemma.errors import AppError


class QueryInvalid(AppError):
    """The GraphQL document, its variables or a value in it do not fit the schema; the message says where."""

    code = "query_invalid"
    status = HTTPStatus.BAD_REQUEST
    title = "The query does not fit the schema"


class QueryTooDeep(AppError):
    """The query nests deeper than `maxDepth`. Ask for less at once, or follow ids in a second query."""

    code = "query_too_deep"
    status = HTTPStatus.BAD_REQUEST
    title = "The query nests too deep"


class QueryTooCostly(AppError):
    """The query could return more than `maxRows` rows: the product of `first` along each path, summed.

    Lists that name no `first` count as 100. Ask for smaller pages.
    """

    code = "query_too_costly"
    status = HTTPStatus.BAD_REQUEST
    title = "The query asks for too much at once"


class BlockNotIndexed(AppError):
    """The catalog does not know this block: not yet, or it is not on this chain (any more)."""

    code = "block_not_indexed"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The catalog does not know that block"
