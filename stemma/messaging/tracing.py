"""Trace context: which request or job a log line and a message belong to.

Source: W3C Trace Context, https://www.w3.org/TR/trace-context/, version 00 of `traceparent`.
"""

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass

ATTRIBUTE = "traceparent"

_FORMAT = re.compile(r"00-(?P<trace_id>[0-9a-f]{32})-(?P<span_id>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One step of a trace. `trace_id` is 32 hex digits for the whole way, `span_id` 16 for this step."""

    trace_id: str
    span_id: str
    flags: int = 1

    @classmethod
    def start(cls) -> "TraceContext":
        """Begin a new trace."""
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    @classmethod
    def parse(cls, traceparent: str) -> "TraceContext | None":
        """Read a `traceparent`; None when it is malformed or all zero, which the specification says to ignore."""
        match = _FORMAT.fullmatch(traceparent)
        if match is None or not int(match["trace_id"], 16) or not int(match["span_id"], 16):
            return None
        return cls(match["trace_id"], match["span_id"], int(match["flags"], 16))

    def child(self) -> "TraceContext":
        """Return the next step of the same trace."""
        return TraceContext(self.trace_id, secrets.token_hex(8), self.flags)

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


current_trace: ContextVar[TraceContext | None] = ContextVar("current_trace", default=None)
"""The trace of the request or delivery at work; the consumer sets it for each handler, the API may for each request."""


def outgoing_trace() -> TraceContext:
    """Return the context for a message that is sent now: a step of the current trace, or a new one."""
    current = current_trace.get()
    return TraceContext.start() if current is None else current.child()
