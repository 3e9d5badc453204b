"""The ledger of works: money paid in, moved into income, and drawn.

The events tell totals beside amounts; the accounts add the amounts up, which must come to the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row, announce
from stemma.catalog.words import PAYMENT_SETTLED, TITLE_SLOT
from stemma.works import WORK_ID_BYTES, WorkId, recording_of

projections = Projections()
payments = projections.facts("payments")
claims = projections.facts("claims")
settlements = projections.facts("settlements")
withdrawals = projections.facts("withdrawals")
accounts = projections.state("accounts", sums=("received", "own_moved", "income", "title_drawn"))
moved = projections.state("moved")
draws = projections.state("draws")


class Paid(NamedTuple):
    """RoyaltySplitter: money for a work, net of the protocol's fee."""

    work_id: int
    token: bytes
    payer: bytes
    amount: int
    received: int
    payment_reference: bytes


class Claimed(NamedTuple):
    """RoyaltySplitter: an ancestor's share of what a descendant received went into the ancestor's income."""

    descendant: int
    ancestor: int
    token: bytes
    amount: int
    moved: int
    income: int


class Settled(NamedTuple):
    """RoyaltySplitter: a work's own remainder of what it received went into its income."""

    work_id: int
    token: bytes
    amount: int
    own_moved: int
    income: int


class Withdrawn(NamedTuple):
    """RoyaltySplitter: a slot drew all that it might draw of a work's income."""

    work_id: int
    token: bytes
    to: bytes
    slot: int
    amount: int
    drawn: int


@projections.on("RoyaltySplitter", Paid)
def paid(events: Events[Paid]) -> Iterator[Row]:
    """The payment's row, and what the account received."""
    for at, event in events:
        work_id, recording_id = _work(event.work_id)
        yield payments.row(
            at, paid_at=at.block_time, recording_id=recording_id, **event._asdict() | {"work_id": work_id}
        )
        yield accounts.row(at, work_id=work_id, recording_id=recording_id, token=event.token, received=event.amount)
        yield announce(
            at,
            PAYMENT_SETTLED,
            workId="0x" + work_id.hex(),
            token="0x" + event.token.hex(),
            payer="0x" + event.payer.hex(),
            amount=str(event.amount),
            paymentReference="0x" + event.payment_reference.hex(),
        )


@projections.on("RoyaltySplitter", Claimed)
def claimed(events: Events[Claimed]) -> Iterator[Row]:
    """The claim's row, the ancestor's income, and what was moved out of the descendant."""
    for at, event in events:
        descendant_id, _ = _work(event.descendant)
        ancestor_id, recording_id = _work(event.ancestor)
        yield claims.row(
            at,
            descendant_id=descendant_id,
            ancestor_id=ancestor_id,
            token=event.token,
            amount=event.amount,
            moved=event.moved,
            income=event.income,
            claimed_at=at.block_time,
        )
        yield accounts.row(at, work_id=ancestor_id, recording_id=recording_id, token=event.token, income=event.amount)
        yield moved.row(at, descendant_id=descendant_id, ancestor_id=ancestor_id, token=event.token, moved=event.moved)


@projections.on("RoyaltySplitter", Settled)
def settled(events: Events[Settled]) -> Iterator[Row]:
    """The settlement's row, and the account's income."""
    for at, event in events:
        work_id, recording_id = _work(event.work_id)
        yield settlements.row(at, settled_at=at.block_time, **event._asdict() | {"work_id": work_id})
        yield accounts.row(
            at,
            work_id=work_id,
            recording_id=recording_id,
            token=event.token,
            own_moved=event.amount,
            income=event.amount,
        )


@projections.on("RoyaltySplitter", Withdrawn)
def withdrawn(events: Events[Withdrawn]) -> Iterator[Row]:
    """The withdrawal's row, and what the slot has drawn."""
    for at, event in events:
        work_id, recording_id = _work(event.work_id)
        yield withdrawals.row(
            at,
            work_id=work_id,
            token=event.token,
            to_account=event.to,
            slot=event.slot,
            amount=event.amount,
            drawn=event.drawn,
            withdrawn_at=at.block_time,
        )
        yield draws.row(at, work_id=work_id, token=event.token, slot=event.slot, drawn=event.drawn)
        if event.slot == TITLE_SLOT:
            yield accounts.row(
                at, work_id=work_id, recording_id=recording_id, token=event.token, title_drawn=event.amount
            )


def _work(work: int) -> tuple[bytes, bytes]:
    return work.to_bytes(WORK_ID_BYTES, "big"), recording_of(WorkId(work)).to_bytes(WORK_ID_BYTES, "big")


@projections.stored("RoyaltySplitter", "accountOf", "select * from accounts")
def account_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The work's account, as the contract says: a struct."""
    account = tuple(int(row[each]) for each in ("received", "own_moved", "income", "title_drawn"))
    return [int.from_bytes(row["work_id"], "big"), row["token"]], (account,)


@projections.stored("RoyaltySplitter", "movedOf", "select descendant_id, ancestor_id, token, moved from moved")
def moved_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """What was moved out of the descendant, as the contract says."""
    works = [int.from_bytes(row[each], "big") for each in ("descendant_id", "ancestor_id")]
    return [*works, row["token"]], int(row["moved"])


@projections.stored("RoyaltySplitter", "drawnOf", "select work_id, token, slot, drawn from draws")
def drawn_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """What the slot has drawn, as the contract says."""
    return [int.from_bytes(row["work_id"], "big"), row["token"], row["slot"]], int(row["drawn"])
