"""Ids of works: derived from content, one form each for Postgres, JSON and the chain."""

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from stemma.works import (
    STEM_KINDS,
    Kind,
    WorkId,
    from_bytes,
    from_hex,
    kind_byte,
    kind_of,
    recording_id,
    recording_of,
    stem_id,
    to_bytes,
    to_hex,
)

content_hashes = st.binary(min_size=32, max_size=32)
works = st.integers(0, 2**224 - 1).map(WorkId)


def test_known_id():
    """A fixed point that no refactoring may move: ids are on chains."""
    assert to_hex(recording_id(bytes(32))) == "0x548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e500"
    assert keccak(bytes(32)).hex() == "290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563"


def test_kinds():
    assert [(kind.label, int(kind)) for kind in STEM_KINDS] == [
        ("vocals", 1),
        ("drums", 2),
        ("bass", 3),
        ("guitar", 4),
        ("piano", 5),
        ("other", 6),
    ]
    assert Kind.RECORDING == 0


@given(content_hashes)
def test_recording(content_hash):
    work = recording_id(content_hash)
    assert 0 <= work < 2**224
    assert kind_of(work) is Kind.RECORDING
    assert recording_of(work) == work


@given(content_hashes, st.sampled_from(STEM_KINDS))
def test_stem(content_hash, kind):
    recording = recording_id(content_hash)
    stem = stem_id(recording, kind)
    assert stem == recording + kind
    assert (kind_of(stem), recording_of(stem)) == (kind, recording)


@given(content_hashes)
def test_stems_differ(content_hash):
    recording = recording_id(content_hash)
    assert len({stem_id(recording, kind) for kind in STEM_KINDS} | {recording}) == 7


@given(content_hashes, content_hashes)
def test_other_content_other_id(one, other):
    assert (recording_id(one) == recording_id(other)) == (one == other)


@given(works)
def test_bytes_and_hex(work):
    assert len(to_bytes(work)) == 28
    assert from_bytes(to_bytes(work)) == work
    assert len(to_hex(work)) == 58
    assert from_hex(to_hex(work)) == work
    assert to_hex(work) == "0x" + to_bytes(work).hex()


@given(works, works)
def test_forms_keep_the_order(one, other):
    assert (one < other) == (to_bytes(one) < to_bytes(other)) == (to_hex(one) < to_hex(other))


@given(works)
def test_kind_byte(work):
    if kind_byte(work) <= 6:
        assert kind_of(work) == kind_byte(work)
    else:
        with pytest.raises(ValueError, match="not a valid Kind"):
            kind_of(work)


@given(st.binary(max_size=40).filter(lambda raw: len(raw) != 32))
def test_content_hash_has_32_bytes(raw):
    with pytest.raises(ValueError, match="32 bytes"):
        recording_id(raw)


@given(st.binary(max_size=40).filter(lambda raw: len(raw) != 28))
def test_work_has_28_bytes(raw):
    with pytest.raises(ValueError, match="28 bytes"):
        from_bytes(raw)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "0x" + "0" * 55,
        "0x" + "0" * 57,
        "0" * 58,
        "0X" + "0" * 56,
        "0x" + "A" * 56,
        "0x" + "g" * 56,
        "0x" + "0" * 56 + "\n",
        " 0x" + "0" * 56,
        "0x" + "٠" * 56,
    ],
)
def test_not_a_work(text):
    with pytest.raises(ValueError, match="56 lower-case hex"):
        from_hex(text)


@pytest.mark.parametrize("kind", STEM_KINDS)
def test_stem_of_a_stem(kind):
    stem = stem_id(recording_id(bytes(32)), kind)
    with pytest.raises(ValueError, match="is not a recording"):
        stem_id(stem, Kind.VOCALS)


def test_recording_as_its_own_stem():
    with pytest.raises(ValueError, match="not a stem of itself"):
        stem_id(recording_id(bytes(32)), Kind.RECORDING)


@pytest.mark.parametrize("kind", list(Kind))
def test_labels(kind):
    assert Kind.from_label(kind.label) is kind


@pytest.mark.parametrize("label", ["", "Vocals", "bassoon", "1"])
def test_unknown_label(label):
    with pytest.raises(ValueError, match="is no kind of work"):
        Kind.from_label(label)
