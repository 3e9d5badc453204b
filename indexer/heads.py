"""New heads as they come, over a websocket where an endpoint offers one; polling goes on beneath.

Nothing is taken from a notification but that there is something to look at: what is applied is asked for and checked as
ever, so a websocket that lies, stalls or breaks costs latency alone. Protocol: eth_subscribe("newHeads").
"""

import asyncio
import contextlib

import aiohttp
import structlog

from indexer.metrics import METRICS

_log = structlog.get_logger(__name__)

_SUBSCRIBE = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
QUIET_SECONDS = 1.0
"""While a websocket tells of heads, so often is looked all the same."""


class Heads:
    """A subscription that is made anew whenever it breaks; use as an async context manager."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._news = asyncio.Event()
        self._is_subscribed = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Heads":
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def wait(self, seconds: float) -> None:
        """Return at the next head, or when it is time to look without being told: after ``seconds`` at most while no
        subscription stands.
        """
        try:
            async with asyncio.timeout(QUIET_SECONDS if self._is_subscribed else seconds):
                await self._news.wait()
        except TimeoutError:
            return
        finally:
            self._news.clear()

    async def _follow(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                async with aiohttp.ClientSession() as session, session.ws_connect(self._url, heartbeat=20) as socket:
                    await socket.send_json(_SUBSCRIBE)
                    async for message in socket:
                        if message.type is aiohttp.WSMsgType.TEXT and '"error"' not in message.data:
                            self._is_subscribed, pause = True, _FIRST_PAUSE_SECONDS
                            METRICS.head_notices.inc()
                            self._news.set()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                _log.info("no heads by websocket, polling", because=str(error) or type(error).__name__, seconds=pause)
            self._is_subscribed = False
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
