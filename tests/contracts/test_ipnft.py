"""IPNFT: who may mint, who holds the rights, where the metadata is, who is paid on resale."""

import json

import pytest
from commits import digest
from reverting import reverts, simulate

from stemma.chain.merkle import separation_root
from stemma.cid import DAG_PB, Cid
from stemma.works import STEM_KINDS, Kind, recording_id, stem_id

ZERO = "0x" + "00" * 20


@pytest.fixture
def recording(registered):
    return registered.recording_id


@pytest.fixture
def vocals(recording):
    return stem_id(recording, Kind.VOCALS)


@pytest.fixture
def mint(ipnft, registered):
    """Mints a title of the registered song's works."""

    def mint(work, to, *, sender):
        return ipnft.mint(work, to, *registered.title, sender=sender)

    return mint


@pytest.fixture
def refused(ipnft, registered):
    """Tries to."""

    def refused(work, to, *, sender):
        simulate(ipnft.mint, work, to, *registered.title, sender=sender)

    return refused


class TestMint:
    def test_recording(self, ipnft, mint, registered, recording, creator, buyer):
        receipt = mint(recording, buyer, sender=creator)
        assert ipnft.ownerOf(recording) == buyer.address
        assert ipnft.balanceOf(buyer) == 1
        [transfer, minted] = receipt.events
        assert transfer.event_name == "Transfer"
        assert transfer.event_arguments == {"from": ZERO, "to": buyer.address, "tokenId": recording}
        assert minted == ipnft.TitleMinted(
            workId=recording,
            holder=buyer,
            minter=creator,
            version=0,
            metadataDigest=registered.separation.metadata_digest,
        )

    @pytest.mark.parametrize("kind", STEM_KINDS)
    def test_each_stem(self, ipnft, mint, recording, creator, kind):
        mint(stem_id(recording, kind), creator, sender=creator)
        assert ipnft.ownerOf(stem_id(recording, kind)) == creator.address

    def test_stem_by_the_recordings_holder(self, ipnft, refused, mint, recording, vocals, creator, buyer):
        mint(recording, buyer, sender=creator)
        with reverts("NotRightsHolder"):
            refused(vocals, creator, sender=creator)
        mint(vocals, buyer, sender=buyer)
        assert ipnft.ownerOf(vocals) == buyer.address

    def test_by_anyone_else(self, refused, recording, creator, stranger):
        expected = {"work": recording, "caller": stranger.address, "rightsHolder": creator.address}
        with reverts("NotRightsHolder", **expected):
            refused(recording, stranger, sender=stranger)

    def test_once(self, refused, mint, recording, creator, buyer):
        mint(recording, creator, sender=creator)
        with reverts("TitleExists", work=recording):
            refused(recording, creator, sender=creator)

    def test_unknown_works(self, refused, recording, creator):
        for work in (0, recording | 7, recording_id(digest("never registered"))):
            with reverts("UnknownWork", work=work):
                refused(work, creator, sender=creator)

    def test_to_nobody(self, refused, recording, creator):
        with reverts("ERC721InvalidReceiver"):
            refused(recording, ZERO, sender=creator)

    def test_to_a_contract_that_takes_titles(self, ipnft, mint, recording, creator, wallet):
        mint(recording, wallet, sender=creator)
        assert ipnft.ownerOf(recording) == wallet.address

    def test_to_a_contract_that_does_not(self, refused, registry, recording, creator):
        with reverts("ERC721InvalidReceiver", receiver=registry.address):
            refused(recording, registry, sender=creator)

    def test_by_a_contract_account(self, ipnft, registry, wallet, commit, creator, relayer):
        commit = commit.registering(creator=wallet.address)
        registry.registerAndCommit(*commit.arguments, sender=relayer)
        wallet.execute(ipnft, ipnft.mint.encode_input(commit.recording_id, wallet, *commit.title), sender=creator)
        assert ipnft.ownerOf(commit.recording_id) == wallet.address

    def test_unseparated(self, ipnft, registry, commit, relayer, creator):
        registry.registerAttested(*commit.origin_arguments, sender=relayer)
        for work in (commit.recording_id, commit.recording_id | Kind.BASS):
            with reverts("NotSeparated", work=work):
                simulate(ipnft.mint, work, creator, *commit.title, sender=creator)

    def test_another_separation_than_the_registrys(self, ipnft, registered, recording, creator):
        stems_root, metadata_digest = registered.title
        other = digest("other")
        for wrong in ((other, metadata_digest), (stems_root, other), (metadata_digest, stems_root)):
            computed = separation_root(recording, *wrong)
            expected = {"work": recording, "separationRoot": registered.separation_root, "computed": computed}
            with reverts("MetadataMismatch", **expected):
                simulate(ipnft.mint, recording, creator, *wrong, sender=creator)


class TestRightsHolder:
    def test_creator_while_there_is_no_title(self, ipnft, recording, vocals, creator):
        assert ipnft.rightsHolder(recording) == ipnft.rightsHolder(vocals) == creator.address

    def test_the_recordings_title_covers_untitled_stems(self, ipnft, mint, recording, vocals, creator, buyer):
        mint(recording, buyer, sender=creator)
        assert ipnft.rightsHolder(recording) == ipnft.rightsHolder(vocals) == buyer.address

    def test_a_stems_title_stands_alone(self, ipnft, mint, recording, vocals, creator, buyer):
        mint(vocals, creator, sender=creator)
        mint(recording, buyer, sender=creator)
        assert ipnft.rightsHolder(vocals) == creator.address
        assert ipnft.rightsHolder(recording) == buyer.address
        assert ipnft.rightsHolder(stem_id(recording, Kind.DRUMS)) == buyer.address

    def test_follows_transfers(self, ipnft, mint, recording, vocals, creator, buyer):
        mint(recording, creator, sender=creator)
        ipnft.transferFrom(creator, buyer, recording, sender=creator)
        assert ipnft.rightsHolder(recording) == ipnft.rightsHolder(vocals) == buyer.address

    def test_unknown_work(self, ipnft, recording):
        with reverts("UnknownWork"):
            simulate(ipnft.rightsHolder, recording | 7)


class TestMetadata:
    @pytest.mark.parametrize("kind", list(Kind))
    def test_token_uri(self, ipnft, mint, registered, creator, kind):
        work = registered.recording_id | kind
        mint(work, creator, sender=creator)
        directory = Cid(DAG_PB, registered.separation.metadata_digest)
        assert ipnft.tokenURI(work) == f"ipfs://{directory}/{int(kind)}.json"

    def test_untitled(self, ipnft, recording):
        with reverts("ERC721NonexistentToken"):
            simulate(ipnft.tokenURI, recording)

    def test_of_no_work(self, ipnft, recording):
        for token in (2**224 + recording, 2**256 - 1):
            with reverts("ERC721NonexistentToken"):
                simulate(ipnft.tokenURI, token)

    def test_collection(self, ipnft):
        kind, document = ipnft.contractURI().split(",", 1)
        assert kind == "data:application/json;utf8"
        assert json.loads(document)["name"] == ipnft.name() == "Stemma Titles"
        assert json.loads(document)["symbol"] == ipnft.symbol() == "STEMMA"


class TestResaleRoyalty:
    def test_pays_the_creator(self, ipnft, mint, recording, vocals, creator, buyer):
        mint(recording, buyer, sender=creator)
        assert tuple(ipnft.royaltyInfo(recording, 1_000_000)) == (creator.address, 50_000)
        assert tuple(ipnft.royaltyInfo(vocals, 1_000_000)) == (creator.address, 50_000)

    def test_rounds_down(self, ipnft, recording):
        assert [ipnft.royaltyInfo(recording, price)[1] for price in (0, 19, 20, 39, 40)] == [0, 0, 1, 1, 2]

    def test_any_price(self, ipnft, recording):
        assert ipnft.royaltyInfo(recording, 2**256 - 1)[1] == (2**256 - 1) * 50_000 // 1_000_000

    def test_payout_address(self, ipnft, recording, creator, stranger):
        assert ipnft.payoutOf(creator) == creator.address
        assert ipnft.presetPayoutOf(creator) == ZERO
        receipt = ipnft.setPayout(stranger, sender=creator)
        assert list(receipt.events) == [ipnft.PayoutSet(account=creator, payout=stranger)]
        assert ipnft.payoutOf(creator) == ipnft.presetPayoutOf(creator) == stranger.address
        assert ipnft.royaltyInfo(recording, 100)[0] == stranger.address

    def test_payout_of_the_buyer_changes_nothing(self, ipnft, mint, recording, creator, buyer):
        mint(recording, buyer, sender=creator)
        ipnft.setPayout(buyer, sender=buyer)
        assert ipnft.royaltyInfo(recording, 100)[0] == creator.address

    def test_payout_to_nobody(self, ipnft, creator):
        with reverts("ZeroPayout"):
            simulate(ipnft.setPayout, ZERO, sender=creator)

    def test_unknown_works(self, ipnft, recording):
        for token in (0, recording | 7, 2**224 + recording, 2**256 - 1):
            with reverts("UnknownWork", work=token):
                simulate(ipnft.royaltyInfo, token, 1)


class TestStandards:
    @pytest.mark.parametrize(
        ("interface", "supported"),
        [
            ("0x01ffc9a7", True),  # ERC-165
            ("0x80ac58cd", True),  # ERC-721
            ("0x5b5e139f", True),  # ERC-721 metadata
            ("0x2a55205a", True),  # ERC-2981
            ("0x49064906", True),  # ERC-4906
            ("0x780e9d63", False),  # ERC-721 enumerable
            ("0xffffffff", False),
        ],
    )
    def test_erc165(self, ipnft, interface, supported):
        assert ipnft.supportsInterface(interface) is supported

    def test_approval_and_transfer(self, ipnft, mint, recording, creator, buyer, stranger):
        mint(recording, creator, sender=creator)
        with reverts("ERC721InsufficientApproval"):
            simulate(ipnft.transferFrom, creator, buyer, recording, sender=stranger)
        ipnft.approve(stranger, recording, sender=creator)
        ipnft.transferFrom(creator, buyer, recording, sender=stranger)
        assert ipnft.ownerOf(recording) == buyer.address
        assert ipnft.getApproved(recording) == ZERO

    def test_operator(self, ipnft, mint, recording, creator, buyer, stranger):
        mint(recording, creator, sender=creator)
        ipnft.setApprovalForAll(stranger, True, sender=creator)
        ipnft.safeTransferFrom(creator, buyer, recording, sender=stranger)
        assert ipnft.ownerOf(recording) == buyer.address

    def test_never_burned(self, ipnft, mint, recording, creator):
        mint(recording, creator, sender=creator)
        with reverts("ERC721InvalidReceiver"):
            simulate(ipnft.transferFrom, creator, ZERO, recording, sender=creator)
        assert not [method for method in ("burn", "burnFrom") if hasattr(ipnft, method)]

    def test_knows_its_registry(self, ipnft, registry):
        assert ipnft.registry() == registry.address
