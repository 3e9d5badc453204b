"""From rows of the views to bodies."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from eth_hash.auto import keccak
from sqlalchemy import Row

from api.catalog import repository
from api.catalog.repository import StemRow, StemsRow
from api.catalog.schemas import AsOf, Finality, RecordingDetails
from stemma.cid import DAG_PB, texts
from stemma.works import Kind

Cids = Mapping[tuple[int, str], str]
"""(codec, digest as hex) -> text."""

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


def recordings(rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Return the recordings of rows as `RecordingView` describes them, ready to be encoded.

    Making and checking the models of a page takes several times as long as reading it; a test holds the two together.
    """
    found = [(row, repository.stems_of(row)) for row in rows]
    named = [name for row, stems in found for name in _named(row, stems)]
    cids = dict(zip(named, texts(named), strict=True))
    return [_recording(row, stems, cids) for row, stems in found]


def _named(row: Row[Any], stems: StemsRow | None) -> Iterator[tuple[int, str]]:
    """Codec and digest of each CID that a recording shows."""
    if row.stems_root is not None:
        yield row.manifest_codec, row.manifest_digest.hex()
        yield DAG_PB, row.metadata_digest.hex()
    if stems is not None:
        for stem in stems.stems:
            yield stem.cid_codec, stem.cid_digest


def _recording(row: Row[Any], stems: StemsRow | None, cids: Cids) -> dict[str, Any]:
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
        "separation": None if row.stems_root is None else _separation(row, cids),
        "stems": msgspec.Raw(_stems(row, stems, work_id, cids).encode()),
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
    view = msgspec.json.decode(msgspec.json.encode(recordings([row])[0]))
    return RecordingDetails.model_validate({**view, "asOf": as_of(row), "split": split, **documents})


def _separation(row: Row[Any], cids: Cids) -> dict[str, Any]:
    return {
        "version": row.version,
        "stemsRoot": hexed(row.stems_root),
        "model": hexed(row.model),
        "weightsHash": hexed(row.weights_hash),
        "attestor": None if row.attestor is None else address(row.attestor),
        "manifestCid": cids[row.manifest_codec, row.manifest_digest.hex()],
        "metadataCid": cids[DAG_PB, row.metadata_digest.hex()],
    }


def _stems(row: Row[Any], found: StemsRow | None, recording_id: str, cids: Cids) -> str:
    """The stems of a recording as JSON: a page has three hundred of them, and nothing in them needs to be escaped."""
    if found is None:
        return "[]"
    shared = (
        f'"tx":"0x{found.tx_hash}","block":{found.block_number},"blockHash":"0x{found.block_hash}",'
        f'"finality":"{finality(found.block_number, row)}","recordingId":"{recording_id}","version":{found.version},'
        f'"committedAt":"{found.committed_at:%Y-%m-%dT%H:%M:%SZ}"'
    )
    return f"[{','.join([_stem(stem, recording_id, shared, cids) for stem in found.stems])}]"


def _stem(stem: StemRow, recording_id: str, shared: str, cids: Cids) -> str:
    work_id = f"{recording_id[:-1]}{stem.kind}"
    title_holder = "null" if stem.title_holder is None else f'"{_checksummed(stem.title_holder)}"'
    return (
        f'{{{shared},"logIndex":{stem.log_index},"workId":"{work_id}","kind":"{_LABELS[stem.kind]}",'
        f'"sha256":"0x{stem.sha256}","cid":"{cids[stem.cid_codec, stem.cid_digest]}",'
        f'"rightsHolder":"{_checksummed(stem.rights_holder)}","titleHolder":{title_holder},'
        f'"links":{{"self":"/catalog/{work_id}","preview":"/catalog/{work_id}/preview",'
        f'"audio":"/catalog/{work_id}/audio","metadata":"/metadata/{work_id}.json"}}}}'
    )


def hexed(raw: bytes) -> str:
    """Return bytes as `0x` and hex digits."""
    return "0x" + raw.hex()


def address(raw: bytes) -> str:
    """Return the EIP-55 form of an address."""
    return _checksummed(raw.hex())


@lru_cache(maxsize=1 << 16)
def _checksummed(digits: str) -> str:
    """EIP-55; eth_utils takes three times as long, and a page has a hundred addresses."""
    case = keccak(digits.encode()).hex()
    return "0x" + "".join([digit.upper() if high >= "8" else digit for digit, high in zip(digits, case, strict=False)])
