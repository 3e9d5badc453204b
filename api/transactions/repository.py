"""Transactions and their signed attempts in `app`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, func, nulls_last, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.notifications import TRANSACTIONS_CHANNEL
from api.tables import transaction_attempts as attempts
from api.tables import transactions
from api.transactions.schemas import Attempt, Fees, Order, Place, Refused, Transaction, TxStage

_LOCK_SPACE = 0x74_78
"""First key of the advisory locks on nonce sequences; the second is the start of the key's address."""


async def add(connection: AsyncConnection, order: Order) -> bool:
    """Insert a job's transaction and wake the sender; false when the job has one already."""
    values = {name: getattr(order, name) for name in Order.__dataclass_fields__}
    inserted = await connection.execute(
        upsert(transactions)
        .values(id=uuid4(), **values, stage=TxStage.PENDING.value)
        .on_conflict_do_nothing(index_elements=[transactions.c.job_id])
        .returning(transactions.c.id)
    )
    await connection.execute(select(func.pg_notify(TRANSACTIONS_CHANNEL, "")))
    return inserted.first() is not None


async def of_job(connection: AsyncConnection, job_id: UUID) -> Transaction | None:
    """Return a job's transaction."""
    row = (await connection.execute(select(transactions).where(transactions.c.job_id == job_id))).first()
    return _transaction(row) if row else None


async def open_ones(connection: AsyncConnection, chain_id: int) -> Sequence[Transaction]:
    """Return what is neither final nor failed, by nonce, the unsigned ones last and oldest first."""
    rows = await connection.execute(
        select(transactions)
        .where(
            transactions.c.chain_id == chain_id,
            transactions.c.stage.not_in([TxStage.FINAL.value, TxStage.FAILED.value]),
        )
        .order_by(nulls_last(transactions.c.nonce), transactions.c.created_at, transactions.c.id)
    )
    return [_transaction(row) for row in rows]


async def lock(connection: AsyncConnection, transaction_id: UUID) -> Transaction:
    """Return a transaction whose row is the caller's until its database transaction ends."""
    row = await connection.execute(select(transactions).where(transactions.c.id == transaction_id).with_for_update())
    return _transaction(row.one())


async def lock_nonces(connection: AsyncConnection, key_address: bytes) -> None:
    """Let only one database transaction at a time take a nonce of a key."""
    key = int.from_bytes(key_address[:4], "big", signed=True)
    await connection.execute(text("select pg_advisory_xact_lock(:space, :key)"), {"space": _LOCK_SPACE, "key": key})


async def next_nonce(connection: AsyncConnection, *, chain_id: int, key_address: bytes) -> int:
    """Return the nonce after the highest one we ever gave out for a key."""
    highest = await connection.execute(
        select(func.max(transactions.c.nonce)).where(
            transactions.c.chain_id == chain_id, transactions.c.key_address == key_address
        )
    )
    value = highest.scalar_one()
    return 0 if value is None else int(value) + 1


async def save_signed(
    connection: AsyncConnection, transaction_id: UUID, *, key_address: bytes, nonce: int, gas: int
) -> None:
    """Give a transaction its key, nonce and gas limit."""
    await connection.execute(
        update(transactions)
        .where(transactions.c.id == transaction_id)
        .values(stage=TxStage.SIGNED.value, key_address=key_address, nonce=nonce, gas=gas, updated_at=func.now())
    )


async def add_attempt(
    connection: AsyncConnection, transaction_id: UUID, *, tx_hash: bytes, raw: bytes, fees: Fees
) -> None:
    """Keep a signed form; the same one twice is one."""
    await connection.execute(
        upsert(attempts)
        .values(
            tx_hash=tx_hash,
            transaction_id=transaction_id,
            raw=raw,
            max_fee_per_gas=fees.max_fee,
            max_priority_fee_per_gas=fees.priority,
        )
        .on_conflict_do_nothing()
    )


async def attempts_of(connection: AsyncConnection, transaction_id: UUID) -> Sequence[Attempt]:
    """Return the signed forms of a transaction, newest first."""
    rows = await connection.execute(
        select(attempts)
        .where(attempts.c.transaction_id == transaction_id)
        .order_by(attempts.c.signed_at.desc(), attempts.c.max_fee_per_gas.desc())
    )
    return [
        Attempt(
            tx_hash=row.tx_hash,
            raw=row.raw,
            fees=Fees(max_fee=int(row.max_fee_per_gas), priority=int(row.max_priority_fee_per_gas)),
        )
        for row in rows
    ]


async def note_broadcast(connection: AsyncConnection, tx_hash: bytes, *, error: str | None) -> None:
    """Note that a signed form was handed to the node, and what the node said if it refused."""
    await connection.execute(
        update(attempts)
        .where(attempts.c.tx_hash == tx_hash)
        .values(broadcast_at=func.now(), broadcasts=attempts.c.broadcasts + 1, last_error=error)
    )


async def save_place(connection: AsyncConnection, transaction_id: UUID, place: Place, refused: Refused | None) -> None:
    """Note that a transaction is in a block, and why it did nothing there if it reverted."""
    await connection.execute(
        update(transactions)
        .where(transactions.c.id == transaction_id)
        .values(
            stage=(TxStage.REVERTED if refused else TxStage.MINED).value,
            tx_hash=place.tx_hash,
            block_number=place.block_number,
            block_hash=place.block_hash,
            error_code=refused.code if refused else None,
            error_detail=refused.detail if refused else None,
            updated_at=func.now(),
        )
    )


async def clear_place(connection: AsyncConnection, transaction_id: UUID, *, stage: TxStage) -> None:
    """Note that a transaction is in no block any more."""
    await connection.execute(
        update(transactions)
        .where(transactions.c.id == transaction_id)
        .values(
            stage=stage.value,
            tx_hash=None,
            block_number=None,
            block_hash=None,
            error_code=None,
            error_detail=None,
            updated_at=func.now(),
        )
    )


async def release_nonce(connection: AsyncConnection, transaction_id: UUID) -> None:
    """Make a transaction unsigned again, because its nonce was used up, finally, by something else."""
    await connection.execute(
        update(transactions)
        .where(transactions.c.id == transaction_id)
        .values(stage=TxStage.PENDING.value, key_address=None, nonce=None, gas=None, updated_at=func.now())
    )


async def save_stage(connection: AsyncConnection, transaction_id: UUID, stage: TxStage) -> None:
    """Note that no reorg can take a transaction away any more: it is final, or failed for good."""
    await connection.execute(
        update(transactions).where(transactions.c.id == transaction_id).values(stage=stage.value, updated_at=func.now())
    )


async def save_refused(connection: AsyncConnection, transaction_id: UUID, refused: Refused) -> None:
    """Note that a transaction can never succeed."""
    await connection.execute(
        update(transactions)
        .where(transactions.c.id == transaction_id)
        .values(
            stage=TxStage.FAILED.value,
            error_code=refused.code,
            error_detail=refused.detail,
            updated_at=func.now(),
        )
    )


def _transaction(row: Row[Any]) -> Transaction:
    columns = row._mapping
    place = (
        Place(tx_hash=row.tx_hash, block_number=row.block_number, block_hash=row.block_hash)
        if row.block_hash is not None
        else None
    )
    plain = {
        name: columns[name] for name in Transaction.__dataclass_fields__ if name not in ("stage", "place", "refused")
    }
    refused = Refused(row.error_code, row.error_detail) if row.error_code is not None else None
    return Transaction(**plain, stage=TxStage(row.stage), place=place, refused=refused)
