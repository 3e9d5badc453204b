"""Which Pub/Sub to talk to, and the stock clients for it."""

from dataclasses import dataclass
from typing import Any, Protocol

import grpc
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions
from google.pubsub_v1.services.publisher import PublisherAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport, PublisherGrpcTransport
from google.pubsub_v1.services.subscriber import SubscriberAsyncClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport, SubscriberGrpcTransport

# As the stock client's own channels: no limit of message size, and pings that notice a dead peer.
_CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 30_000),
    # A restarted emulator is found again within a second or two rather than after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class PubsubSettings(Protocol):
    """What `from_settings` reads."""

    @property
    def pubsub_project(self) -> str:
        """Google Cloud project."""

    @property
    def pubsub_emulator_host(self) -> str:
        """`host:port` of an emulator; empty for Google's service."""


@dataclass(frozen=True, slots=True)
class PubsubEndpoint:
    """A project on Google's service, with the application default credentials, or on an emulator at `host:port`."""

    project: str
    emulator_host: str = ""

    @classmethod
    def from_settings(cls, settings: PubsubSettings) -> "PubsubEndpoint":
        """Take project and emulator from the process's settings, not from `os.environ`."""
        return cls(settings.pubsub_project, settings.pubsub_emulator_host)

    def topic(self, name: str) -> str:
        """Return the full name of a topic."""
        return f"projects/{self.project}/topics/{name}"

    def subscription(self, name: str) -> str:
        """Return the full name of a subscription."""
        return f"projects/{self.project}/subscriptions/{name}"

    def publisher(self) -> Any:
        """Return a stock `PublisherClient` that keeps the order of messages with an ordering key."""
        options = PublisherOptions(enable_message_ordering=True)
        batches = BatchSettings(max_latency=0.005)
        return PublisherClient(batches, options, **self._transport(PublisherGrpcTransport))

    def subscriber(self) -> Any:
        """Return a stock `SubscriberClient`."""
        return SubscriberClient(**self._transport(SubscriberGrpcTransport))

    def publisher_admin(self) -> Any:
        """Return the generated asyncio client of topics."""
        return PublisherAsyncClient(**self._transport(PublisherGrpcAsyncIOTransport, grpc.aio.insecure_channel))

    def subscriber_admin(self) -> Any:
        """Return the generated asyncio client of subscriptions."""
        return SubscriberAsyncClient(**self._transport(SubscriberGrpcAsyncIOTransport, grpc.aio.insecure_channel))

    def _transport(self, transport: Any, connect: Any = grpc.insecure_channel) -> dict[str, Any]:
        if not self.emulator_host:
            return {}
        return {"transport": transport(channel=connect(self.emulator_host, options=_CHANNEL_OPTIONS))}
