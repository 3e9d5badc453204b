"""Typed data as wallets get it. That the contracts read the same is tested in tests/contracts."""

import json
from dataclasses import replace

import pytest
from eth_abi.exceptions import EncodingError
from eth_account import Account
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from stemma.chain.calls import decode_revert, register_and_commit
from stemma.chain.intents import (
    Parent,
    Registration,
    Separation,
    Share,
    SigningDomain,
    Stem,
    attestation_digest,
    attestation_typed_data,
    model_hash,
    registration_digest,
    registration_typed_data,
    sign_typed_data,
    typed_data_digest,
)
from stemma.chain.signatures import recovers_to
from stemma.cid import DAG_PB, RAW, Cid
from stemma.works import recording_id

KEY = "0x" + "07" * 32
DOMAIN = SigningDomain(chain_id=31337, registry="0x" + "ab" * 20)
REGISTRATION = Registration(
    creator=Account.from_key(KEY).address,
    content_hash=b"\x01" * 32,
    credits_digest=b"\x02" * 32,
    credits_codec=RAW,
    resale_royalty_ppm=50_000,
    deadline=2_000_000_000,
    split=(Share("0x" + "cd" * 20, 1),),
)
SEPARATION = Separation(b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, b"\x04" * 32, DAG_PB, b"\x05" * 32)

words = st.binary(min_size=32, max_size=32)


def test_survives_json():
    typed = registration_typed_data(REGISTRATION, DOMAIN)
    assert json.loads(json.dumps(typed)) == typed
    assert typed_data_digest(json.loads(json.dumps(typed))) == registration_digest(REGISTRATION, DOMAIN)


def test_wide_integers_survive_readers_that_round():
    widest = Parent(work=2**224 - 1, license=2**256 - 1)
    typed = registration_typed_data(replace(REGISTRATION, parents=(widest,)), DOMAIN)
    as_javascript_reads = json.loads(json.dumps(typed), parse_int=lambda digits: int(float(digits)))
    assert typed_data_digest(as_javascript_reads) == typed_data_digest(typed)


def test_signature_is_the_creators():
    signature = sign_typed_data(KEY, registration_typed_data(REGISTRATION, DOMAIN))
    assert len(signature) == 65
    assert recovers_to(REGISTRATION.creator, registration_digest(REGISTRATION, DOMAIN), signature)
    assert recovers_to(REGISTRATION.creator.lower(), registration_digest(REGISTRATION, DOMAIN), signature)


@pytest.mark.parametrize("domain", [replace(DOMAIN, chain_id=1), replace(DOMAIN, registry="0x" + "ac" * 20)])
def test_bound_to_the_domain(domain):
    assert registration_digest(REGISTRATION, domain) != registration_digest(REGISTRATION, DOMAIN)
    ours = attestation_digest(REGISTRATION.creator, REGISTRATION.content_hash, SEPARATION, 1, DOMAIN)
    assert attestation_digest(REGISTRATION.creator, REGISTRATION.content_hash, SEPARATION, 1, domain) != ours


def test_attestation_is_typed():
    typed = attestation_typed_data(REGISTRATION.creator, REGISTRATION.content_hash, SEPARATION, 5, DOMAIN)
    assert typed["primaryType"] == "Attestation"
    assert typed["message"]["separation"]["metadataDigest"] == "0x" + "05" * 32
    assert typed_data_digest(json.loads(json.dumps(typed))) == typed_data_digest(typed)


@given(one=words, other=words)
def test_other_content_other_digest(one, other):
    digests = [registration_digest(replace(REGISTRATION, content_hash=content), DOMAIN) for content in (one, other)]
    assert (digests[0] == digests[1]) == (one == other)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_hashes_have_32_bytes(length):
    with pytest.raises(ValueError, match="32 bytes"):
        registration_typed_data(replace(REGISTRATION, content_hash=bytes(length)), DOMAIN)


def test_registration_knows_its_work():
    assert REGISTRATION.recording_id == recording_id(REGISTRATION.content_hash)


def test_stem_of_a_stored_file():
    cid = Cid(DAG_PB, b"\x09" * 32)
    assert Stem.of(b"\x08" * 32, cid) == Stem(b"\x08" * 32, b"\x09" * 32, DAG_PB)


def test_model_hash():
    assert model_hash("demucs-htdemucs-6s") != model_hash("demucs-tiny-synth")
    assert len(model_hash("")) == 32


def test_calldata_needs_six_stems():
    with pytest.raises(EncodingError, match="5 items when 6"):
        register_and_commit(
            registration=REGISTRATION,
            creator_signature=b"",
            stems=[Stem(bytes(32), bytes(32), RAW)] * 5,
            separation=SEPARATION,
            attestation_deadline=1,
            attestor_signature=b"",
        )


class TestReverts:
    def test_known(self):
        data = bytes.fromhex("55392e4a" + f"{7:064x}")
        revert = decode_revert(data)
        assert revert is not None
        assert (revert.name, revert.arguments, str(revert)) == ("UnknownWork", {"work": 7}, "UnknownWork(work=7)")

    def test_bytes_are_read_as_hex(self):
        revert = decode_revert(keccak(text="InvalidAttestation(bytes32)")[:4] + b"\xab" * 32)
        assert str(revert) == f"InvalidAttestation(digest=0x{'ab' * 32})"

    @pytest.mark.parametrize("data", ["", "55", "08c379a0" + "00" * 64, "55392e4a", "55392e4a" + "00" * 31])
    def test_unknown_or_cut(self, data):
        assert decode_revert(bytes.fromhex(data)) is None
