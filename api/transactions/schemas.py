"""What the sender keeps and what it reports."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class TxStage(StrEnum):
    """Where a transaction is.

    ``mined`` and ``reverted`` both used up the nonce; they are watched until ``final`` and ``failed``, because a reorg
    can take them back to ``signed``, and then the same raw transaction must be sent again or leave a gap.
    """

    PENDING = "pending"
    SIGNED = "signed"
    MINED = "mined"
    REVERTED = "reverted"
    FINAL = "final"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Order:
    """A call of `registerAndCommit` that a job wants mined. Addresses have 20 bytes, hashes 32, the work's id 28."""

    job_id: UUID
    chain_id: int
    recording_id: bytes
    creator: bytes
    stems_root: bytes
    to_address: bytes
    calldata: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction stands on chain."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class Transaction(Order):
    """An order and how far it is. ``place`` is set while the transaction is in a block."""

    id: UUID
    stage: TxStage
    key_address: bytes | None
    nonce: int | None
    gas: int | None
    place: Place | None
    refused: "Refused | None"


@dataclass(frozen=True, slots=True)
class Fees:
    """EIP-1559 fees in wei per gas."""

    max_fee: int
    priority: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One signed form of a transaction: same nonce and call, its own fees."""

    tx_hash: bytes
    raw: bytes
    fees: Fees


@dataclass(frozen=True, slots=True)
class Mined:
    """The job's transaction is in a block."""

    place: Place


@dataclass(frozen=True, slots=True)
class Unmined:
    """A reorg took the job's transaction away; it will be sent again."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The job's transaction can never succeed."""

    code: str
    detail: str


Outcome = Mined | Unmined | Refused
