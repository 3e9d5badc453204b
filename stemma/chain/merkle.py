"""The Merkle trees over stems and batches, as contracts/libraries/StemTree.sol makes them (a test compares)."""

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_hash.auto import keccak

from stemma.chain.intents import Separation, Stem
from stemma.works import STEM_KINDS, Kind, WorkId, stem_id

STEM_LEAF_TYPE = keccak(b"StemLeaf(uint224 stemId,bytes32 sha256Digest,bytes32 cidDigest,uint8 cidCodec)")

METADATA_LEAF_TYPE = keccak(b"MetadataLeaf(uint224 recordingId,bytes32 metadataDigest)")
BATCH_LEAF_TYPE = keccak(
    b"BatchLeaf(uint224 recordingId,uint32 version,bytes32 stemsRoot,bytes32 model,bytes32 weightsHash,"
    b"bytes32 manifestDigest,uint8 manifestCodec,bytes32 metadataDigest)"
)


def leaf(work: WorkId, stem: Stem) -> bytes:
    """The leaf of one stem, 32 bytes: the hash of a type tag and four words, so that no node can pass for a leaf."""
    words = (STEM_LEAF_TYPE, work, stem.sha256_digest, stem.cid_digest, stem.cid_codec)
    return keccak(encode(["bytes32", "uint224", "bytes32", "bytes32", "uint8"], words))


def stems_root(recording: WorkId, stems: Sequence[Stem]) -> bytes:
    """The root of a recording's six stems in the order of their kinds.

    Raises:
        ValueError: there are not six, or ``recording`` is a stem's id.
    """
    return root(stem_leaves(recording, stems))


def stem_leaves(recording: WorkId, stems: Sequence[Stem]) -> list[bytes]:
    """The six leaves of a recording, for ``root`` and ``proof``. Raises ValueError as ``stems_root`` does."""
    return [leaf(stem_id(recording, kind), stem) for kind, stem in zip(STEM_KINDS, stems, strict=True)]


def metadata_leaf(recording: WorkId, metadata_digest: bytes) -> bytes:
    """The leaf of a separation's metadata directory, 32 bytes."""
    return keccak(encode(["bytes32", "uint224", "bytes32"], [METADATA_LEAF_TYPE, recording, metadata_digest]))


def separation_root(recording: WorkId, root_of_stems: bytes, metadata_digest: bytes) -> bytes:
    """The word that the registry keeps of a separation: one node over the stems' root and the metadata's leaf."""
    return _node(root_of_stems, metadata_leaf(recording, metadata_digest))


def separation_proof(recording: WorkId, stems: Sequence[Stem], metadata_digest: bytes, kind: Kind) -> list[bytes]:
    """The siblings of one stem's leaf up to the separation's root, lowest first.

    Raises:
        ValueError: there are not six stems, ``recording`` is a stem's id, or the kind is not a stem's.
    """
    siblings = proof(stem_leaves(recording, stems), STEM_KINDS.index(kind))
    return [*siblings, metadata_leaf(recording, metadata_digest)]


def batch_leaf(recording: WorkId, separation: Separation) -> bytes:
    """A recording's leaf in a batch, 32 bytes: it says the whole separation. For ``root`` and ``proof``."""
    types = ["bytes32", "uint224", "uint32", "bytes32", "bytes32", "bytes32", "bytes32", "uint8", "bytes32"]
    words = (
        BATCH_LEAF_TYPE,
        recording,
        separation.version,
        separation.stems_root,
        separation.model,
        separation.weights_hash,
        separation.manifest_digest,
        separation.manifest_codec,
        separation.metadata_digest,
    )
    return keccak(encode(types, words))


def root(leaves: Sequence[bytes]) -> bytes:
    """The root: a node hashes its sorted pair, an odd node is promoted unchanged.

    Raises:
        ValueError: no leaves.
    """
    if not leaves:
        raise ValueError("a tree needs a leaf")
    level = list(leaves)
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings on the way from a leaf to the root, lowest first; a promoted level has none.

    Raises:
        IndexError: there is no leaf ``index``.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} among {len(leaves)}")
    siblings = []
    level = list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            siblings.append(level[sibling])
        level = _parents(level)
        index //= 2
    return siblings


def climb(start: bytes, siblings: Sequence[bytes]) -> bytes:
    """The root that a leaf and its proof lead to."""
    for sibling in siblings:
        start = _node(start, sibling)
    return start


def _parents(level: list[bytes]) -> list[bytes]:
    pairs = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return pairs + level[-1:] if len(level) % 2 else pairs


def _node(a: bytes, b: bytes) -> bytes:
    return keccak(min(a, b) + max(a, b))
