"""A thief holds an attestor's key: what it can do until the guardian revokes it, and what it can never do."""

import pytest
from commits import song
from reverting import reverts, simulate


@pytest.fixture
def stolen(chain, domain, stranger, attestor):
    """The thief's registration of somebody else's file, attested by the stolen key."""
    return song("A song", domain=domain, creator=stranger, attestor=attestor, now=chain.pending_timestamp)


def test_lets_a_thief_register_first_and_shows_by_whose_word(registry, stolen, stranger, attestor):
    receipt = registry.registerAndCommit(*stolen.arguments, sender=stranger)
    (registered,) = receipt.decode_logs(registry.RecordingRegistered)
    assert registry.creatorOf(stolen.recording_id) == stranger.address
    assert registered.attestor == attestor.address


def test_takes_no_song_that_is_registered(registry, registered, stolen, stranger):
    assert stolen.recording_id == registered.recording_id
    for method, arguments in (
        (registry.registerAndCommit, stolen.arguments),
        (registry.registerAttested, stolen.origin_arguments),
    ):
        with reverts("RecordingExists", recordingId=registered.recording_id):
            simulate(method, *arguments, sender=stranger)


def test_sets_wrong_first_stems_and_no_later_ones(registry, commit, stranger, relayer):
    """Wrong first stems can be replaced, by another attestor's word and the rights holder's."""
    registry.registerAttested(*commit.origin_arguments, sender=relayer)
    wrong = commit.with_stems(commit.version(7).stems)
    registry.commitSeparation(*wrong.separation_arguments(), sender=stranger)
    assert registry.separationRootOf(commit.recording_id) == wrong.separation_root
    with reverts("WrongVersion", given=0, expected=1):
        simulate(registry.commitSeparation, *commit.separation_arguments(), sender=stranger)
    with reverts("InvalidHolderSignature"):
        simulate(registry.commitSeparation, *commit.version(1).separation_arguments(), sender=stranger)


def test_registers_for_nobody_who_has_not_signed(registry, commit, stranger):
    forged = commit.but(creator_key=stranger.private_key)
    with reverts("InvalidCreatorSignature", creator=commit.registration.creator):
        simulate(registry.registerAndCommit, *forged.arguments, sender=stranger)


def test_is_worth_nothing_once_it_is_revoked(registry, roles, guardian, attestor, stolen, stranger):
    roles.revokeAttestor(attestor, sender=guardian)
    with reverts("InvalidAttestation"):
        simulate(registry.registerAndCommit, *stolen.arguments, sender=stranger)
    with reverts("InvalidAttestation"):
        simulate(registry.registerAttested, *stolen.origin_arguments, sender=stranger)
    with reverts("NotAttestor", account=attestor.address):
        simulate(registry.anchorBatch, b"\1" * 32, 1, b"\2" * 32, 0x55, sender=attestor)
