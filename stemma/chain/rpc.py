"""JSON-RPC to an Ethereum node, with failover from one endpoint to the next."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import httpx
import structlog

from stemma.chain.errors import RpcUnreachable
from stemma.chain.json_rpc import request_of, result_of

TIMEOUT_SECONDS = 20.0

_log = structlog.get_logger(__name__)


class JsonRpc:
    """A client of one or several endpoints, best first. A refusal by one node is an answer; silence asks the next
    and is logged, since a caller that gets its answer sees nothing of it.

    Use as an async context manager, or call ``aclose``. ``client`` may be shared; then its owner closes it.
    """

    def __init__(self, urls: str | Sequence[str], client: httpx.AsyncClient | None = None) -> None:
        given = [urls] if isinstance(urls, str) else list(urls)
        self._urls = [
            url for url in given if not url.startswith(("ws://", "wss://"))
        ]  # those tell the indexer of heads
        if not self._urls:
            raise ValueError("a JSON-RPC client needs an endpoint")
        self._owns_client = client is None
        self._client = client or httpx.AsyncClient(timeout=TIMEOUT_SECONDS)
        self._next_id = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless the client is someone else's."""
        if self._owns_client:
            await self._client.aclose()

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call.

        Raises:
            RpcRefused: the node answered with an error.
            RpcUnreachable: no endpoint answered sensibly.
        """
        self._next_id += 1
        body = request_of(method, params, self._next_id)
        failures = []
        for url in self._urls:
            try:
                response = await self._client.post(url, json=body)
                return result_of(method, response.status_code, response.content)
            except (httpx.HTTPError, RpcUnreachable) as error:
                reason = str(error) or type(error).__name__
                failures.append(f"{httpx.URL(url).host}: {reason}")
                _log.warning("rpc.endpoint_failed", host=httpx.URL(url).host, method=method, reason=reason)
        raise RpcUnreachable(f"{method}: {'; '.join(failures)}")
