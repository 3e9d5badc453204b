"""Sessions: budgets of agents, what lies in the vault for them, and what they bought."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.projections.licenses import licenses
from indexer.projections.times import moment
from indexer.tables import Row, announce
from stemma.catalog.words import SESSION_ENDED, SESSION_STARTED
from stemma.works import WORK_ID_BYTES

projections = Projections()
vault_balances = projections.state("vault_balances", sums=("deposited", "withdrawn"))
sessions = projections.state("sessions", made_by="first")
session_purchases = projections.facts("session_purchases")


class Deposited(NamedTuple):
    """SessionVault: money for an owner's sessions."""

    owner: bytes
    token: bytes
    payer: bytes
    amount: int
    balance: int


class VaultWithdrawn(NamedTuple):
    """SessionVault: an owner took money back."""

    owner: bytes
    token: bytes
    to: bytes
    amount: int
    balance: int


class SessionOpened(NamedTuple):
    """SessionVault: what an owner allows an agent; a session opens once."""

    session_id: bytes
    owner: bytes
    agent: bytes
    token: bytes
    cap: int
    per_license_cap: int
    per_period_cap: int
    period: int
    kinds: int
    expiry: int
    salt: int


class SessionClosed(NamedTuple):
    """SessionVault: the session is over; it may never have been opened, and then never can be."""

    session_id: bytes
    owner: bytes
    spent: int


class SessionPurchased(NamedTuple):
    """SessionVault: the agent bought a license, granted before in this transaction."""

    session_id: bytes
    license_id: int
    work_id: int
    price: int
    spent: int
    window: int
    window_spent: int
    balance: int


@projections.on("SessionVault", Deposited)
def deposited(events: Events[Deposited]) -> Iterator[Row]:
    """What came in for the owner."""
    for at, event in events:
        yield vault_balances.row(at, owner=event.owner, token=event.token, deposited=event.amount)


@projections.on("SessionVault", VaultWithdrawn)
def vault_withdrawn(events: Events[VaultWithdrawn]) -> Iterator[Row]:
    """What the owner took back."""
    for at, event in events:
        yield vault_balances.row(at, owner=event.owner, token=event.token, withdrawn=event.amount)


@projections.on("SessionVault", SessionOpened)
def session_opened(events: Events[SessionOpened]) -> Iterator[Row]:
    """The session's row."""
    for at, event in events:
        yield sessions.row(
            at,
            session_id=event.session_id,
            owner=event.owner,
            agent=event.agent,
            token=event.token,
            cap=event.cap,
            per_license_cap=event.per_license_cap,
            per_period_cap=event.per_period_cap,
            period=event.period,
            kinds=event.kinds,
            expires_at=moment(event.expiry),
            salt=event.salt.to_bytes(32, "big"),
            spent=0,
            period_window=0,
            window_spent=0,
            closed=False,
            opened_at=at.block_time,
        )
        yield announce(
            at,
            SESSION_STARTED,
            sessionId="0x" + event.session_id.hex(),
            owner="0x" + event.owner.hex(),
            agent="0x" + event.agent.hex(),
            token="0x" + event.token.hex(),
            cap=str(event.cap),
            expiry=str(event.expiry),
        )


@projections.on("SessionVault", SessionClosed)
def session_closed(events: Events[SessionClosed]) -> Iterator[Row]:
    """The session's row, closed."""
    for at, event in events:
        yield sessions.row(at, session_id=event.session_id, owner=event.owner, spent=event.spent, closed=True)
        yield announce(
            at,
            SESSION_ENDED,
            sessionId="0x" + event.session_id.hex(),
            owner="0x" + event.owner.hex(),
            spent=str(event.spent),
        )


@projections.on("SessionVault", SessionPurchased)
def session_purchased(events: Events[SessionPurchased]) -> Iterator[Row]:
    """The purchase's row, what the session has spent, and the session in the license's row."""
    for at, event in events:
        license_id = event.license_id.to_bytes(32, "big")
        yield session_purchases.row(
            at,
            license_id=license_id,
            session_id=event.session_id,
            work_id=event.work_id.to_bytes(WORK_ID_BYTES, "big"),
            price=event.price,
            spent=event.spent,
            purchased_at=at.block_time,
        )
        yield sessions.row(
            at,
            session_id=event.session_id,
            spent=event.spent,
            period_window=event.window,
            window_spent=event.window_spent,
        )
        yield licenses.row(at, license_id=license_id, session_id=event.session_id)


_BALANCES = """
select owner, token, deposited - withdrawn - coalesce(
    (select sum(spent) from sessions s where s.owner = b.owner and s.token = b.token), 0
) as balance from vault_balances b
"""


@projections.stored("SessionVault", "balanceOf", _BALANCES)
def balance_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """What lies in the vault for the owner, as the contract says."""
    return [row["owner"], row["token"]], int(row["balance"])


@projections.stored("SessionVault", "stateOf", "select * from sessions")
def session_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The session's state, as the contract says: a struct."""
    is_open = row["opened_at"] is not None and not row["closed"]
    window = (row["period_window"] or 0, int(row["window_spent"] or 0))
    return [row["session_id"]], ((is_open, row["closed"], int(row["spent"]), *window),)
