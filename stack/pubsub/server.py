"""The emulator as one gRPC server on one database file."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from stack.pubsub import publisher_service, subscriber_service
from stack.pubsub.broker import Broker
from stack.pubsub.database import Database
from stack.pubsub.dispatch import Dispatch
from stack.pubsub.errors import CannotListen
from stack.pubsub.publisher_service import PublisherService
from stack.pubsub.subscriber_service import SubscriberService

_STOP_SECONDS = 1.0

_OPTIONS = (
    # Two servers must not share a port silently.
    ("grpc.so_reuseport", 0),
    # The size limit of a request is the service's, with its own error, not the transport's.
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.max_send_message_length", -1),
    # The client library pings every 30 s; by default a server takes that for an attack after five minutes of silence.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


def wall_clock() -> int:
    """Return microseconds since 1970."""
    return time.time_ns() // 1000


@asynccontextmanager
async def serving(database_file: Path, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port, a free one when `port` is 0.

    Raises:
        DatabaseInUse: another emulator holds the file.
        CannotListen: the address is taken.
    """
    database = Database.open(database_file)
    try:
        dispatch = Dispatch(Broker(database, wall_clock))
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(publisher_service.NAME, PublisherService(dispatch).handlers()),
                grpc.method_handlers_generic_handler(subscriber_service.NAME, SubscriberService(dispatch).handlers()),
            )
        )
        bound = _bind(server, host, port)
        await server.start()
        async with asyncio.TaskGroup() as tasks:
            upkeep = tasks.create_task(dispatch.run())
            try:
                yield bound
            finally:
                dispatch.close()
                await server.stop(_STOP_SECONDS)
                upkeep.cancel()
    finally:
        database.close()


def _bind(server: grpc.aio.Server, host: str, port: int) -> int:
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise CannotListen(f"{host}:{port} cannot be listened on: {error}") from error
    if bound == 0:
        raise CannotListen(f"{host}:{port} cannot be listened on; is it taken?")
    return bound
