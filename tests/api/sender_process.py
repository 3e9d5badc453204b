"""A sender in a process of its own that dies by SIGKILL at a chosen moment. Run by the tests as a script."""

import asyncio
import os
import signal
import sys
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.transactions.schemas import Outcome
from api.transactions.sender import Sender
from stemma.chain.rpc import JsonRpc
from stemma.database.engine import create_engine


class DyingRpc(JsonRpc):
    """Kills its own process before or after the node takes a raw transaction."""

    def __init__(self, url: str, moment: str) -> None:
        super().__init__(url)
        self._moment = moment

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_sendRawTransaction" and self._moment == "before-send":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = await super().call(method, *params)
        if method == "eth_sendRawTransaction" and self._moment == "after-send":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


async def main(database_url: str, rpc_url: str, key: str, moment: str) -> None:
    async def listener(_connection: AsyncConnection, _job: UUID, _outcome: Outcome) -> None:
        if moment == "before-note":
            os.kill(os.getpid(), signal.SIGKILL)

    engine = create_engine(database_url, application_name="dying-sender")
    async with DyingRpc(rpc_url, moment) as rpc:
        sender = Sender(engine, rpc, private_key=key, chain_id=31337, listener=listener)
        for _ in range(20):
            await sender.turn()
            await asyncio.sleep(0.05)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
