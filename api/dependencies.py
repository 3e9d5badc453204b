"""What handlers ask for: a database transaction, the process's resources, the caller."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, cast

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from api.errors import DependencyUnavailable
from api.identity.accounts import Account
from api.identity.errors import TokenMissing
from api.resources import Resources

_log = structlog.get_logger(__name__)
_bearer = HTTPBearer(bearerFormat="JWT", description="Access token from `POST /auth/login`", auto_error=False)


def get_resources(request: Request) -> Resources:
    """Return what this process holds open."""
    return cast(Resources, request.app.state.resources)


async def get_connection(resources: Annotated[Resources, Depends(get_resources)]) -> AsyncIterator[AsyncConnection]:
    """Yield a connection in a transaction that commits when the handler returns and before the answer leaves."""
    async with transaction(resources) as connection:
        yield connection


@asynccontextmanager
async def transaction(resources: Resources) -> AsyncIterator[AsyncConnection]:
    """Open a transaction of its own, for a look at the database before something slow.

    Raises:
        DependencyUnavailable: the database cannot be reached.
    """
    try:
        async with resources.engine.begin() as connection:
            yield connection
    except (OperationalError, PoolTimeout) as error:
        _log.warning("the database cannot be reached", reason=str(error).strip())
        raise DependencyUnavailable(
            "the database cannot be reached; try again shortly", dependency="database"
        ) from error


async def get_caller(
    resources: Annotated[Resources, Depends(get_resources)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Account:
    """Return the account that the access token speaks for; nothing else in a request can name a caller.

    Raises:
        TokenMissing: no bearer token.
        TokenInvalid: a token that was not issued here, or no longer holds.
    """
    if credentials is None:
        raise TokenMissing("send `Authorization: Bearer <access token>`; POST /auth/login gives one")
    return resources.issuer.verify(credentials.credentials)


async def get_optional_caller(
    resources: Annotated[Resources, Depends(get_resources)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Account | None:
    """Return the caller, or None for an anonymous request. Raises TokenInvalid for a bad token."""
    return None if credentials is None else resources.issuer.verify(credentials.credentials)


ResourcesDependency = Annotated[Resources, Depends(get_resources)]
Connection = Annotated[AsyncConnection, Depends(get_connection, scope="function")]
CurrentUser = Annotated[Account, Depends(get_caller)]
OptionalUser = Annotated[Account | None, Depends(get_optional_caller)]
