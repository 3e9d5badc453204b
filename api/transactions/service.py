"""What other services may ask of the sender."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.transactions import repository
from api.transactions.schemas import Order, Place


async def submit(connection: AsyncConnection, order: Order) -> bool:
    """Order a job's transaction; false, and nothing changes, when the job has one already."""
    return await repository.add(connection, order)


async def mined(connection: AsyncConnection, job_id: UUID) -> Place | None:
    """Return where a job's transaction stands on chain, or None while it stands nowhere."""
    transaction = await repository.of_job(connection, job_id)
    return transaction.place if transaction else None
