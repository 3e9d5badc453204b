"""Methods as gRPC handlers: plain messages in and out, refusals as status codes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from stack.pubsub.errors import Refused

Unary = Callable[[Any, Any], Awaitable[Any]]
Stream = Callable[[AsyncIterator[Any], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def unary(method: Unary, request_type: Any) -> grpc.RpcMethodHandler[Any, Any]:
    """Wrap a method that answers one request with one message."""

    async def answer(request: Any, context: Any) -> Any:
        try:
            return await method(request, context)
        except Refused as refusal:
            await context.abort(refusal.grpc_status, refusal.detail)

    return grpc.unary_unary_rpc_method_handler(answer, request_type.FromString, _serialize)


def bidirectional(method: Stream, request_type: Any) -> grpc.RpcMethodHandler[Any, Any]:
    """Wrap a method that reads a stream and is given what writes to the answering one."""

    async def answer(requests: AsyncIterator[Any], context: Any) -> None:
        try:
            await method(requests, context.write)
        except Refused as refusal:
            await context.abort(refusal.grpc_status, refusal.detail)

    return grpc.stream_stream_rpc_method_handler(answer, request_type.FromString, _serialize)


def _serialize(message: Any) -> bytes:
    serialized: bytes = message.SerializeToString()
    return serialized
