"""Trace context over messages."""

from __future__ import annotations

import pytest

from stemma.messaging.tracing import TraceContext, current_trace, outgoing_trace

HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_header_is_read_and_written() -> None:
    read = TraceContext.parse(HEADER)
    assert read == TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 1)
    assert str(read) == HEADER


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        HEADER.upper(),
        HEADER + "-x",
        "01" + HEADER[2:],
    ],
)
def test_a_malformed_header_is_ignored(header: str) -> None:
    assert TraceContext.parse(header) is None


def test_a_message_is_a_step_of_the_current_trace() -> None:
    parent = TraceContext.start()
    token = current_trace.set(parent)
    child = outgoing_trace()
    current_trace.reset(token)
    assert child.trace_id == parent.trace_id
    assert child.span_id != parent.span_id
    assert outgoing_trace().trace_id != parent.trace_id
