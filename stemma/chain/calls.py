"""Calldata of the registry's transactions, and the meaning of the contracts' reverts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from stemma.chain.abi import CONTRACTS, load_abi
from stemma.chain.intents import Registration, Separation, Stem
from stemma.chain.royalties import RoyaltyTable

_REGISTRATION = "(address,bytes32,bytes32,uint8,uint32,(address,uint32)[],(uint224,uint256)[],uint64)"
_STEMS = "(bytes32,bytes32,uint8)[6]"
_SEPARATION = "(uint32,bytes32,bytes32,bytes32,bytes32,uint8,bytes32)"
_REGISTER_AND_COMMIT = (_REGISTRATION, "bytes", "uint256[][]", _STEMS, _SEPARATION, "uint64", "bytes")
REGISTER_AND_COMMIT_SELECTOR = keccak(f"registerAndCommit({','.join(_REGISTER_AND_COMMIT)})".encode())[:4]


@dataclass(frozen=True, slots=True)
class Revert:
    """A contract's custom error, such as ``RecordingExists`` with ``{"recordingId": 256}``."""

    name: str
    arguments: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={_readable(value)}' for name, value in self.arguments.items())})"


def register_and_commit(
    *,
    registration: Registration,
    creator_signature: bytes,
    stems: Sequence[Stem],
    separation: Separation,
    attestation_deadline: int,
    attestor_signature: bytes,
    tables: Sequence[RoyaltyTable] = (),
) -> bytes:
    """Calldata of StemRegistry.registerAndCommit.

    ``stems`` are six, in the order of their kinds; ``tables`` those of the parents' distinct recordings, in the order
    of ``royalties.parents_recordings``.

    Raises:
        eth_abi.exceptions.EncodingError: a value does not fit its Solidity type, or there are not six stems.
    """
    return REGISTER_AND_COMMIT_SELECTOR + encode(
        _REGISTER_AND_COMMIT,
        (
            (
                registration.creator,
                registration.content_hash,
                registration.credits_digest,
                registration.credits_codec,
                registration.resale_royalty_ppm,
                [(share.account, share.ppm) for share in registration.split],
                [(parent.work, parent.license) for parent in registration.parents],
                registration.deadline,
            ),
            creator_signature,
            [table.words for table in tables],
            [(stem.sha256_digest, stem.cid_digest, stem.cid_codec) for stem in stems],
            (
                separation.version,
                separation.stems_root,
                separation.model,
                separation.weights_hash,
                separation.manifest_digest,
                separation.manifest_codec,
                separation.metadata_digest,
            ),
            attestation_deadline,
            attestor_signature,
        ),
    )


def decode_revert(data: bytes) -> Revert | None:
    """The custom error that revert data stands for; None when it is none of our contracts' (or malformed)."""
    entry = _errors().get(data[:4])
    if entry is None:
        return None
    try:
        values = decode([argument["type"] for argument in entry["inputs"]], data[4:])
    except DecodingError:
        return None
    return Revert(entry["name"], dict(zip((argument["name"] for argument in entry["inputs"]), values, strict=True)))


def _readable(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class ErrorType:
    """A custom error that one or several of the contracts revert with; ``selector`` is the first four bytes."""

    name: str
    signature: str
    selector: bytes
    contracts: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    """(name, type) each."""


@cache
def error_types() -> tuple[ErrorType, ...]:
    """Every custom error of the contracts, by name."""
    found: dict[bytes, ErrorType] = {}
    for contract in CONTRACTS:
        for entry in load_abi(contract):
            if entry["type"] != "error":
                continue
            known = found.get(_selector(entry))
            parameters = tuple((each["name"], each["type"]) for each in entry["inputs"])
            found[_selector(entry)] = ErrorType(
                name=entry["name"],
                signature=f"{entry['name']}({','.join(kind for _, kind in parameters)})",
                selector=_selector(entry),
                contracts=(*(known.contracts if known else ()), contract),
                parameters=parameters,
            )
    return tuple(sorted(found.values(), key=lambda each: (each.name, each.signature)))


@cache
def _errors() -> dict[bytes, dict[str, Any]]:
    return {_selector(entry): entry for entry in _error_entries()}


def _error_entries() -> Iterator[dict[str, Any]]:
    for contract in CONTRACTS:
        yield from (entry for entry in load_abi(contract) if entry["type"] == "error")


def _selector(entry: dict[str, Any]) -> bytes:
    return keccak(f"{entry['name']}({','.join(argument['type'] for argument in entry['inputs'])})".encode())[:4]
