"""Registration without a separation: by commitment, or by an attestor's word; and who cannot take a work by it."""

import pytest
from commits import ONE_HOUR, digest
from reverting import reverts, simulate

from stemma.chain.intents import Share

SALT = digest("salt")
ZERO = "0x" + "00" * 20


@pytest.fixture
def committed(registry, commit, relayer, chain):
    """A song whose creator has made a commitment, a block ago."""
    registry.commit(commit.commitment(SALT), sender=relayer)
    chain.mine()
    return commit


class TestCommitment:
    def test_is_kept_with_its_block(self, registry, commit, relayer):
        receipt = registry.commit(commit.commitment(SALT), sender=relayer)
        assert list(receipt.events) == [registry.CommitmentMade(commitment=commit.commitment(SALT))]
        assert registry.commitmentBlockOf(commit.commitment(SALT)) == receipt.block_number

    def test_again_changes_nothing(self, registry, committed, stranger):
        made = registry.commitmentBlockOf(committed.commitment(SALT))
        receipt = registry.commit(committed.commitment(SALT), sender=stranger)
        assert list(receipt.events) == []
        assert registry.commitmentBlockOf(committed.commitment(SALT)) == made

    def test_unknown(self, registry, commit):
        assert registry.commitmentBlockOf(commit.commitment(SALT)) == 0


class TestByCommitment:
    def test_registers_without_an_attestor(self, registry, committed, creator, relayer):
        receipt = registry.registerCommitted(*committed.reveal_arguments(SALT), sender=relayer)
        [registered] = receipt.events
        assert registered.event_name == "RecordingRegistered"
        assert registered.event_arguments["attestor"] == ZERO
        recording = registry.recordingOf(committed.recording_id)
        assert (recording.creator, recording.registeredBlock) == (creator.address, receipt.block_number)
        assert recording.separationRoot == bytes(32)
        assert all(registry.exists(committed.recording_id | kind) for kind in range(7))

    def test_returns_the_recording(self, registry, committed, relayer):
        returned = registry.registerCommitted.call(*committed.reveal_arguments(SALT), sender=relayer)
        assert returned == committed.recording_id

    def test_creator_sends_itself(self, registry, committed, creator):
        unsigned = committed.but(creator_signature=b"")
        registry.registerCommitted(*unsigned.reveal_arguments(SALT), sender=creator)
        assert registry.creatorOf(committed.recording_id) == creator.address

    def test_split_reaches_the_splitter(self, registry, splitter, committed, relayer, stranger):
        shared = committed.registering(split=(Share(stranger.address, 250_000),))
        receipt = registry.registerCommitted(*shared.reveal_arguments(SALT), sender=relayer)
        assert receipt.decode_logs(splitter.SlotFixed) == [
            splitter.SlotFixed(recordingId=shared.recording_id, account=stranger, slot=0, ppm=250_000)
        ]
        assert tuple(splitter.slotOf(shared.recording_id, 0)) == (stranger.address, 250_000)

    def test_unknown_commitment(self, registry, commit, relayer):
        with reverts("UnknownCommitment", commitment=commit.commitment(SALT)):
            simulate(registry.registerCommitted, *commit.reveal_arguments(SALT), sender=relayer)

    def test_another_salt(self, registry, committed, relayer):
        with reverts("UnknownCommitment"):
            simulate(registry.registerCommitted, *committed.reveal_arguments(digest("other")), sender=relayer)

    def test_once(self, registry, committed, relayer):
        registry.registerCommitted(*committed.reveal_arguments(SALT), sender=relayer)
        with reverts("RecordingExists", recordingId=committed.recording_id):
            simulate(registry.registerCommitted, *committed.reveal_arguments(SALT), sender=relayer)

    def test_needs_the_creator(self, registry, committed, stranger, relayer):
        forged = committed.but(creator_key=stranger.private_key)
        with reverts("InvalidCreatorSignature"):
            simulate(registry.registerCommitted, *forged.reveal_arguments(SALT), sender=relayer)

    def test_checks_the_terms(self, registry, committed, relayer):
        with reverts("ResaleRoyaltyTooHigh"):
            arguments = committed.registering(resale_royalty_ppm=100_001).reveal_arguments(SALT)
            simulate(registry.registerCommitted, *arguments, sender=relayer)


class TestSquatting:
    """Whoever sees a registration in the mempool cannot take the work."""

    def test_copied_reveal_registers_the_song_for_its_creator(self, registry, committed, stranger, creator):
        registry.registerCommitted(*committed.reveal_arguments(SALT), sender=stranger)
        assert registry.creatorOf(committed.recording_id) == creator.address

    def test_own_name_needs_an_own_commitment(self, registry, committed, stranger):
        taken = committed.registering(creator=stranger.address).but(creator_key=stranger.private_key)
        with reverts("UnknownCommitment", commitment=taken.commitment(SALT)):
            simulate(registry.registerCommitted, *taken.reveal_arguments(SALT), sender=stranger)

    def test_commitment_of_the_same_block_is_too_young(self, registry, committed, stranger, project):
        """The thief commits and reveals in one block, before the creator's own reveal is mined."""
        taken = committed.registering(creator=stranger.address).but(creator_key=stranger.private_key)
        hurry = stranger.deploy(project.InOneBlock)
        calls = [
            registry.commit.encode_input(taken.commitment(SALT)),
            registry.registerCommitted.encode_input(*taken.reveal_arguments(SALT)),
        ]
        with reverts("CommitmentTooYoung", commitment=taken.commitment(SALT)):
            simulate(hurry.run, [registry.address, registry.address], calls, sender=stranger)

    def test_copied_attestation_names_its_creator(self, registry, commit, stranger):
        taken = commit.registering(creator=stranger.address).but(
            creator_key=stranger.private_key, attestor_signature=commit.sign_origin()
        )
        with reverts("InvalidAttestation"):
            simulate(registry.registerAttested, *taken.origin_arguments, sender=stranger)


class TestByAttestation:
    def test_registers(self, registry, commit, relayer, creator, attestor):
        receipt = registry.registerAttested(*commit.origin_arguments, sender=relayer)
        [registered] = receipt.events
        assert registered.event_arguments["attestor"] == attestor.address
        assert registry.creatorOf(commit.recording_id) == creator.address
        assert registry.separationRootOf(commit.recording_id) == bytes(32)

    def test_returns_the_recording(self, registry, commit, relayer):
        assert registry.registerAttested.call(*commit.origin_arguments, sender=relayer) == commit.recording_id

    def test_once(self, registry, commit, relayer):
        registry.registerAttested(*commit.origin_arguments, sender=relayer)
        with reverts("RecordingExists", recordingId=commit.recording_id):
            simulate(registry.registerAttested, *commit.origin_arguments, sender=relayer)
        with reverts("RecordingExists", recordingId=commit.recording_id):
            simulate(registry.registerAndCommit, *commit.arguments, sender=relayer)

    def test_exists_whatever_else_is_wrong(self, registry, registered, stranger, relayer):
        """Senders tell by this error that somebody was faster, also when the attestor was revoked meanwhile."""
        with reverts("RecordingExists"):
            other = registered.but(attestor_key=stranger.private_key)
            simulate(registry.registerAndCommit, *other.arguments, sender=relayer)

    def test_no_attestor(self, registry, commit, stranger, relayer):
        with reverts("InvalidAttestation"):
            forged = commit.but(attestor_key=stranger.private_key)
            simulate(registry.registerAttested, *forged.origin_arguments, sender=relayer)

    def test_attestation_of_a_separation_is_no_origin(self, registry, commit, relayer):
        with reverts("InvalidAttestation"):
            mixed = commit.but(attestor_signature=commit.sign_attestation())
            simulate(registry.registerAttested, *mixed.origin_arguments, sender=relayer)

    def test_too_late(self, registry, commit, relayer, chain):
        chain.pending_timestamp += ONE_HOUR + 1
        chain.mine()
        late = commit.registering(deadline=commit.registration.deadline + ONE_HOUR)
        with reverts("DeadlinePassed", deadline=commit.attestation_deadline):
            simulate(registry.registerAttested, *late.origin_arguments, sender=relayer)

    def test_needs_the_creator(self, registry, commit, stranger, relayer):
        with reverts("InvalidCreatorSignature"):
            forged = commit.but(creator_key=stranger.private_key)
            simulate(registry.registerAttested, *forged.origin_arguments, sender=relayer)

    def test_zero_creator(self, registry, commit, relayer):
        with reverts("ZeroAddress"):
            simulate(registry.registerAttested, *commit.registering(creator=ZERO).origin_arguments, sender=relayer)
