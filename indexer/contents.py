"""What the catalog reads out of a document: the checks that make it one, and the rows that it becomes."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import rfc8785
from pydantic import ValidationError

from stemma.chain import merkle
from stemma.chain.intents import Separation, Stem, model_hash
from stemma.cid import DAG_PB, Cid, CidError
from stemma.documents import (
    BATCH_MAX_BYTES,
    DOCUMENT_MAX_BYTES,
    BatchLeaf,
    BatchManifest,
    CreditsDocument,
    Document,
    SeparationManifest,
)
from stemma.works import STEM_KINDS, Kind, WorkId, from_hex, kind_byte, stem_id, to_bytes

_Document = TypeVar("_Document", bound=Document)

MAX_BYTES = {"credits": DOCUMENT_MAX_BYTES, "separation": DOCUMENT_MAX_BYTES, "batch": BATCH_MAX_BYTES}
"""The longest document of each kind."""

_CREDITS = """
insert into content.credits (digest, codec, content_hash, title, artist, release_policy, tags, people, tag_words)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing
"""
_SEPARATION = """
insert into content.separations (
    digest, codec, recording_id, content_hash, model_version, model, weights_hash, duration_ms, bpm, musical_key
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing
"""
_BATCH = "insert into content.batches (digest, codec, root, leaves) values (%s, %s, %s, %s) on conflict do nothing"
_LEAVES = """
insert into content.batch_leaves (
    digest, codec, leaf, recording_id, stems_root, model, weights_hash, manifest_digest, manifest_codec, metadata_digest
)
select %s, %s, * from unnest(
    %s::integer[], %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[], %s::smallint[], %s::bytea[]
) on conflict do nothing
"""
_STEMS = """
insert into content.batch_stems (digest, codec, leaf, kind, stem_id, sha256, cid_digest, cid_codec)
select %s, %s, * from unnest(
    %s::integer[], %s::smallint[], %s::bytea[], %s::bytea[], %s::bytea[], %s::smallint[]
) on conflict do nothing
"""
_WANT_MANIFESTS = """
insert into content.documents (kind, digest, codec)
select 'separation', * from unnest(%s::bytea[], %s::smallint[]) on conflict do nothing
"""


class InvalidDocument(Exception):
    """The document can never become good; the message says why."""


class Statement(NamedTuple):
    """Something to be written beside a document's body."""

    text: str
    values: Sequence[Any]


def read_document(kind: str, digest: bytes, codec: int, body: bytes) -> list[Statement]:
    """The statements that keep what the catalog reads out of a document of this kind, whose bytes match its digest.

    Raises:
        InvalidDocument: the bytes are not a document of the kind.
    """
    return _READERS[kind]((digest, codec), body)


def _credits(key: tuple[bytes, int], body: bytes) -> list[Statement]:
    credits = _parsed(CreditsDocument, body)
    texts = (credits.title, credits.artist, credits.release_policy, list(credits.tags))
    people = "\n".join(credit.name for credit in credits.credits)
    return [Statement(_CREDITS, (*key, _bytes(credits.content_hash), *texts, people, " ".join(credits.tags)))]


def _separation(key: tuple[bytes, int], body: bytes) -> list[Statement]:
    manifest = _parsed(SeparationManifest, body)
    values = (
        _bytes(manifest.recording_id),
        _bytes(manifest.content_hash),
        manifest.model.version,
        model_hash(manifest.model.version),
        _bytes(manifest.model.weights_sha256),
        manifest.samples * 1000 // manifest.sample_rate,
        manifest.features.bpm,
        manifest.features.key,
    )
    return [Statement(_SEPARATION, (*key, *values))]


def _batch(key: tuple[bytes, int], body: bytes) -> list[Statement]:
    leaves, stems, hashes = [], [], []
    for place, leaf in enumerate(_parsed(BatchManifest, body).leaves):
        recording, separation, six = _separation_of(leaf)
        hashes.append(merkle.batch_leaf(recording, separation))
        described = (separation.stems_root, separation.model, separation.weights_hash, separation.manifest_digest)
        leaves.append((place, to_bytes(recording), *described, separation.manifest_codec, separation.metadata_digest))
        for kind, stem in zip(STEM_KINDS, six, strict=True):
            names = (stem.sha256_digest, stem.cid_digest, stem.cid_codec)
            stems.append((place, int(kind), to_bytes(stem_id(recording, kind)), *names))
    manifests = {leaf[5:7]: None for leaf in leaves}
    return [
        Statement(_BATCH, (*key, merkle.root(hashes), len(leaves))),
        Statement(_LEAVES, (*key, *_columns(leaves))),
        Statement(_STEMS, (*key, *_columns(stems))),
        Statement(_WANT_MANIFESTS, _columns(list(manifests))),
    ]


_READERS: dict[str, Callable[[tuple[bytes, int], bytes], list[Statement]]] = {
    "credits": _credits,
    "separation": _separation,
    "batch": _batch,
}


def _separation_of(leaf: BatchLeaf) -> tuple[WorkId, Separation, list[Stem]]:
    """What a leaf says, as the contract has it.

    Raises:
        InvalidDocument: it names no recording, a CID that is none, or a root that its stems do not make up.
    """
    recording = from_hex(leaf.recording_id)
    if kind_byte(recording) != Kind.RECORDING:
        raise InvalidDocument(f"{leaf.recording_id} is not a recording")
    try:
        cids = [Cid.parse(stem.cid) for stem in leaf.stems]
        manifest, metadata = Cid.parse(leaf.manifest), Cid.parse(leaf.metadata)
    except CidError as error:
        raise InvalidDocument(f"the leaf of {leaf.recording_id} has what is no CID: {error}") from error
    if metadata.codec != DAG_PB:
        raise InvalidDocument(f"{leaf.metadata} is not the CID of a directory")
    stems = [Stem(_bytes(stem.sha256), cid.digest, cid.codec) for stem, cid in zip(leaf.stems, cids, strict=True)]
    if merkle.stems_root(recording, stems) != _bytes(leaf.stems_root):
        raise InvalidDocument(f"the stems of {leaf.recording_id} do not make up their root {leaf.stems_root}")
    separation = Separation(
        version=0,
        stems_root=_bytes(leaf.stems_root),
        model=_bytes(leaf.model),
        weights_hash=_bytes(leaf.weights_hash),
        manifest_digest=manifest.digest,
        manifest_codec=manifest.codec,
        metadata_digest=metadata.digest,
    )
    return recording, separation, stems


def _parsed(kind: type[_Document], body: bytes) -> _Document:
    """The document, if the bytes are exactly its canonical form.

    So the columns and the body that readers get cannot differ (doubled keys, blanks around a name), and no number hides
    a hundred thousand digits behind an exponent, which Postgres would write out for each reader.
    """
    try:
        document = kind.model_validate_json(body)
        is_canonical = document.canonical() == body
    except ValidationError as error:
        raise InvalidDocument(f"breaks its schema: {error}") from error
    except rfc8785.CanonicalizationError as error:
        raise InvalidDocument(f"has no canonical form: {error}") from error
    if not is_canonical:
        raise InvalidDocument("is not in its canonical form (RFC 8785)")
    return document


def _bytes(hash32: str) -> bytes:
    return bytes.fromhex(hash32[2:])


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
