"""From rows of the views to bodies."""

from functools import lru_cache
from typing import Any

from eth_hash.auto import keccak
from sqlalchemy import Row

from api.catalog import repository
from api.catalog.repository import StemRow
from api.catalog.schemas import AsOf, Finality, RecordingDetails
from stemma.cid import DAG_PB, Cid
from stemma.works import Kind

_LABELS = [kind.label for kind in Kind]


def as_of(row: Row[Any]) -> AsOf:
    """Return how far the catalog was when a row was read."""
    return AsOf(
        chain_id=row.head_chain_id,
        block=row.head_block_number,
        hash=None if row.head_block_hash is None else hexed(row.head_block_hash),
        time=row.head_block_time,
        finality=finality(row.head_block_number, row),
    )


def as_of_header(as_of: AsOf) -> str:
    """Return the header `Stemma-As-Of`, a structured-field dictionary (RFC 9651)."""
    known_hash = "" if as_of.hash is None else f', hash="{as_of.hash}"'
    return f"chain-id={as_of.chain_id}, block={as_of.block}{known_hash}, finality={as_of.finality.value}"


def finality(block_number: int, row: Row[Any]) -> Finality:
    """Return how sure a block is by the heads that came with a row."""
    if row.head_finalized_block is not None and block_number <= row.head_finalized_block:
        return Finality.FINALIZED
    if row.head_safe_block is not None and block_number <= row.head_safe_block:
        return Finality.SAFE
    return Finality.LATEST


def recording(row: Row[Any]) -> dict[str, Any]:
    """Return the recording of a row as `RecordingView` describes it, ready to be encoded.

    Making and checking the models of a page takes several times as long as reading it; a test holds the two together.
    """
    work_id = hexed(row.recording_id)
    return {
        "tx": hexed(row.tx_hash),
        "block": row.block_number,
        "blockHash": hexed(row.block_hash),
        "logIndex": row.log_index,
        "finality": finality(row.block_number, row),
        "workId": work_id,
        "kind": "recording",
        "metadata": row.metadata_state,
        "title": row.title,
        "artist": row.artist,
        "tags": row.tags or [],
        "releasePolicy": row.release_policy,
        "durationMs": row.duration_ms,
        "modelVersion": row.model_version,
        "contentHash": hexed(row.content_hash),
        "creator": address(row.creator),
        "rightsHolder": address(row.rights_holder),
        "titleHolder": None if row.title_holder is None else address(row.title_holder),
        "resaleRoyaltyPpm": row.resale_royalty_ppm,
        "registeredAt": row.registered_at,
        "separation": None if row.stems_root is None else _separation(row),
        "stems": [_stem(stem, work_id, row) for stem in repository.stems_of(row)],
        "links": {
            "self": f"/catalog/{work_id}",
            "preview": f"/catalog/{work_id}/preview",
            "metadata": f"/metadata/{work_id}.json",
        },
    }


def recording_details(row: Row[Any]) -> RecordingDetails:
    """Return the recording of a row that has its documents and its split, too."""
    split = [
        {"slot": slot["slot"], "account": address(bytes.fromhex(slot["account"])), "ppm": slot["ppm"]}
        for slot in row.slots or ()
    ]
    documents = {"credits": row.credits, "manifest": row.manifest}
    return RecordingDetails.model_validate({**recording(row), "asOf": as_of(row), "split": split, **documents})


def _separation(row: Row[Any]) -> dict[str, Any]:
    return {
        "version": row.version,
        "stemsRoot": hexed(row.stems_root),
        "model": hexed(row.model),
        "weightsHash": hexed(row.weights_hash),
        "attestor": None if row.attestor is None else address(row.attestor),
        "manifestCid": str(Cid(row.manifest_codec, row.manifest_digest)),
        "metadataCid": str(Cid(DAG_PB, row.metadata_digest)),
    }


def _stem(stem: StemRow, recording_id: str, row: Row[Any]) -> dict[str, Any]:
    work_id = f"0x{stem.stem_id}"
    own = f"/catalog/{work_id}"
    return {
        "tx": f"0x{stem.tx_hash}",
        "block": stem.block_number,
        "blockHash": f"0x{stem.block_hash}",
        "logIndex": stem.log_index,
        "finality": finality(stem.block_number, row),
        "workId": work_id,
        "recordingId": recording_id,
        "kind": _LABELS[stem.kind],
        "version": stem.version,
        "sha256": f"0x{stem.sha256}",
        "cid": str(Cid(stem.cid_codec, bytes.fromhex(stem.cid_digest))),
        "rightsHolder": address(bytes.fromhex(stem.rights_holder)),
        "titleHolder": None if stem.title_holder is None else address(bytes.fromhex(stem.title_holder)),
        "committedAt": stem.committed_at,
        "links": {
            "self": own,
            "preview": f"{own}/preview",
            "audio": f"{own}/audio",
            "metadata": f"/metadata/{work_id}.json",
        },
    }


def hexed(raw: bytes) -> str:
    """Return bytes as `0x` and hex digits."""
    return "0x" + bytes(raw).hex()


def address(raw: bytes) -> str:
    """Return the EIP-55 form of an address."""
    return _checksummed(bytes(raw))


@lru_cache(maxsize=1 << 16)
def _checksummed(raw: bytes) -> str:
    """EIP-55; eth_utils takes three times as long, and a page has a hundred addresses."""
    digits = raw.hex()
    case = keccak(digits.encode()).hex()
    return "0x" + "".join([digit.upper() if high >= "8" else digit for digit, high in zip(digits, case, strict=False)])
