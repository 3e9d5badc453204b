"""How the methods reach the API: one HTTP client, problems as exceptions, and the stream of the catalog."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import BaseModel, TypeAdapter

_RETRY_SECONDS = 2.0


class StemmaError(Exception):
    """An answer that is a problem (RFC 9457). ``code`` is stable; ``members`` has everything that came with it."""

    def __init__(self, status: int, members: Mapping[str, Any]) -> None:
        super().__init__(f"{members.get('code', status)}: {members.get('detail') or members.get('title')}")
        self.status = status
        self.code = str(members.get("code", ""))
        self.members = dict(members)


class Event(BaseModel):
    """One event of the catalog's stream. ``id`` is what to resume behind; only changes have one."""

    name: str
    id: str | None
    data: Any


class Transport:
    """Synchronous. Use it as a context manager, or close it."""

    def __init__(self, base_url: str, *, token: str | None = None, client: httpx.Client | None = None) -> None:
        self.http = client or httpx.Client(base_url=base_url, headers=_headers(token), timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def graphql(self, query: str, **variables: Any) -> Any:
        """Ask in GraphQL; return ``data``. Raises StemmaError with the first error."""
        answer = self.http.post("/graphql", json={"query": query, "variables": variables})
        return _data(answer)

    def follow(self, *, after: int | None = None, events: list[str] | None = None) -> Iterator[Event]:
        """Yield what happens, for ever; a lost connection is taken up again where it broke."""
        last = None if after is None else str(after)
        while True:
            headers = {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": last})
            try:
                with self.http.stream(
                    "GET", "/catalog/stream", params={"event": events or []}, headers=headers, timeout=None
                ) as answer:
                    for event in _Parser().events(answer.iter_lines()):
                        last = event.id or last
                        yield event
            except httpx.TransportError:
                time.sleep(_RETRY_SECONDS)

    def _ask(
        self, method: str, path: str, result: Any, *, query: Mapping[str, Any], body: BaseModel | None = None
    ) -> Any:
        return _parsed(self.http.request(method, path, params=_query(query), json=_json(body)), result)


class AsyncTransport:
    """Asynchronous. Use it as a context manager, or close it."""

    def __init__(self, base_url: str, *, token: str | None = None, client: httpx.AsyncClient | None = None) -> None:
        self.http = client or httpx.AsyncClient(base_url=base_url, headers=_headers(token), timeout=30)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def graphql(self, query: str, **variables: Any) -> Any:
        """Ask in GraphQL; return ``data``. Raises StemmaError with the first error."""
        return _data(await self.http.post("/graphql", json={"query": query, "variables": variables}))

    async def follow(self, *, after: int | None = None, events: list[str] | None = None) -> AsyncIterator[Event]:
        """Yield what happens until the connection ends; resume with ``after``."""
        headers = {"Accept": "text/event-stream"} | ({} if after is None else {"Last-Event-ID": str(after)})
        parser = _Parser()
        async with self.http.stream(
            "GET", "/catalog/stream", params={"event": events or []}, headers=headers, timeout=None
        ) as answer:
            async for line in answer.aiter_lines():
                event = parser.take(line)
                if event is not None:
                    yield event

    async def _ask(
        self, method: str, path: str, result: Any, *, query: Mapping[str, Any], body: BaseModel | None = None
    ) -> Any:
        return _parsed(await self.http.request(method, path, params=_query(query), json=_json(body)), result)


class _Parser:
    """Server-sent events, line by line."""

    def __init__(self) -> None:
        self._members: dict[str, str] = {}

    def events(self, lines: Iterator[str]) -> Iterator[Event]:
        for line in lines:
            event = self.take(line)
            if event is not None:
                yield event

    def take(self, line: str) -> Event | None:
        if line:
            name, _, value = line.partition(":")
            if name:
                self._members[name] = value.removeprefix(" ")
            return None
        members, self._members = self._members, {}
        if "data" not in members:
            return None
        return Event(name=members.get("event", "message"), id=members.get("id"), data=json.loads(members["data"]))


def _headers(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _text(value) for name, value in query.items() if value is not None}


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else value


def _json(body: BaseModel | None) -> Any:
    return None if body is None else body.model_dump(mode="json", by_alias=True, exclude_none=True)


def _parsed(answer: httpx.Response, result: Any) -> Any:
    if answer.is_error:
        is_problem = "json" in answer.headers.get("content-type", "")
        raise StemmaError(answer.status_code, answer.json() if is_problem else {"detail": answer.text[:200]})
    return TypeAdapter(result).validate_json(answer.content)


def _data(answer: httpx.Response) -> Any:
    body = answer.json()
    if body.get("errors"):
        first = body["errors"][0]
        raise StemmaError(answer.status_code, {"detail": first["message"], **first.get("extensions", {})})
    if answer.is_error:
        raise StemmaError(answer.status_code, body)
    return body["data"]
