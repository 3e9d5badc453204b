"""Publishing envelopes."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from google.api_core.exceptions import GoogleAPIError
from google.cloud.pubsub_v1.publisher.exceptions import MessageTooLargeError, PublishToPausedOrderingKeyException

from stemma.messaging.endpoint import PubsubEndpoint
from stemma.messaging.envelope import Envelope
from stemma.messaging.errors import PublishFailed
from stemma.messaging.tracing import ATTRIBUTE, outgoing_trace

# A RuntimeError is what the client gives the messages that wait behind a failed one of their ordering key.
_FAILURES = (GoogleAPIError, PublishToPausedOrderingKeyException, RuntimeError)


class Publisher:
    """Publishes to the topics of one endpoint. Use it as an async context manager; share one per process."""

    def __init__(self, endpoint: PubsubEndpoint) -> None:
        self._endpoint = endpoint
        self._client: Any = endpoint.publisher()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def publish(self, topic: str, envelope: Envelope[Any], *, ordering_key: str = "") -> str:
        """Publish an event and return the message id once the service holds it durably.

        Args:
            topic: short name, see `names`.
            envelope: the event.
            ordering_key: events of one key arrive in order at subscriptions that order.

        Raises:
            PublishFailed: refused, or the service could not be reached for ten minutes.
        """
        return await self.publish_encoded(topic, envelope.encode(), envelope.attributes(), ordering_key=ordering_key)

    async def publish_encoded(
        self, topic: str, data: bytes, attributes: Mapping[str, str], *, ordering_key: str = ""
    ) -> str:
        """Publish bytes that were encoded before, as an outbox keeps them; otherwise as `publish`.

        A `traceparent` among the attributes is kept; without one the message joins the current trace.
        """
        path = self._endpoint.topic(topic)
        marked = {ATTRIBUTE: str(outgoing_trace()), **attributes}
        try:
            future = self._client.publish(path, data, ordering_key=ordering_key, **marked)
        except MessageTooLargeError as error:
            raise PublishFailed(f"{topic}: {error}") from error
        try:
            message_id: str = await asyncio.wrap_future(future)
        except _FAILURES as error:
            if ordering_key:
                self._resume(path, ordering_key)
            raise PublishFailed(f"{topic}: {error}") from error
        return message_id

    def _resume(self, path: str, ordering_key: str) -> None:
        """Let later messages of a key be published again: after a failure the client holds them back."""
        with suppress(RuntimeError):  # another message that failed with this one has done it already
            self._client.resume_publish(path, ordering_key)

    def close(self) -> None:
        """Send what is batched and close the channel. Nothing can be published afterwards."""
        self._client.stop()
        self._client.transport.close()
