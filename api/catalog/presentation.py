"""From rows of the views to bodies."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address
from sqlalchemy import Row

from api.catalog.schemas import (
    AsOf,
    Finality,
    RecordingDetails,
    RecordingLinks,
    RecordingView,
    SeparationView,
    SlotView,
    StemKind,
    StemLinks,
    StemView,
)
from stemma.cid import DAG_PB, Cid
from stemma.works import Kind


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


def recording(row: Row[Any]) -> RecordingView:
    """Return the recording of a row."""
    return RecordingView(**_members(row))


def recording_details(row: Row[Any]) -> RecordingDetails:
    """Return the recording of a row that has its documents and its split, too."""
    split = [
        SlotView(slot=slot["slot"], account=address(bytes.fromhex(slot["account"])), ppm=slot["ppm"])
        for slot in row.slots or ()
    ]
    return RecordingDetails(**_members(row), as_of=as_of(row), split=split, credits=row.credits, manifest=row.manifest)


def _members(row: Row[Any]) -> dict[str, Any]:
    work_id = hexed(row.recording_id)
    return {
        "work_id": work_id,
        "metadata": row.metadata_state,
        "title": row.title,
        "artist": row.artist,
        "tags": list(row.tags or ()),
        "release_policy": row.release_policy,
        "duration_ms": row.duration_ms,
        "model_version": row.model_version,
        "content_hash": hexed(row.content_hash),
        "creator": address(row.creator),
        "rights_holder": address(row.rights_holder),
        "title_holder": address(row.title_holder) if row.title_holder is not None else None,
        "resale_royalty_ppm": row.resale_royalty_ppm,
        "registered_at": row.registered_at,
        "separation": _separation(row) if row.stems_root is not None else None,
        "stems": [_stem(stem, row) for stem in row.stems or ()],
        "links": RecordingLinks(
            self_=f"/catalog/{work_id}",
            preview=f"/catalog/{work_id}/preview",
            metadata=f"/metadata/{work_id}.json",
        ),
        "tx": hexed(row.tx_hash),
        "block": row.block_number,
        "block_hash": hexed(row.block_hash),
        "log_index": row.log_index,
        "finality": finality(row.block_number, row),
    }


def _separation(row: Row[Any]) -> SeparationView:
    return SeparationView(
        version=row.version,
        stems_root=hexed(row.stems_root),
        model=hexed(row.model),
        weights_hash=hexed(row.weights_hash),
        attestor=None if row.attestor is None else address(row.attestor),
        manifest_cid=str(Cid(row.manifest_codec, row.manifest_digest)),
        metadata_cid=str(Cid(DAG_PB, row.metadata_digest)),
    )


def _stem(stem: Mapping[str, Any], row: Row[Any]) -> StemView:
    work_id = "0x" + stem["stem_id"]
    own = f"/catalog/{work_id}"
    title_holder = stem["title_holder"]
    return StemView(
        work_id=work_id,
        recording_id="0x" + stem["recording_id"],
        kind=StemKind(Kind(stem["kind"]).label),
        version=stem["version"],
        sha256="0x" + stem["sha256"],
        cid=str(Cid(stem["cid_codec"], bytes.fromhex(stem["cid_digest"]))),
        rights_holder=address(bytes.fromhex(stem["rights_holder"])),
        title_holder=address(bytes.fromhex(title_holder)) if title_holder is not None else None,
        committed_at=datetime.fromisoformat(stem["committed_at"]),
        links=StemLinks(
            self_=own, preview=f"{own}/preview", audio=f"{own}/audio", metadata=f"/metadata/{work_id}.json"
        ),
        tx="0x" + stem["tx_hash"],
        block=stem["block_number"],
        block_hash="0x" + stem["block_hash"],
        log_index=stem["log_index"],
        finality=finality(stem["block_number"], row),
    )


def hexed(raw: bytes) -> str:
    """Return bytes as `0x` and hex digits."""
    return "0x" + bytes(raw).hex()


def address(raw: bytes) -> str:
    """Return the EIP-55 form of an address."""
    return _checksummed(bytes(raw))


@lru_cache(maxsize=1 << 16)
def _checksummed(raw: bytes) -> str:
    return str(to_checksum_address(raw))
