"""Nonces and users in `app`."""

import uuid
from datetime import datetime

from sqlalchemy import delete, insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.identity.accounts import Account
from api.tables import login_nonces, users


async def add_nonce(connection: AsyncConnection, *, nonce: str, expires_at: datetime) -> None:
    """Remember a nonce until it is used or too old."""
    await connection.execute(insert(login_nonces).values(nonce=nonce, expires_at=expires_at))


async def take_nonce(connection: AsyncConnection, *, nonce: str, now: datetime) -> bool:
    """Remove a live nonce; false when there is none. Of two that race for it, one gets it."""
    taken = await connection.execute(
        delete(login_nonces)
        .where(login_nonces.c.nonce == nonce, login_nonces.c.expires_at > now)
        .returning(login_nonces.c.nonce)
    )
    return taken.first() is not None


async def delete_old_nonces(connection: AsyncConnection, *, now: datetime) -> int:
    """Remove the nonces that nobody used in time; return how many."""
    removed = await connection.execute(delete(login_nonces).where(login_nonces.c.expires_at <= now))
    return removed.rowcount


async def note_login(connection: AsyncConnection, account: Account, *, now: datetime) -> None:
    """Create the user of an account, or note its latest login."""
    statement = upsert(users).values(
        id=uuid.uuid4(), chain_id=account.chain_id, address=account.address, created_at=now, last_login_at=now
    )
    await connection.execute(
        statement.on_conflict_do_update(
            constraint="users_chain_id_address_key", set_={"last_login_at": statement.excluded.last_login_at}
        )
    )
