"""StemRegistry.commitSeparation: the first separation of a registered recording, and later versions of it."""

import pytest
from commits import ONE_HOUR, digest
from reverting import reverts, simulate

from stemma.works import STEM_KINDS, Kind, stem_id


@pytest.fixture
def origin(registry, commit, relayer):
    """A song that is registered and not separated."""
    registry.registerAttested(*commit.origin_arguments, sender=relayer)
    return commit


@pytest.fixture
def second(registered):
    """The next version of a registered song."""
    return registered.version(1)


class TestFirst:
    def test_by_the_attestation_alone(self, registry, origin, stranger, attestor):
        receipt = registry.commitSeparation(*origin.separation_arguments(), sender=stranger)
        s = origin.separation
        assert list(receipt.events) == [
            registry.SeparationCommitted(
                recordingId=origin.recording_id,
                attestor=attestor,
                version=0,
                stemsRoot=s.stems_root,
                model=s.model,
                weightsHash=s.weights_hash,
                manifestDigest=s.manifest_digest,
                manifestCodec=s.manifest_codec,
                metadataDigest=s.metadata_digest,
            ),
            *(
                registry.StemCommitted(
                    stemId=stem_id(origin.recording_id, kind),
                    version=0,
                    sha256Digest=stem.sha256_digest,
                    cidDigest=stem.cid_digest,
                    cidCodec=stem.cid_codec,
                )
                for kind, stem in zip(STEM_KINDS, origin.stems, strict=True)
            ),
        ]
        assert registry.separationRootOf(origin.recording_id) == origin.separation_root
        assert registry.recordingOf(origin.recording_id).version == 0

    def test_version_must_be_zero(self, registry, origin, relayer):
        with reverts("WrongVersion", given=1, expected=0):
            simulate(registry.commitSeparation, *origin.version(1).separation_arguments(), sender=relayer)

    def test_unknown_recording(self, registry, commit, relayer):
        with reverts("UnknownWork", work=commit.recording_id):
            simulate(registry.commitSeparation, *commit.separation_arguments(), sender=relayer)

    def test_no_attestor(self, registry, origin, stranger):
        with reverts("InvalidAttestation"):
            forged = origin.but(attestor_key=stranger.private_key)
            simulate(registry.commitSeparation, *forged.separation_arguments(), sender=stranger)

    def test_attestation_for_another_creator(self, registry, origin, stranger, relayer):
        """An attestation names the creator; one for somebody else does not fit the registered recording."""
        other = origin.registering(creator=stranger.address).sign_attestation()
        with reverts("InvalidAttestation"):
            arguments = origin.but(attestor_signature=other).separation_arguments()
            simulate(registry.commitSeparation, *arguments, sender=relayer)

    def test_too_late(self, registry, origin, relayer, chain):
        chain.pending_timestamp += ONE_HOUR + 1
        chain.mine()
        with reverts("DeadlinePassed", deadline=origin.attestation_deadline):
            simulate(registry.commitSeparation, *origin.separation_arguments(), sender=relayer)

    def test_other_stems(self, registry, origin, relayer):
        swapped = origin.but(stems=(origin.stems[1], origin.stems[0], *origin.stems[2:]))
        with reverts("StemsRootMismatch", attested=origin.separation.stems_root):
            simulate(registry.commitSeparation, *swapped.separation_arguments(), sender=relayer)

    def test_codecs(self, registry, origin, relayer):
        with reverts("UnknownCodec", codec=0):
            arguments = origin.separated(manifest_codec=0).separation_arguments()
            simulate(registry.commitSeparation, *arguments, sender=relayer)


class TestLater:
    def test_the_holder_sends(self, registry, second, creator):
        receipt = registry.commitSeparation(*second.separation_arguments(), sender=creator)
        assert receipt.events[0].event_arguments["version"] == 1
        assert {log.version for log in receipt.decode_logs(registry.StemCommitted)} == {1}
        recording = registry.recordingOf(second.recording_id)
        assert (recording.version, recording.separationRoot) == (1, second.separation_root)
        assert (recording.creator, recording.resaleRoyaltyPpm) == (creator.address, 50_000)

    def test_the_holder_signs(self, registry, second, creator, relayer):
        arguments = second.separation_arguments(second.sign_version(creator))
        registry.commitSeparation(*arguments, sender=relayer)
        assert registry.recordingOf(second.recording_id).version == 1

    def test_a_contract_signs(self, registry, ipnft, second, registered, creator, wallet, relayer):
        ipnft.mint(registered.recording_id, wallet, *registered.title, sender=creator)
        registry.commitSeparation(*second.separation_arguments(second.sign_version(creator)), sender=relayer)
        assert registry.recordingOf(second.recording_id).version == 1

    def test_the_titles_holder_and_no_longer_the_creator(
        self, registry, ipnft, registered, second, creator, buyer, relayer
    ):
        ipnft.mint(registered.recording_id, buyer, *registered.title, sender=creator)
        with reverts("InvalidHolderSignature", holder=buyer.address):
            arguments = second.separation_arguments(second.sign_version(creator))
            simulate(registry.commitSeparation, *arguments, sender=creator)
        registry.commitSeparation(*second.separation_arguments(second.sign_version(buyer)), sender=relayer)

    def test_needs_the_holder(self, registry, second, relayer, attestor):
        for signature in (b"", second.sign_version(attestor)):
            with reverts("InvalidHolderSignature"):
                simulate(registry.commitSeparation, *second.separation_arguments(signature), sender=relayer)

    def test_needs_the_attestation(self, registry, second, creator):
        with reverts("InvalidAttestation"):
            forged = second.but(attestor_key=creator.private_key)
            simulate(registry.commitSeparation, *forged.separation_arguments(), sender=creator)

    @pytest.mark.parametrize("version", [0, 2])
    def test_must_be_the_next(self, registry, registered, creator, version):
        with reverts("WrongVersion", given=version, expected=1):
            arguments = registered.version(version).separation_arguments()
            simulate(registry.commitSeparation, *arguments, sender=creator)

    @pytest.mark.parametrize(
        "change",
        [
            {"version": 2},
            {"stems_root": digest("other")},
            {"manifest_digest": digest("other")},
            {"manifest_codec": 0x70},
        ],
    )
    def test_signature_is_over_all_it_should_be(self, registry, second, creator, relayer, change):
        signature = second.separated(**change).sign_version(creator)
        with reverts("InvalidHolderSignature"):
            simulate(registry.commitSeparation, *second.separation_arguments(signature), sender=relayer)

    def test_each_version_replaces_the_last(self, registry, registered, second, creator):
        registry.commitSeparation(*second.separation_arguments(), sender=creator)
        third = registered.version(2)
        registry.commitSeparation(*third.separation_arguments(), sender=creator)
        stem = (third.stems[0].sha256_digest, third.stems[0].cid_digest, third.stems[0].cid_codec)
        work = registered.recording_id | Kind.VOCALS
        assert registry.isCommitted(work, stem, third.proof(Kind.VOCALS))
        assert not registry.isCommitted(work, stem, second.proof(Kind.VOCALS))
