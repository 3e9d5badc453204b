"""IPNFT: who may mint, who holds the rights, where the metadata is, who is paid on resale."""

import json

import pytest
from commits import digest
from reverting import reverts, simulate

from stemma.cid import DAG_PB, Cid
from stemma.works import STEM_KINDS, Kind, recording_id, stem_id

ZERO = "0x" + "00" * 20


@pytest.fixture
def recording(registered):
    return registered.recording_id


@pytest.fixture
def vocals(recording):
    return stem_id(recording, Kind.VOCALS)


class TestMint:
    def test_recording(self, ipnft, recording, creator, buyer):
        receipt = ipnft.mint(recording, buyer, sender=creator)
        assert ipnft.ownerOf(recording) == buyer.address
        assert ipnft.balanceOf(buyer) == 1
        [transfer, minted] = receipt.events
        assert transfer.event_name == "Transfer"
        assert transfer.event_arguments == {"from": ZERO, "to": buyer.address, "tokenId": recording}
        assert minted == ipnft.TitleMinted(workId=recording, holder=buyer, minter=creator)

    @pytest.mark.parametrize("kind", STEM_KINDS)
    def test_each_stem(self, ipnft, recording, creator, kind):
        ipnft.mint(stem_id(recording, kind), creator, sender=creator)
        assert ipnft.ownerOf(stem_id(recording, kind)) == creator.address

    def test_stem_by_the_recordings_holder(self, ipnft, recording, vocals, creator, buyer):
        ipnft.mint(recording, buyer, sender=creator)
        with reverts("NotRightsHolder"):
            simulate(ipnft.mint, vocals, creator, sender=creator)
        ipnft.mint(vocals, buyer, sender=buyer)
        assert ipnft.ownerOf(vocals) == buyer.address

    def test_by_anyone_else(self, ipnft, recording, creator, stranger):
        expected = {"work": recording, "caller": stranger.address, "rightsHolder": creator.address}
        with reverts("NotRightsHolder", **expected):
            simulate(ipnft.mint, recording, stranger, sender=stranger)

    def test_once(self, ipnft, recording, creator, buyer):
        ipnft.mint(recording, creator, sender=creator)
        with reverts("TitleExists", work=recording):
            simulate(ipnft.mint, recording, creator, sender=creator)

    def test_unknown_works(self, ipnft, recording, creator):
        for work in (0, recording | 7, recording_id(digest("never registered"))):
            with reverts("UnknownWork", work=work):
                simulate(ipnft.mint, work, creator, sender=creator)

    def test_to_nobody(self, ipnft, recording, creator):
        with reverts("ERC721InvalidReceiver"):
            simulate(ipnft.mint, recording, ZERO, sender=creator)

    def test_to_a_contract_that_takes_titles(self, ipnft, recording, creator, wallet):
        ipnft.mint(recording, wallet, sender=creator)
        assert ipnft.ownerOf(recording) == wallet.address

    def test_to_a_contract_that_does_not(self, ipnft, registry, recording, creator):
        with reverts("ERC721InvalidReceiver", receiver=registry.address):
            simulate(ipnft.mint, recording, registry, sender=creator)

    def test_by_a_contract_account(self, ipnft, wallet, commit_of_wallet, creator):
        wallet.execute(ipnft, ipnft.mint.encode_input(commit_of_wallet.recording_id, wallet), sender=creator)
        assert ipnft.ownerOf(commit_of_wallet.recording_id) == wallet.address

    @pytest.fixture
    def commit_of_wallet(self, registry, wallet, commit, relayer):
        commit = commit.registering(creator=wallet.address)
        registry.registerAndCommit(*commit.arguments, sender=relayer)
        return commit


class TestRightsHolder:
    def test_creator_while_there_is_no_title(self, ipnft, recording, vocals, creator):
        assert ipnft.rightsHolder(recording) == ipnft.rightsHolder(vocals) == creator.address

    def test_the_recordings_title_covers_untitled_stems(self, ipnft, recording, vocals, creator, buyer):
        ipnft.mint(recording, buyer, sender=creator)
        assert ipnft.rightsHolder(recording) == ipnft.rightsHolder(vocals) == buyer.address

    def test_a_stems_title_stands_alone(self, ipnft, recording, vocals, creator, buyer):
        ipnft.mint(vocals, creator, sender=creator)
        ipnft.mint(recording, buyer, sender=creator)
        assert ipnft.rightsHolder(vocals) == creator.address
        assert ipnft.rightsHolder(recording) == buyer.address
        assert ipnft.rightsHolder(stem_id(recording, Kind.DRUMS)) == buyer.address

    def test_follows_transfers(self, ipnft, recording, vocals, creator, buyer):
        ipnft.mint(recording, creator, sender=creator)
        ipnft.transferFrom(creator, buyer, recording, sender=creator)
        assert ipnft.rightsHolder(recording) == ipnft.rightsHolder(vocals) == buyer.address

    def test_unknown_work(self, ipnft, recording):
        with reverts("UnknownWork"):
            simulate(ipnft.rightsHolder, recording | 7)


class TestMetadata:
    @pytest.mark.parametrize("kind", list(Kind))
    def test_token_uri(self, ipnft, registered, creator, kind):
        work = registered.recording_id | kind
        ipnft.mint(work, creator, sender=creator)
        directory = Cid(DAG_PB, registered.separation.metadata_digest)
        assert ipnft.tokenURI(work) == ipnft.metadataURI(work) == f"ipfs://{directory}/{int(kind)}.json"

    def test_untitled(self, ipnft, registered):
        directory = Cid(DAG_PB, registered.separation.metadata_digest)
        assert ipnft.metadataURI(registered.recording_id) == f"ipfs://{directory}/0.json"
        with reverts("ERC721NonexistentToken"):
            simulate(ipnft.tokenURI, registered.recording_id)

    def test_unknown_work(self, ipnft, recording):
        with reverts("UnknownWork"):
            simulate(ipnft.metadataURI, recording | 9)

    def test_collection(self, ipnft):
        kind, document = ipnft.contractURI().split(",", 1)
        assert kind == "data:application/json;utf8"
        assert json.loads(document)["name"] == ipnft.name() == "Stemma Titles"
        assert json.loads(document)["symbol"] == ipnft.symbol() == "STEMMA"


class TestResaleRoyalty:
    def test_pays_the_creator(self, ipnft, recording, vocals, creator, buyer):
        ipnft.mint(recording, buyer, sender=creator)
        assert tuple(ipnft.royaltyInfo(recording, 1_000_000)) == (creator.address, 50_000)
        assert tuple(ipnft.royaltyInfo(vocals, 1_000_000)) == (creator.address, 50_000)

    def test_rounds_down(self, ipnft, recording):
        assert [ipnft.royaltyInfo(recording, price)[1] for price in (0, 19, 20, 39, 40)] == [0, 0, 1, 1, 2]

    def test_any_price(self, ipnft, recording):
        assert ipnft.royaltyInfo(recording, 2**256 - 1)[1] == (2**256 - 1) * 50_000 // 1_000_000

    def test_payout_address(self, ipnft, recording, creator, stranger):
        assert ipnft.payoutOf(creator) == creator.address
        receipt = ipnft.setPayout(stranger, sender=creator)
        assert list(receipt.events) == [ipnft.PayoutSet(creator=creator, payout=stranger)]
        assert ipnft.payoutOf(creator) == stranger.address
        assert ipnft.royaltyInfo(recording, 100)[0] == stranger.address

    def test_payout_of_the_buyer_changes_nothing(self, ipnft, recording, creator, buyer):
        ipnft.mint(recording, buyer, sender=creator)
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
            ("0x780e9d63", False),  # ERC-721 enumerable
            ("0xffffffff", False),
        ],
    )
    def test_erc165(self, ipnft, interface, supported):
        assert ipnft.supportsInterface(interface) is supported

    def test_approval_and_transfer(self, ipnft, recording, creator, buyer, stranger):
        ipnft.mint(recording, creator, sender=creator)
        with reverts("ERC721InsufficientApproval"):
            simulate(ipnft.transferFrom, creator, buyer, recording, sender=stranger)
        ipnft.approve(stranger, recording, sender=creator)
        ipnft.transferFrom(creator, buyer, recording, sender=stranger)
        assert ipnft.ownerOf(recording) == buyer.address
        assert ipnft.getApproved(recording) == ZERO

    def test_operator(self, ipnft, recording, creator, buyer, stranger):
        ipnft.mint(recording, creator, sender=creator)
        ipnft.setApprovalForAll(stranger, True, sender=creator)
        ipnft.safeTransferFrom(creator, buyer, recording, sender=stranger)
        assert ipnft.ownerOf(recording) == buyer.address

    def test_never_burned(self, ipnft, recording, creator):
        ipnft.mint(recording, creator, sender=creator)
        with reverts("ERC721InvalidReceiver"):
            simulate(ipnft.transferFrom, creator, ZERO, recording, sender=creator)
        assert not [method for method in ("burn", "burnFrom") if hasattr(ipnft, method)]

    def test_knows_its_registry(self, ipnft, registry):
        assert ipnft.registry() == registry.address
