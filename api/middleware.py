"""What every answer carries: a request id, headers of caution and, for a defect, a problem document."""

import re
import time
import uuid
from http import HTTPStatus

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.errors import ContentTooLarge, InternalError
from stemma.errors import AppError
from stemma.messaging.tracing import TraceContext, current_trace

_log = structlog.get_logger(__name__)
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_DEFAULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "Cache-Control": "no-store",
}
"""What an answer has that says nothing else. An API serves no pages, so nothing may run or be framed; only what names
its own lifetime is kept; browsers ignore HSTS on plain HTTP (RFC 6797 §8.1)."""

MAX_BODY_BYTES = 64 * 1024


class BodyLimit:
    """Refuses bodies over `MAX_BODY_BYTES`, announced or not, but on one path."""

    def __init__(self, app: ASGIApp, exempt: str) -> None:
        self._app = app
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection; all but HTTP passes through."""
        if scope["type"] != "http" or scope["path"] == self._exempt:
            await self._app(scope, receive, send)
            return
        announced = _header(scope, b"content-length")
        if announced.isdecimal() and int(announced) > MAX_BODY_BYTES:
            error = ContentTooLarge(f"a body has at most {MAX_BODY_BYTES} bytes here", maxBytes=MAX_BODY_BYTES)
            await _answer(error, scope, receive, send)
            return
        received = 0

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(ContentTooLarge.status.value)
            return message

        await self._app(scope, counting, send)


class HeadAsGet:
    """Answers HEAD as GET without the body where a route has no answer of its own to it (RFC 9110 §9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection; all but HEAD passes through."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        is_refused = False

        async def unless_refused(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start":
                is_refused = message["status"] == HTTPStatus.METHOD_NOT_ALLOWED
            if not is_refused:
                await send(message)

        await self._app(dict(scope), receive, unless_refused)
        if is_refused:
            await self._get(scope, receive, send)

    async def _get(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def gone_once_answered() -> Message:  # so that a stream ends
            return {"type": "http.disconnect"} if has_begun else await receive()

        async def without_body(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                await send(message)
                await send({"type": "http.response.body", "body": b""})

        await self._app({**scope, "method": "GET"}, gone_once_answered, without_body)


class RequestContext:
    """Names each request, logs it, decorates its answer and turns an unhandled exception into a 500 problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection; all but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status: list[int] = []

        async def decorate(message: Message) -> None:
            if message["type"] == "http.response.start":
                status.append(message["status"])
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in _DEFAULT_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        started = time.perf_counter()
        trace = _trace(scope)
        current_trace.set(trace)
        with structlog.contextvars.bound_contextvars(request_id=request_id, trace_id=trace.trace_id):
            try:
                await self._app(scope, receive, decorate)
            except Exception:
                _log.exception("request broke", method=scope["method"], path=scope["path"])
                if status:
                    raise  # the answer has begun; only the server can cut the connection now
                detail = "the log of the server holds the details under this request's id"
                await _answer(InternalError(detail), scope, receive, decorate)
            finally:
                _log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status[0] if status else None,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )


async def _answer(error: AppError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a problem from outside the framework."""
    body = problems.document(error, path=scope["path"], request_id=scope["state"]["request_id"])
    answer = JSONResponse(body, error.status.value, media_type=problems.MEDIA_TYPE)
    await answer(scope, receive, send)


def _request_id(scope: Scope) -> str:
    """Keep a well-formed id of the caller, so that logs join up; else make one."""
    given = _header(scope, b"x-request-id")
    return given if _ACCEPTABLE_ID.fullmatch(given) else uuid.uuid4().hex


def _trace(scope: Scope) -> TraceContext:
    """Go on with the caller's trace (W3C Trace Context), or begin one."""
    parent = TraceContext.parse(_header(scope, b"traceparent"))
    return parent.child() if parent else TraceContext.start()


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")
