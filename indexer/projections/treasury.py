"""The splitter's rules and the protocol's own money: accepted tokens, fees, receiving addresses, used nonces."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row
from stemma.works import WORK_ID_BYTES

projections = Projections()
tokens = projections.state("tokens")
fees = projections.state("fees", sums=("credited", "drawn"))
protocol = projections.state("protocol")
receivers = projections.facts("receivers")
withdrawal_nonces = projections.facts("withdrawal_nonces")

_FEE = "fee"


class TokenAccepted(NamedTuple):
    """RoyaltySplitter: payments may come in this token."""

    token: bytes


class TokenStopped(NamedTuple):
    """RoyaltySplitter: no new payments in this token."""

    token: bytes


class FeeCredited(NamedTuple):
    """RoyaltySplitter: the protocol's part of a license's price."""

    token: bytes
    work_id: int
    amount: int
    fees: int


class FeesWithdrawn(NamedTuple):
    """RoyaltySplitter: the protocol drew its fees."""

    token: bytes
    to: bytes
    amount: int
    drawn: int


class FeeRecipientChanged(NamedTuple):
    """RoyaltySplitter: who may draw the fees."""

    recipient: bytes


class FeeChanged(NamedTuple):
    """LicenseManager: what the protocol takes of a license's price."""

    fee_ppm: int


class ReceiverCreated(NamedTuple):
    """RoyaltySplitter: a work's receiving address has code now; told once per work."""

    work_id: int
    receiver: bytes


class NonceUsed(NamedTuple):
    """RoyaltySplitter: a nonce of signed withdrawals is used up, or was cancelled; told once per account and nonce."""

    account: bytes
    nonce: int


@projections.on("RoyaltySplitter", TokenAccepted)
def token_accepted(events: Events[TokenAccepted]) -> Iterator[Row]:
    """The token's row, accepted."""
    for at, event in events:
        yield tokens.row(at, token=event.token, accepted=True)


@projections.on("RoyaltySplitter", TokenStopped)
def token_stopped(events: Events[TokenStopped]) -> Iterator[Row]:
    """The token's row, stopped."""
    for at, event in events:
        yield tokens.row(at, token=event.token, accepted=False)


@projections.on("RoyaltySplitter", FeeCredited)
def fee_credited(events: Events[FeeCredited]) -> Iterator[Row]:
    """The token's fees; which license they came from is in the license's row."""
    for at, event in events:
        yield fees.row(at, token=event.token, credited=event.amount)


@projections.on("RoyaltySplitter", FeesWithdrawn)
def fees_withdrawn(events: Events[FeesWithdrawn]) -> Iterator[Row]:
    """What was drawn of the token's fees."""
    for at, event in events:
        yield fees.row(at, token=event.token, drawn=event.amount)


@projections.on("RoyaltySplitter", FeeRecipientChanged)
def fee_recipient_changed(events: Events[FeeRecipientChanged]) -> Iterator[Row]:
    """The one row of the protocol."""
    for at, event in events:
        yield protocol.row(at, name=_FEE, fee_recipient=event.recipient)


@projections.on("LicenseManager", FeeChanged)
def fee_changed(events: Events[FeeChanged]) -> Iterator[Row]:
    """The one row of the protocol."""
    for at, event in events:
        yield protocol.row(at, name=_FEE, fee_ppm=event.fee_ppm)


@projections.on("RoyaltySplitter", ReceiverCreated)
def receiver_created(events: Events[ReceiverCreated]) -> Iterator[Row]:
    """The receiver's row."""
    for at, event in events:
        yield receivers.row(at, work_id=event.work_id.to_bytes(WORK_ID_BYTES, "big"), receiver=event.receiver)


@projections.on("RoyaltySplitter", NonceUsed)
def nonce_used(events: Events[NonceUsed]) -> Iterator[Row]:
    """The nonce's row."""
    for at, event in events:
        yield withdrawal_nonces.row(
            at, account=event.account, nonce=event.nonce.to_bytes(32, "big"), used_at=at.block_time
        )


@projections.stored("RoyaltySplitter", "isAccepted", "select token, accepted from tokens")
def token_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """Whether payments may come in the token, as the contract says."""
    return [row["token"]], row["accepted"]


@projections.stored("RoyaltySplitter", "feesOf", "select token, credited, drawn from fees")
def fees_in_storage(row: Mapping[str, Any]) -> tuple[Sequence[Any], Any]:
    """The token's fees, as the contract says."""
    return [row["token"]], (int(row["credited"]), int(row["drawn"]))
