"""What a marketplace must be able to check of a title: its epoch, what is minted, which version it shows."""

import pytest
from commits import digest
from reverting import reverts, simulate

from stemma.chain.intents import sign_typed_data
from stemma.chain.titles import adoption_digest, adoption_typed_data
from stemma.cid import DAG_PB, Cid
from stemma.works import STEM_KINDS, Kind


@pytest.fixture
def recording(registered):
    return registered.recording_id


@pytest.fixture
def vocals(recording):
    return recording | Kind.VOCALS


@pytest.fixture
def title(registered):
    return registered.title


def epoch(work: int, transfers: int) -> int:
    return work << 32 | transfers


class TestEpoch:
    def test_untitled_works_are_governed_by_the_recording(self, ipnft, recording):
        for kind in Kind:
            assert ipnft.titleEpoch(recording | kind) == epoch(recording, 0)

    def test_mint_to_the_creator_is_no_change_of_hands(self, ipnft, recording, vocals, title, creator):
        ipnft.mint(recording, creator, *title, sender=creator)
        assert ipnft.titleEpoch(recording) == ipnft.titleEpoch(vocals) == epoch(recording, 0)

    def test_mint_to_another_account_is(self, ipnft, recording, vocals, title, creator, buyer):
        ipnft.mint(recording, buyer, *title, sender=creator)
        assert ipnft.titleEpoch(recording) == ipnft.titleEpoch(vocals) == epoch(recording, 1)

    def test_every_transfer_counts(self, ipnft, recording, title, creator, buyer):
        ipnft.mint(recording, creator, *title, sender=creator)
        ipnft.transferFrom(creator, buyer, recording, sender=creator)
        ipnft.safeTransferFrom(buyer, creator, recording, sender=buyer)
        assert ipnft.titleEpoch(recording) == epoch(recording, 2)

    def test_also_one_to_the_holder_itself(self, ipnft, recording, title, creator):
        ipnft.mint(recording, creator, *title, sender=creator)
        ipnft.transferFrom(creator, creator, recording, sender=creator)
        assert ipnft.titleEpoch(recording) == epoch(recording, 1)

    def test_a_stems_mint_gives_it_an_epoch_of_its_own(self, ipnft, recording, vocals, title, creator, buyer):
        ipnft.mint(recording, buyer, *title, sender=creator)
        ipnft.mint(vocals, creator, *title, sender=buyer)
        assert ipnft.titleEpoch(vocals) == epoch(vocals, 0)
        ipnft.transferFrom(creator, buyer, vocals, sender=creator)
        assert ipnft.titleEpoch(vocals) == epoch(vocals, 1)
        assert ipnft.titleEpoch(recording) == ipnft.titleEpoch(recording | Kind.DRUMS) == epoch(recording, 1)

    def test_what_is_no_kind_is_nobodys_stem(self, ipnft, recording):
        for work in (recording | 7, recording | 255):
            assert ipnft.titleEpoch(work) == epoch(recording, 0)
            assert ipnft.coverageOf(work) == 0


class TestCoverage:
    def test_grows_smaller_with_every_minted_stem(self, ipnft, recording, title, creator):
        expected = 0b1111111
        assert (ipnft.coverageOf(recording), ipnft.mintedStems(recording)) == (expected, 0)
        for kind in STEM_KINDS:
            ipnft.mint(recording | kind, creator, *title, sender=creator)
            expected &= ~(1 << kind)
            assert ipnft.coverageOf(recording) == expected
            assert ipnft.mintedStems(recording | Kind.BASS) == 0b1111111 & ~expected
        assert ipnft.coverageOf(recording) == 1

    def test_the_recordings_own_mint_changes_nothing(self, ipnft, recording, title, creator):
        ipnft.mint(recording, creator, *title, sender=creator)
        assert ipnft.coverageOf(recording) == 0b1111111

    @pytest.mark.parametrize("kind", STEM_KINDS)
    def test_of_a_stem_is_its_own_bit(self, ipnft, recording, title, creator, kind):
        assert ipnft.coverageOf(recording | kind) == 1 << kind
        ipnft.mint(recording | kind, creator, *title, sender=creator)
        assert ipnft.coverageOf(recording | kind) == 1 << kind


class TestVersion:
    @pytest.fixture
    def second(self, registry, registered, creator):
        """The song is separated again, by its creator's will."""
        second = registered.version(1)
        registry.commitSeparation(*second.separation_arguments(), sender=creator)
        return second

    @pytest.fixture
    def titled(self, ipnft, recording, vocals, title, creator, buyer):
        """The recording's title is the creator's, the vocals' the buyer's; both are of version 0."""
        ipnft.mint(recording, creator, *title, sender=creator)
        ipnft.mint(vocals, buyer, *title, sender=creator)

    @pytest.fixture
    def later(self, titled, registry, registered, creator):
        """The titles are of version 0, and then the song is separated again."""
        later = registered.version(1)
        registry.commitSeparation(*later.separation_arguments(), sender=creator)
        return later

    def adoption(self, chain, ipnft, work, version, metadata_digest, holder) -> bytes:
        typed = adoption_typed_data(work, version, metadata_digest, chain_id=chain.chain_id, titles=ipnft.address)
        return sign_typed_data(holder.private_key, typed)

    def test_untitled_works_have_the_registrys(self, ipnft, recording, vocals, second):
        assert ipnft.versionOf(recording) == ipnft.versionOf(vocals) == 1

    def test_a_titled_stem_keeps_its_own(self, ipnft, registered, recording, vocals, later):
        assert ipnft.versionOf(vocals) == 0
        assert ipnft.versionOf(recording) == ipnft.versionOf(recording | Kind.DRUMS) == 1
        directory = Cid(DAG_PB, registered.separation.metadata_digest)
        assert ipnft.tokenURI(vocals) == f"ipfs://{directory}/1.json"

    def test_a_stem_minted_later_shows_the_version_of_then(self, ipnft, vocals, second, creator):
        receipt = ipnft.mint(vocals, creator, *second.title, sender=creator)
        assert receipt.events[1].event_arguments["version"] == 1
        assert ipnft.versionOf(vocals) == 1

    def test_an_earlier_version_cannot_be_minted(self, ipnft, vocals, title, second, creator):
        with reverts("MetadataMismatch", separationRoot=second.separation_root):
            simulate(ipnft.mint, vocals, creator, *title, sender=creator)

    def test_a_recordings_title_follows_by_anyone(self, ipnft, recording, later, stranger, creator):
        receipt = ipnft.adopt(recording, *later.title, b"", sender=stranger)
        digest_ = later.separation.metadata_digest
        assert list(receipt.events) == [
            ipnft.VersionAdopted(workId=recording, holder=creator, version=1, metadataDigest=digest_),
            ipnft.MetadataUpdate(_tokenId=recording),
        ]
        assert ipnft.tokenURI(recording) == f"ipfs://{Cid(DAG_PB, digest_)}/0.json"

    def test_a_stems_holder_adopts(self, ipnft, vocals, later, buyer):
        ipnft.adopt(vocals, *later.title, b"", sender=buyer)
        assert ipnft.versionOf(vocals) == 1
        assert ipnft.tokenURI(vocals) == f"ipfs://{Cid(DAG_PB, later.separation.metadata_digest)}/1.json"

    def test_a_stems_holder_signs(self, ipnft, chain, vocals, later, buyer, stranger):
        signature = self.adoption(chain, ipnft, vocals, 1, later.separation.metadata_digest, buyer)
        receipt = ipnft.adopt(vocals, *later.title, signature, sender=stranger)
        assert receipt.events[0].event_arguments["holder"] == buyer.address
        assert ipnft.versionOf(vocals) == 1

    def test_a_contract_signs(self, ipnft, chain, vocals, later, buyer, creator, wallet, stranger):
        ipnft.transferFrom(buyer, wallet, vocals, sender=buyer)
        signature = self.adoption(chain, ipnft, vocals, 1, later.separation.metadata_digest, creator)
        ipnft.adopt(vocals, *later.title, signature, sender=stranger)
        assert ipnft.versionOf(vocals) == 1

    def test_a_stems_holder_is_needed(self, ipnft, chain, vocals, later, creator, stranger):
        metadata = later.separation.metadata_digest
        for signature in (b"", self.adoption(chain, ipnft, vocals, 1, metadata, creator)):
            with reverts("InvalidHolderSignature"):
                simulate(ipnft.adopt, vocals, *later.title, signature, sender=stranger)

    def test_signature_names_work_version_and_metadata(self, ipnft, chain, recording, vocals, later, buyer):
        metadata = later.separation.metadata_digest
        for work, version, directory in (
            (recording, 1, metadata),
            (vocals, 0, metadata),
            (vocals, 2, metadata),
            (vocals, 1, digest("other")),
        ):
            signature = self.adoption(chain, ipnft, work, version, directory, buyer)
            with reverts("InvalidHolderSignature", holder=buyer.address):
                simulate(ipnft.adopt, vocals, *later.title, signature)

    def test_the_version_that_it_shows_already(self, ipnft, recording, vocals, title, titled, stranger):
        for work in (recording, vocals):
            assert list(ipnft.adopt(work, *title, b"", sender=stranger).events) == []

    def test_only_the_registrys_version(self, ipnft, vocals, title, later, buyer):
        with reverts("MetadataMismatch"):
            simulate(ipnft.adopt, vocals, *title, b"", sender=buyer)

    def test_untitled(self, ipnft, recording, second, creator):
        with reverts("NoTitle", work=recording):
            simulate(ipnft.adopt, recording, *second.title, b"", sender=creator)

    def test_adopting_is_no_change_of_hands(self, ipnft, recording, later, stranger):
        ipnft.adopt(recording, *later.title, b"", sender=stranger)
        assert ipnft.titleEpoch(recording) == epoch(recording, 0)

    def test_digest(self, ipnft, chain, vocals):
        expected = adoption_digest(vocals, 3, digest("m"), chain_id=chain.chain_id, titles=ipnft.address)
        assert ipnft.adoptionDigest(vocals, 3, digest("m")) == expected

    def test_unknown_work(self, ipnft, recording):
        for work in (recording | 7, 256):
            with reverts("UnknownWork", work=work):
                simulate(ipnft.versionOf, work)


class TestStanding:
    """What a sale asks in one call is what the views say one by one."""

    def test_is_all_the_views(self, ipnft, recording, vocals, title, creator, buyer):
        ipnft.mint(recording, buyer, *title, sender=creator)
        ipnft.mint(vocals, creator, *title, sender=buyer)
        for work in (recording, vocals, recording | Kind.DRUMS):
            views = (ipnft.rightsHolder, ipnft.titleEpoch, ipnft.coverageOf, ipnft.versionOf)
            assert tuple(ipnft.standingOf(work)) == tuple(view(work) for view in views)

    def test_unknown_work(self, ipnft, recording):
        for work in (recording | 7, 256):
            with reverts("UnknownWork", work=work):
                simulate(ipnft.standingOf, work)


class TestReentry:
    """A receiver that calls back while it is handed a title finds everything done."""

    def test_receiver_finds_the_title_minted(self, ipnft, project, recording, title, creator, stranger):
        receiver = stranger.deploy(project.CallsBack, ipnft, ipnft.mint.encode_input(recording, stranger, *title))
        with reverts("TitleExists", work=recording):
            simulate(ipnft.mint, recording, receiver, *title, sender=creator)

    def test_receiver_may_hand_it_on(self, ipnft, project, recording, title, creator, stranger):
        receiver = stranger.deploy(project.CallsBack, ipnft, b"")
        pass_on = ipnft.transferFrom.encode_input(receiver, stranger, recording)
        receiver.prepare(pass_on, sender=stranger)
        ipnft.mint(recording, receiver, *title, sender=creator)
        assert ipnft.ownerOf(recording) == stranger.address
        assert ipnft.titleEpoch(recording) == epoch(recording, 2)
