"""Batches: many separations under one root, and one of them written out when a title or a later version needs it."""

import pytest
from commits import digest
from reverting import reverts, simulate
from timelock import grant

from stemma.chain import merkle
from stemma.cid import RAW
from stemma.works import Kind

MANIFEST = digest("batch manifest")


@pytest.fixture
def songs(registry, make_song, relayer):
    """Three songs, registered and not separated."""
    songs = [make_song(f"Song {number}") for number in range(3)]
    for song in songs:
        registry.registerAttested(*song.origin_arguments, sender=relayer)
    return songs


@pytest.fixture
def leaves(songs):
    return [song.batch_leaf for song in songs]


@pytest.fixture
def root(leaves):
    return merkle.root(leaves)


@pytest.fixture
def anchored(registry, attestor, root):
    return registry.anchorBatch(root, 3, MANIFEST, RAW, sender=attestor)


@pytest.fixture
def out(root, leaves):
    """The arguments that write one song out."""

    def out(song, index, **changes) -> tuple:
        given = {"root": root, "recording": song.recording_id, "proof": merkle.proof(leaves, index)} | changes
        return (given["root"], given["recording"], song.stem_structs, song.separation_struct, given["proof"])

    return out


class TestAnchor:
    def test_is_kept_and_told(self, registry, anchored, attestor, root):
        assert list(anchored.events) == [
            registry.BatchAnchored(root=root, attestor=attestor, count=3, manifestDigest=MANIFEST, manifestCodec=RAW)
        ]
        assert tuple(registry.batchOf(root)) == (attestor.address, anchored.block_number, 3)

    def test_unknown(self, registry):
        assert tuple(registry.batchOf(digest("nothing"))) == ("0x" + "00" * 20, 0, 0)

    def test_attestors_only(self, registry, admin, stranger):
        for account in (admin, stranger):
            with reverts("NotAttestor", account=account.address):
                simulate(registry.anchorBatch, digest("root"), 1, MANIFEST, RAW, sender=account)

    def test_revoked_attestor(self, registry, roles, guardian, attestor):
        roles.revokeAttestor(attestor, sender=guardian)
        with reverts("NotAttestor"):
            simulate(registry.anchorBatch, digest("root"), 1, MANIFEST, RAW, sender=attestor)

    def test_empty(self, registry, attestor):
        with reverts("EmptyBatch"):
            simulate(registry.anchorBatch, digest("root"), 0, MANIFEST, RAW, sender=attestor)

    def test_once(self, registry, anchored, attestor, root):
        with reverts("BatchExists", root=root):
            simulate(registry.anchorBatch, root, 1, MANIFEST, RAW, sender=attestor)

    def test_codec(self, registry, attestor):
        with reverts("UnknownCodec", codec=1):
            simulate(registry.anchorBatch, digest("root"), 1, MANIFEST, 1, sender=attestor)


class TestMaterialize:
    def test_becomes_version_zero(self, registry, anchored, songs, out, root, attestor, stranger):
        receipt = registry.materialize(*out(songs[1], 1), sender=stranger)
        [first, separated, *stems] = receipt.events
        assert first == registry.BatchLeafMaterialized(root=root, recordingId=songs[1].recording_id)
        assert separated.event_name == "SeparationCommitted"
        assert separated.event_arguments["attestor"] == attestor.address
        assert separated.event_arguments["version"] == 0
        assert [log.event_arguments["stemId"] for log in stems] == [songs[1].recording_id | k for k in range(1, 7)]
        assert registry.separationRootOf(songs[1].recording_id) == songs[1].separation_root
        assert registry.separationRootOf(songs[0].recording_id) == bytes(32)

    def test_what_a_title_and_a_later_version_need(self, registry, ipnft, anchored, songs, out, creator):
        song = songs[2]
        with reverts("NotSeparated", work=song.recording_id):
            simulate(ipnft.mint, song.recording_id, creator, *song.title, sender=creator)
        with reverts("WrongVersion", given=1, expected=0):
            simulate(registry.commitSeparation, *song.version(1).separation_arguments(), sender=creator)
        registry.materialize(*out(song, 2), sender=creator)
        ipnft.mint(song.recording_id, creator, *song.title, sender=creator)
        registry.commitSeparation(*song.version(1).separation_arguments(), sender=creator)
        assert registry.recordingOf(song.recording_id).version == 1

    def test_of_a_revoked_attestor_stays_good(self, registry, roles, anchored, songs, out, attestor, guardian):
        roles.revokeAttestor(attestor, sender=guardian)
        registry.materialize(*out(songs[0], 0), sender=attestor)
        assert registry.separationRootOf(songs[0].recording_id) == songs[0].separation_root

    def test_unknown_batch(self, registry, songs, out, relayer):
        with reverts("UnknownBatch"):
            simulate(registry.materialize, *out(songs[0], 0), sender=relayer)

    def test_another_leafs_proof(self, registry, anchored, songs, out, root, relayer):
        with reverts("NotInBatch", root=root, leaf=songs[0].batch_leaf):
            simulate(registry.materialize, *out(songs[0], 1), sender=relayer)

    def test_another_recording(self, registry, anchored, songs, out, relayer):
        with reverts("NotInBatch"):
            simulate(registry.materialize, *out(songs[0], 0, recording=songs[1].recording_id), sender=relayer)

    def test_a_stem(self, registry, anchored, songs, out, relayer):
        work = songs[0].recording_id | Kind.BASS
        with reverts("UnknownWork", work=work):
            simulate(registry.materialize, *out(songs[0], 0, recording=work), sender=relayer)

    def test_unregistered(self, registry, anchored, make_song, out, relayer):
        other = make_song("Never registered")
        with reverts("UnknownWork", work=other.recording_id):
            simulate(registry.materialize, *out(other, 0), sender=relayer)

    def test_once(self, registry, anchored, songs, out, relayer):
        registry.materialize(*out(songs[0], 0), sender=relayer)
        with reverts("AlreadySeparated", recordingId=songs[0].recording_id):
            simulate(registry.materialize, *out(songs[0], 0), sender=relayer)

    def test_not_over_a_separation(self, registry, anchored, songs, out, relayer):
        registry.commitSeparation(*songs[0].separation_arguments(), sender=relayer)
        with reverts("AlreadySeparated"):
            simulate(registry.materialize, *out(songs[0], 0), sender=relayer)

    def test_registered_after_the_batch(self, registry, attestor, make_song, relayer):
        late = make_song("Late")
        registry.anchorBatch(late.batch_leaf, 1, MANIFEST, RAW, sender=attestor)
        registered = registry.registerAttested(*late.origin_arguments, sender=relayer)
        arguments = (late.batch_leaf, late.recording_id, late.stem_structs, late.separation_struct, [])
        with reverts("BatchTooEarly", registeredBlock=registered.block_number):
            simulate(registry.materialize, *arguments, sender=relayer)

    def test_registered_in_the_batchs_block(self, registry, roles, project, admin, chain, make_song, stranger):
        """Which of the two came first in a block would need an order of logs that storage does not keep."""
        together = stranger.deploy(project.InOneBlock)
        grant(roles, admin, chain, together.address)
        song = make_song("Together")
        calls = [
            registry.registerAttested.encode_input(*song.origin_arguments),
            registry.anchorBatch.encode_input(song.batch_leaf, 1, MANIFEST, RAW),
            registry.materialize.encode_input(
                song.batch_leaf, song.recording_id, song.stem_structs, song.separation_struct, []
            ),
        ]
        with reverts("BatchTooEarly"):
            simulate(together.run, [registry] * 3, calls, sender=stranger)

    def test_a_later_version_is_no_leaf(self, registry, attestor, songs, relayer):
        later = songs[0].version(1)
        registry.anchorBatch(later.batch_leaf, 1, MANIFEST, RAW, sender=attestor)
        arguments = (later.batch_leaf, later.recording_id, later.stem_structs, later.separation_struct, [])
        with reverts("WrongVersion", given=1, expected=0):
            simulate(registry.materialize, *arguments, sender=relayer)

    def test_other_stems(self, registry, anchored, songs, out, relayer):
        wrong = songs[0].but(stems=songs[1].stems)
        with reverts("StemsRootMismatch"):
            simulate(registry.materialize, *out(wrong, 0), sender=relayer)
