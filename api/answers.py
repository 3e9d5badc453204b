"""Answers about the catalog, kept until the index says that something changed.

Between two changes of the index a question has one answer: it is made once, kept with its `asOf`, and given to whoever
asks the same, compressed and conditional as they like. The index says by NOTIFY when there is something new; while
nobody listens nothing is kept.
"""

import asyncio
import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.notifications import Notifications, Subscription
from stemma.catalog.words import FEED_CHANNEL

AS_OF = b"stemma-as-of"
"""The header by which a route marks an answer that is the same for everybody and true to its `asOf`."""

_MAX_BYTES = 64 * 1024 * 1024
_MAX_ANSWER_BYTES = 2 * 1024 * 1024
_MAX_QUESTION_BYTES = 16 * 1024
_MAX_AGE_SECONDS = 60.0
"""The net beneath: a connection can be dead for a while before it is known that it does not listen any more."""

_WORTH_COMPRESSING = 1_000
_GZIP_LEVEL = 1

_SECTIONS = frozenset(
    [
        "catalog",
        "graphql",
        "licenses",
        "payments",
        "transfers",
        "terms",
        "attachments",
        "artists",
        "vault",
        "disputes",
        "protocol",
    ]
)
_NEVER_KEPT = ("/audio", "/preview", "/stream")

Key = tuple[bytes, ...]


@dataclass(slots=True)
class Kept:
    """One answer 200: its headers without length, its body, and that compressed once somebody wanted it so."""

    headers: list[tuple[bytes, bytes]]
    body: bytes
    etag: bytes
    made_at: float = field(default_factory=time.monotonic)
    compressed: bytes | None = None


class AnswerStore:
    """The answers of one process since the last change of the index."""

    def __init__(self, notifications: Notifications, subscription: Subscription) -> None:
        self._notifications = notifications
        self._subscription = subscription
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._bytes = 0
        self._making: dict[Key, asyncio.Lock] = {}
        self._generation = 0

    @classmethod
    @contextmanager
    def listening(cls, notifications: Notifications) -> Iterator["AnswerStore"]:
        """Keep answers until the block ends."""
        with notifications.subscribe(FEED_CHANNEL) as subscription:
            yield cls(notifications, subscription)

    def get(self, key: Key) -> Kept | None:
        """Return the answer to a question if it still holds."""
        self._forget_what_changed()
        kept = self._kept.get(key)
        if kept is None:
            return None
        if time.monotonic() - kept.made_at > _MAX_AGE_SECONDS:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def generation(self) -> int:
        """Return a number to hand to `put`: an answer whose making saw a change is not kept."""
        self._forget_what_changed()
        return self._generation

    def put(self, key: Key, kept: Kept, generation: int) -> None:
        """Keep an answer, unless something changed since it was begun."""
        self._forget_what_changed()
        if generation != self._generation or not self._notifications.is_listening:
            return
        self._drop(key)
        self._kept[key] = kept
        self._bytes += len(kept.body)
        while self._bytes > _MAX_BYTES:
            self._drop(next(iter(self._kept)))

    def making(self, key: Key) -> asyncio.Lock:
        """Return the lock that the maker of an answer holds, so that others wait for it instead of asking again."""
        lock = self._making.get(key)
        if lock is None:
            lock = self._making[key] = asyncio.Lock()
        return lock

    def made(self, key: Key) -> None:
        """Let go of a lock nobody waits for."""
        lock = self._making.get(key)
        if lock is not None and not lock.locked():
            del self._making[key]

    def _forget_what_changed(self) -> None:
        if self._subscription.take() or not self._notifications.is_listening:
            self._kept.clear()
            self._bytes = 0
            self._generation += 1

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= len(kept.body)


class KeptAnswers:
    """Answers questions about the catalog from the store, and puts into it what the routes mark by `Stemma-As-Of`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection; all but questions about the catalog passes through."""
        if scope["type"] != "http" or not _may_be_kept(scope):
            await self._app(scope, receive, send)
            return
        question, receive = await _question(scope, receive)
        if question is None:
            await self._app(scope, receive, send)
            return
        store: AnswerStore = scope["app"].state.resources.answers
        kept = store.get(question)
        if kept is None:
            async with store.making(question):
                kept = store.get(question) or await self._make(store, question, scope, receive, send)
            store.made(question)
        if kept is not None:
            await _send(kept, scope, send)

    async def _make(self, store: AnswerStore, key: Key, scope: Scope, receive: Receive, send: Send) -> Kept | None:
        """Let the routes answer. Returns None when they have sent something that is not kept."""
        generation = store.generation()
        start: Message | None = None
        parts: list[bytes] = []

        async def collecting(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_marked(message):
                start = message
            elif start is None:
                await send(message)
            else:
                parts.append(message.get("body", b""))

        unconditional = {**scope, "headers": [each for each in scope["headers"] if each[0] != b"if-none-match"]}
        await self._app(unconditional, receive, collecting)
        if start is None:
            return None
        kept = _kept(start, b"".join(parts))
        if len(kept.body) <= _MAX_ANSWER_BYTES:
            store.put(key, kept, generation)
        return kept


def _may_be_kept(scope: Scope) -> bool:
    """Whether a question is about the catalog: nobody waits for others who download files or follow streams."""
    path: str = scope["path"]
    if scope["method"] == "POST":
        return path == "/graphql"
    is_about_catalog = path.split("/", 2)[1] in _SECTIONS and not path.endswith(_NEVER_KEPT)
    return bool(scope["method"] == "GET" and is_about_catalog)


async def _question(scope: Scope, receive: Receive) -> tuple[Key | None, Receive]:
    """Return what is asked, and a receive that still has the body. None: too long to be worth it, or a stream."""
    accept = _header(scope, b"accept")
    if b"text/event-stream" in accept:
        return None, receive
    of_graphql = accept if scope["path"].startswith("/graphql") else b""
    target = (scope["method"].encode(), scope["path"].encode(), scope["query_string"], of_graphql)
    if scope["method"] == "GET":
        return target, receive
    messages: list[Message] = []
    size = 0
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if size > _MAX_QUESTION_BYTES or message["type"] != "http.request" or not message.get("more_body"):
            break

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    if size > _MAX_QUESTION_BYTES or messages[-1]["type"] != "http.request":
        return None, again
    return (*target, _header(scope, b"content-type"), b"".join(each["body"] for each in messages)), again


def _is_marked(start: Message) -> bool:
    return start["status"] == 200 and any(name == AS_OF for name, _ in start["headers"])


def _kept(start: Message, body: bytes) -> Kept:
    headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    etag = next((value for name, value in headers if name == b"etag"), b"")
    if not etag:
        etag = b'W/"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'
        headers.append((b"etag", etag))
    return Kept(headers, body, etag)


async def _send(kept: Kept, scope: Scope, send: Send) -> None:
    wanted = _header(scope, b"if-none-match")
    if wanted and _matches(wanted, kept.etag):
        headers = [each for each in kept.headers if each[0] != b"content-type"]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    body, headers = kept.body, list(kept.headers)
    if len(body) >= _WORTH_COMPRESSING and b"gzip" in _header(scope, b"accept-encoding"):
        if kept.compressed is None:
            kept.compressed = await asyncio.to_thread(gzip.compress, body, _GZIP_LEVEL, mtime=0)
        body = kept.compressed
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _matches(wanted: bytes, etag: bytes) -> bool:
    known = [tag.strip().removeprefix(b"W/") for tag in wanted.split(b",")]
    return b"*" in known or etag.removeprefix(b"W/") in known


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")
