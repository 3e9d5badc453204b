"""What the emulator refuses, each with the gRPC status that the real service answers."""

from http import HTTPStatus
from typing import ClassVar

import grpc

from stemma.errors import AppError


class Refused(AppError):
    """A request that the service answers with an error status."""

    code: ClassVar[str] = "pubsub_refused"
    title: ClassVar[str] = "Pub/Sub refused the request"
    grpc_status: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL


class InvalidArgument(Refused):
    """The request can never succeed as it is."""

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST
    grpc_status: ClassVar[grpc.StatusCode] = grpc.StatusCode.INVALID_ARGUMENT


class NotFound(Refused):
    """The topic or subscription does not exist."""

    status: ClassVar[HTTPStatus] = HTTPStatus.NOT_FOUND
    grpc_status: ClassVar[grpc.StatusCode] = grpc.StatusCode.NOT_FOUND

    def __init__(self, resource: str) -> None:
        super().__init__(f"Resource not found (resource={resource}).")


class AlreadyExists(Refused):
    """A topic or subscription of this name exists."""

    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
    grpc_status: ClassVar[grpc.StatusCode] = grpc.StatusCode.ALREADY_EXISTS

    def __init__(self, resource: str) -> None:
        super().__init__(f"Resource already exists in the project (resource={resource}).")


class FailedPrecondition(Refused):
    """The resource is not in a state that allows the request."""

    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
    grpc_status: ClassVar[grpc.StatusCode] = grpc.StatusCode.FAILED_PRECONDITION


class Unimplemented(Refused):
    """The real service can do this; the emulator cannot, and says so."""

    status: ClassVar[HTTPStatus] = HTTPStatus.NOT_IMPLEMENTED
    grpc_status: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNIMPLEMENTED


class Unavailable(Refused):
    """The server is stopping; clients reconnect."""

    status: ClassVar[HTTPStatus] = HTTPStatus.SERVICE_UNAVAILABLE
    grpc_status: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNAVAILABLE


class DatabaseInUse(AppError):
    """Another emulator holds the database file."""

    code: ClassVar[str] = "pubsub_database_in_use"
    title: ClassVar[str] = "The Pub/Sub emulator cannot start"


class CannotListen(AppError):
    """The address is taken or not ours."""

    code: ClassVar[str] = "pubsub_cannot_listen"
    title: ClassVar[str] = "The Pub/Sub emulator cannot start"
