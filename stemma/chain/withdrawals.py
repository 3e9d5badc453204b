"""The splitter's message, equal to RoyaltySplitter.withdrawalDigest: a slot's owner lets anybody withdraw for it."""

from collections.abc import Iterable
from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from stemma.chain.intents import EIP712_DOMAIN_TYPE, TypedData, eip712_domain, typed_data_digest
from stemma.works import Kind, WorkId

#: The slot of whoever holds the rights; the collaborators' are 0 to 15.
TITLE_SLOT = 255

_WITHDRAWAL_TYPE = [
    {"name": "account", "type": "address"},
    {"name": "recordingId", "type": "uint224"},
    {"name": "works", "type": "uint8"},
    {"name": "token", "type": "address"},
    {"name": "slot", "type": "uint8"},
    {"name": "to", "type": "address"},
    {"name": "nonce", "type": "uint256"},
    {"name": "deadline", "type": "uint64"},
]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An order to withdraw all that one slot may draw.

    ``account`` owns the slot and signs; ``works`` are bits, see ``works_mask``; ``slot`` is 0..15 or ``TITLE_SLOT``;
    ``nonce`` is any number that the account has not used; ``deadline`` is the last Unix second.
    """

    account: str
    recording: WorkId
    works: int
    token: str
    slot: int
    to: str
    nonce: int
    deadline: int


def works_mask(kinds: Iterable[Kind]) -> int:
    """A recording's works as bits: bit 0 is the recording itself, bits 1 to 6 its stems."""
    mask = 0
    for kind in kinds:
        mask |= 1 << kind
    return mask


def withdrawal_typed_data(withdrawal: Withdrawal, *, chain_id: int, splitter: str) -> TypedData:
    """The typed data that the slot's owner signs; ``splitter`` is RoyaltySplitter's address.

    Raises:
        ValueError: an address is none.
    """
    return {
        "types": {"EIP712Domain": EIP712_DOMAIN_TYPE, "Withdrawal": _WITHDRAWAL_TYPE},
        "primaryType": "Withdrawal",
        "domain": eip712_domain("RoyaltySplitter", chain_id, splitter),
        "message": {
            "account": to_checksum_address(withdrawal.account),
            "recordingId": str(withdrawal.recording),
            "works": withdrawal.works,
            "token": to_checksum_address(withdrawal.token),
            "slot": withdrawal.slot,
            "to": to_checksum_address(withdrawal.to),
            "nonce": str(withdrawal.nonce),
            "deadline": withdrawal.deadline,
        },
    }


def withdrawal_digest(withdrawal: Withdrawal, *, chain_id: int, splitter: str) -> bytes:
    """The 32 bytes that the slot's owner signs."""
    return typed_data_digest(withdrawal_typed_data(withdrawal, chain_id=chain_id, splitter=splitter))
