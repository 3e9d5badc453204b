"""Errors that any route may answer with. Each service adds its own beside its rules."""

from http import HTTPStatus

from stemma.errors import AppError


class RequestInvalid(AppError):
    """A parameter or a body does not fit its schema; ``errors`` names each place."""

    code = "request_invalid"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The request does not fit its schema"


class RequestMalformed(AppError):
    """The body cannot be read at all, such as a broken JSON or multipart body."""

    code = "request_malformed"
    status = HTTPStatus.BAD_REQUEST
    title = "The request's body cannot be read"


class RouteNotFound(AppError):
    """No route has this path."""

    code = "route_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "There is nothing at this path"


class MethodNotAllowed(AppError):
    """The path exists, but not with this method; the ``Allow`` header lists those that do."""

    code = "method_not_allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED
    title = "This path does not take this method"


class ContentTooLarge(AppError):
    """The request's body is over the limit of its route."""

    code = "content_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "The request's body is too large"


class InternalError(AppError):
    """A defect on this side; the log holds the rest under the request's id."""

    code = "internal_error"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    title = "Something broke on our side"


class DependencyUnavailable(AppError):
    """The database, storage, Redis or the chain cannot be reached just now."""

    code = "dependency_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "A part that this request needs is not reachable"


class RequestRejected(AppError):
    """The HTTP layer refused the request for a reason that has no code of its own."""

    code = "request_rejected"
    status = HTTPStatus.BAD_REQUEST
    title = "The request was refused"
