"""RFC 9457 problem documents: the one shape of every error, and the registry of all codes."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

# A failed upload carries codes of the first two, and the registry explains every code.
import stemma.audio.errors
import stemma.messaging.failures  # noqa: F401
from api import errors
from stemma.chain.calls import error_types
from stemma.chain.errors import ChainError
from stemma.errors import AppError
from stemma.storage.errors import StorageError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"
RETRY_AFTER_SECONDS = "2"

_log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """An error as RFC 9457 has it. ``code`` is stable; programs branch on it, never on the sentences."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Where this code is explained, relative to the API", examples=["/problems/not_found"])
    title: str = Field(description="What this code means, the same every time")
    status: int = Field(description="The HTTP status, repeated", ge=400, le=599)
    detail: str = Field(description="What happened this time")
    code: str = Field(description="Stable, machine-readable name of the error")
    instance: str = Field(description="The path that answered")
    request_id: str | None = Field(default=None, alias="requestId", description="Name of this request in the logs")


class ProblemType(BaseModel):
    """One entry of the registry of error codes."""

    code: str
    status: int
    title: str
    description: str


class ContractError(BaseModel):
    """One custom error of the contracts, as a wallet gets it in revert data."""

    selector: str = Field(description="First four bytes of the revert data")
    name: str
    signature: str
    contracts: list[str]
    parameters: dict[str, str] = Field(description="Name -> Solidity type, in order")
    description: str


@cache
def contract_errors() -> tuple[ContractError, ...]:
    """Return every custom error of the contracts, by name."""
    return tuple(
        ContractError(
            selector=f"0x{each.selector.hex()}",
            name=each.name,
            signature=each.signature,
            contracts=list(each.contracts),
            parameters=dict(each.parameters),
            description=f"{_words(each.name)}: reverted by {', '.join(each.contracts)}.",
        )
        for each in error_types()
    )


def registry() -> dict[str, ProblemType]:
    """Return every code that the loaded services may answer with, sorted by code."""
    entries = {
        error.code: ProblemType(
            code=error.code,
            status=error.status.value,
            title=error.title,
            description=" ".join((error.__doc__ or error.title).split()),
        )
        for error in _error_classes(AppError)
    }
    return dict(sorted(entries.items()))


def classes_of(codes: Iterable[str]) -> list[type[AppError]]:
    """Return the classes that answer with these codes."""
    by_code = {error.code: error for error in _error_classes(AppError)}
    return [by_code[code] for code in codes]


def documented(*error_classes: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of an operation that may answer with these errors."""
    by_status: dict[int, list[type[AppError]]] = {}
    for error in error_classes:
        by_status.setdefault(error.status.value, []).append(error)
    return {
        status: {
            "description": "; ".join(f"`{error.code}`: {error.title}" for error in group),
            "content": {
                MEDIA_TYPE: {
                    "schema": {
                        "allOf": [
                            {"$ref": "#/components/schemas/Problem"},
                            {"properties": {"code": {"enum": [error.code for error in group]}}},
                        ]
                    }
                }
            },
        }
        for status, group in by_status.items()
    }


def response(request: Request, error: AppError, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the problem document of one error."""
    return JSONResponse(
        document(error, path=request.url.path, request_id=getattr(request.state, "request_id", None)),
        status_code=error.status.value,
        media_type=MEDIA_TYPE,
        headers={**_headers_of(error), **(headers or {})},
    )


def document(error: AppError, *, path: str, request_id: str | None) -> dict[str, Any]:
    """Return the JSON members of a problem; the error's ``extra`` cannot replace the standard ones."""
    members = dict(jsonable_encoder(error.extra))
    members.update(
        type=f"{TYPE_PREFIX}{error.code}",
        title=error.title,
        status=error.status.value,
        detail=public_detail(error),
        code=error.code,
        instance=path,
    )
    if request_id is not None:
        members["requestId"] = request_id
    return members


def public_detail(error: AppError) -> str:
    """Return the sentence that callers may read: those of storage and of nodes name folders, buckets and hosts."""
    is_inside = isinstance(error, StorageError | ChainError) and error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return f"{error.title}; the log of the server says why" if is_inside else error.detail


def install(app: FastAPI) -> None:
    """Turn every error that reaches the framework into a problem document."""
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", code=error.code, detail=error.detail)
    return response(request, error)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = [
        {"at": "/".join(str(part) for part in item["loc"]), "message": item["msg"], "kind": item["type"]}
        for item in error.errors()
    ]
    if any(place["kind"] == "json_invalid" for place in places):
        return response(request, errors.RequestMalformed("the body is not valid JSON", errors=places))
    summary = "; ".join(f"{place['at']}: {place['message']}" for place in places[:5])
    return response(request, errors.RequestInvalid(summary, errors=places))


_BY_STATUS: dict[int, tuple[type[AppError], str]] = {
    404: (errors.RouteNotFound, "no route has this path"),
    405: (errors.MethodNotAllowed, "see the Allow header for the methods of this path"),
    413: (errors.ContentTooLarge, "send a smaller body"),
    500: (errors.InternalError, "the log of the server holds the details under this request's id"),
}


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = _BY_STATUS.get(error.status_code)
    problem = known[0](known[1]) if known else errors.RequestRejected(str(error.detail))
    headers = dict(error.headers or {})
    allowed = headers.get("Allow", "").split(", ")
    if "GET" in allowed and "HEAD" not in allowed:  # see `HeadAsGet`
        headers["Allow"] = ", ".join([*allowed, "HEAD"])
    return response(request, problem, headers)


def _headers_of(error: AppError) -> dict[str, str]:
    """An answer 401 says how to authenticate (RFC 6750), and 416 how long the file is (RFC 9110 §15.5.17)."""
    match error.status:
        case HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": "Bearer"}
        case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE if "size" in error.extra:
            return {"Content-Range": f"bytes */{error.extra['size']}"}
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return {"Retry-After": RETRY_AFTER_SECONDS}
        case _:
            return {}


def _words(name: str) -> str:
    """The words of a name in camel case, as the beginning of a sentence."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower().capitalize()


def _error_classes(base: type[AppError]) -> Iterator[type[AppError]]:
    for child in base.__subclasses__():
        if "code" in vars(child):
            yield child
        yield from _error_classes(child)
