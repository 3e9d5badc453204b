"""What tests of the sender ask and wait for."""

from __future__ import annotations

import asyncio
from uuid import UUID

from eth_account import Account
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.transactions import chain
from api.transactions.schemas import Order, Outcome, Refused
from api.transactions.sender import Sender
from stemma.chain.rpc import JsonRpc
from tests.api.people import RELAYER_KEY

RELAYER = Account.from_key(RELAYER_KEY)


class Ear:
    """Hears the outcomes."""

    def __init__(self) -> None:
        self.heard: list[tuple[UUID, Outcome]] = []

    async def __call__(self, _connection: AsyncConnection, job_id: UUID, outcome: Outcome) -> None:
        self.heard.append((job_id, outcome))

    def of(self, order: Order) -> list[type[object]]:
        return [type(outcome) for job_id, outcome in self.heard if job_id == order.job_id]

    def refusal(self, order: Order) -> Refused:
        [refused] = [o for job_id, o in self.heard if job_id == order.job_id and isinstance(o, Refused)]
        return refused


async def rows_of(engine: AsyncEngine) -> list[dict[str, object]]:
    async with engine.connect() as connection:
        rows = await connection.execute(text("select * from app.transactions order by nonce nulls last"))
        return [dict(row._mapping) for row in rows]


async def settle(engine: AsyncEngine, sender: Sender) -> None:
    """Take turns until nothing is unsigned or unmined."""
    for _ in range(40):
        await sender.turn()
        if all(row["stage"] not in ("pending", "signed") for row in await rows_of(engine)):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")


async def commits(rpc: JsonRpc, order: Order) -> int:
    """How often the registry registered the order's recording."""
    topics = ["0x" + chain._REGISTERED.hex(), "0x" + order.recording_id.rjust(32, b"\0").hex()]
    logs = await rpc.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "topics": topics})
    return len(logs)


async def sent_by_relayer(rpc: JsonRpc) -> int:
    return await chain.nonce_at(rpc, RELAYER.address, "latest")


async def spend_nonce(rpc: JsonRpc, nonce: int) -> None:
    """Have the relayer's key pay itself, for more than the sender would."""
    foreign = RELAYER.sign_transaction(
        {
            "type": 2,
            "chainId": 31337,
            "nonce": nonce,
            "to": RELAYER.address,
            "value": 0,
            "gas": 21_000,
            "maxFeePerGas": 10**12,
            "maxPriorityFeePerGas": 10**11,
        }
    )
    await rpc.call("eth_sendRawTransaction", foreign.raw_transaction.to_0x_hex())
