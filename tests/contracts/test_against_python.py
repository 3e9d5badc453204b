"""The chain and Python agree on ids, leaves, roots, CIDs and digests: differential tests."""

import base64

from commits import Commit, stem_struct
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stemma.chain import merkle
from stemma.chain.intents import (
    Parent,
    Registration,
    Separation,
    Share,
    Stem,
    attestation_digest,
    commitment,
    origin_digest,
    registration_digest,
    version_digest,
)
from stemma.chain.titles import adoption_digest
from stemma.cid import DAG_PB, RAW, Cid
from stemma.works import STEM_KINDS, WorkId, recording_id, stem_id

differential = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

words = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
codecs = st.sampled_from([RAW, DAG_PB])
stems = st.builds(Stem, words, words, codecs)


def uints(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1) | st.sampled_from([0, 2**bits - 1])


registrations = st.builds(
    Registration,
    creator=addresses,
    content_hash=words,
    credits_digest=words,
    credits_codec=uints(8),
    resale_royalty_ppm=uints(32),
    deadline=uints(64),
    split=st.lists(st.builds(Share, addresses, uints(32)), max_size=4).map(tuple),
    parents=st.lists(st.builds(Parent, uints(224), uints(256)), max_size=3).map(tuple),
)
separations = st.builds(
    Separation,
    version=uints(32),
    stems_root=words,
    model=words,
    weights_hash=words,
    manifest_digest=words,
    manifest_codec=uints(8),
    metadata_digest=words,
)


def unsigned(registration: Registration, separation: Separation, domain) -> Commit:
    return Commit(domain, registration, (), separation, 0, creator_key="", attestor_key="")


@given(content_hash=words)
@differential
def test_recording_id(probe, content_hash):
    assert probe.recordingId(content_hash) == recording_id(content_hash)


@given(content_hash=words, kind=st.sampled_from(STEM_KINDS), stem=stems)
@differential
def test_leaf(probe, content_hash, kind, stem):
    work = stem_id(recording_id(content_hash), kind)
    assert probe.leaf(work, stem_struct(stem)) == merkle.leaf(work, stem)


@given(leaves=st.lists(words, min_size=1, max_size=33), data=st.data())
@differential
def test_root_and_proof(probe, leaves, data):
    root = merkle.root(leaves)
    assert probe.root(leaves) == root
    index = data.draw(st.integers(0, len(leaves) - 1))
    assert probe.climb(leaves[index], merkle.proof(leaves, index)) == root


@given(digest=words, codec=codecs)
@differential
def test_cid(probe, digest, codec):
    text = probe.cid(digest, codec)
    assert text == str(Cid(codec, digest))
    assert base64.b32decode(text[1:].upper() + "======") == bytes([1, codec, 0x12, 32]) + digest


@given(registration=registrations, separation=separations)
@differential
def test_registration_digest(registry, domain, registration, separation):
    struct = unsigned(registration, separation, domain).registration_struct
    assert registry.registrationDigest(struct) == registration_digest(registration, domain)


@given(registration=registrations, separation=separations, deadline=uints(64))
@differential
def test_attestation_digest(registry, domain, registration, separation, deadline):
    creator, content_hash = registration.creator, registration.content_hash
    struct = unsigned(registration, separation, domain).separation_struct
    on_chain = registry.attestationDigest(creator, content_hash, struct, deadline)
    assert on_chain == attestation_digest(creator, content_hash, separation, deadline, domain)


@given(registration=registrations, deadline=uints(64))
@differential
def test_origin_digest(registry, domain, registration, deadline):
    creator, content_hash = registration.creator, registration.content_hash
    assert registry.originDigest(creator, content_hash, deadline) == origin_digest(
        creator, content_hash, deadline, domain
    )


@given(registration=registrations, separation=separations)
@differential
def test_version_digest(registry, domain, registration, separation):
    struct = unsigned(registration, separation, domain).separation_struct
    recording = registration.recording_id
    assert registry.versionDigest(recording, struct) == version_digest(recording, separation, domain)


@given(work=uints(224), version=uints(32), directory=words)
@differential
def test_adoption_digest(ipnft, chain, work, version, directory):
    ours = adoption_digest(WorkId(work), version, directory, chain_id=chain.chain_id, titles=ipnft.address)
    assert ipnft.adoptionDigest(work, version, directory) == ours


@given(creator=addresses, content_hash=words, salt=words)
@differential
def test_commitment(registry, creator, content_hash, salt):
    assert registry.commitmentOf(creator, content_hash, salt) == commitment(creator, content_hash, salt)


@given(content_hash=words, root=words, directory=words)
@differential
def test_separation_root(probe, content_hash, root, directory):
    work = recording_id(content_hash)
    assert probe.separationRoot(work, root, directory) == merkle.separation_root(work, root, directory)


@given(registration=registrations, separation=separations)
@differential
def test_batch_leaf(registry, domain, registration, separation):
    struct = unsigned(registration, separation, domain).separation_struct
    leaf = merkle.batch_leaf(registration.recording_id, separation)
    assert registry.batchLeaf(registration.recording_id, struct) == leaf
