"""ERC-721 of both tokens alike: titles, and licenses, which keep owners and balances in their own storage.

https://eips.ethereum.org/EIPS/eip-721, with ERC-6093's errors, and ERC-7572. The interfaces by ERC-165, ERC-2981
and ERC-4906 are in test_ipnft.py, test_titles.py and test_licenses.py.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from reverting import reverts, simulate

from stemma.works import Kind

ZERO = "0x" + "00" * 20
NEVER = 2**200


@dataclass(frozen=True)
class Collection:
    """One of the two, with a token of the owner's."""

    contract: Any
    owner: Any
    token: int
    another: int


@pytest.fixture(params=["titles", "licenses"])
def collection(request, ipnft, licenses, manager, market, creator, registered) -> Collection:
    if request.param == "titles":
        recording = registered.recording_id
        for work in (recording, recording | Kind.BASS):
            ipnft.mint(work, creator, *registered.title, sender=creator)
        return Collection(ipnft, creator, recording, recording | Kind.BASS)
    terms = market.publish(transferable=True)
    manager.grantMany(market.work, terms, [creator, creator], 70, sender=market.seller)
    ids = [market.license_of((market.work, terms, creator.address, 0, 0, salt)) for salt in (70, 71)]
    return Collection(licenses, creator, *ids)


class TestOwnership:
    def test_is_counted(self, collection, stranger):
        before = collection.contract.balanceOf(collection.owner)
        collection.contract.transferFrom(collection.owner, stranger, collection.token, sender=collection.owner)
        assert collection.contract.ownerOf(collection.token) == stranger.address
        assert collection.contract.ownerOf(collection.another) == collection.owner.address
        assert collection.contract.balanceOf(stranger) == 1
        assert collection.contract.balanceOf(collection.owner) == before - 1

    def test_nobody_has_no_balance(self, collection):
        with reverts("ERC721InvalidOwner", owner=ZERO):
            simulate(collection.contract.balanceOf, ZERO)

    @pytest.mark.parametrize("view", ["ownerOf", "getApproved"])
    def test_of_what_was_never_minted(self, collection, view):
        with reverts("ERC721NonexistentToken", tokenId=NEVER):
            simulate(getattr(collection.contract, view), NEVER)


class TestTransfer:
    def test_tells(self, collection, stranger):
        receipt = collection.contract.transferFrom(
            collection.owner, stranger, collection.token, sender=collection.owner
        )
        (transfer,) = receipt.decode_logs(collection.contract.Transfer)
        assert tuple(transfer.event_arguments.values()) == (
            collection.owner.address,
            stranger.address,
            collection.token,
        )

    def test_from_whom_it_does_not_belong_to(self, collection, stranger, buyer):
        with reverts("ERC721IncorrectOwner", sender=stranger.address, owner=collection.owner.address):
            simulate(collection.contract.transferFrom, stranger, buyer, collection.token, sender=collection.owner)

    def test_to_nobody(self, collection):
        with reverts("ERC721InvalidReceiver", receiver=ZERO):
            simulate(
                collection.contract.transferFrom, collection.owner, ZERO, collection.token, sender=collection.owner
            )

    def test_of_what_was_never_minted(self, collection, stranger):
        with reverts("ERC721NonexistentToken", tokenId=NEVER):
            simulate(collection.contract.transferFrom, collection.owner, stranger, NEVER, sender=collection.owner)

    def test_by_a_stranger(self, collection, stranger):
        with reverts("ERC721InsufficientApproval", operator=stranger.address, tokenId=collection.token):
            simulate(collection.contract.transferFrom, collection.owner, stranger, collection.token, sender=stranger)

    @pytest.mark.parametrize("data", [(), (b"a letter",)])
    def test_safely_to_a_contract_that_takes_it(self, collection, wallet, data):
        arguments = (collection.owner, wallet, collection.token, *data)
        collection.contract.safeTransferFrom(*arguments, sender=collection.owner)
        assert collection.contract.ownerOf(collection.token) == wallet.address

    @pytest.mark.parametrize("data", [(), (b"a letter",)])
    def test_safely_not_to_one_that_does_not(self, collection, registry, data):
        arguments = (collection.owner, registry, collection.token, *data)
        with reverts("ERC721InvalidReceiver", receiver=registry.address):
            simulate(collection.contract.safeTransferFrom, *arguments, sender=collection.owner)


class TestApproval:
    def test_of_one_token_ends_with_the_transfer(self, collection, stranger, buyer):
        contract, owner, token = collection.contract, collection.owner, collection.token
        receipt = contract.approve(stranger, token, sender=owner)
        (approval,) = receipt.decode_logs(contract.Approval)
        assert tuple(approval.event_arguments.values()) == (owner.address, stranger.address, token)
        assert contract.getApproved(token) == stranger.address
        contract.transferFrom(owner, buyer, token, sender=stranger)
        assert contract.getApproved(token) == ZERO
        with reverts("ERC721InsufficientApproval"):
            simulate(contract.transferFrom, buyer, stranger, token, sender=stranger)

    def test_of_all_tokens(self, collection, stranger):
        contract, owner = collection.contract, collection.owner
        receipt = contract.setApprovalForAll(stranger, True, sender=owner)
        (approval,) = receipt.decode_logs(contract.ApprovalForAll)
        assert tuple(approval.event_arguments.values()) == (owner.address, stranger.address, True)
        assert contract.isApprovedForAll(owner, stranger)
        contract.transferFrom(owner, stranger, collection.another, sender=stranger)
        contract.setApprovalForAll(stranger, False, sender=owner)
        with reverts("ERC721InsufficientApproval"):
            simulate(contract.transferFrom, owner, stranger, collection.token, sender=stranger)

    def test_is_the_owners_to_give(self, collection, stranger):
        with reverts("ERC721InvalidApprover", approver=stranger.address):
            simulate(collection.contract.approve, stranger, collection.token, sender=stranger)

    def test_of_nobody_for_all(self, collection):
        with reverts("ERC721InvalidOperator", operator=ZERO):
            simulate(collection.contract.setApprovalForAll, ZERO, True, sender=collection.owner)


class TestMetadata:
    def test_of_the_collection(self, collection):
        """ERC-7572: name is required; nothing can change the document, so nothing announces a change."""
        scheme, _, document = collection.contract.contractURI().partition(",")
        assert scheme == "data:application/json;utf8"
        content = json.loads(document)
        assert content["name"] == collection.contract.name()
        assert content["symbol"] == collection.contract.symbol()
        assert not [event for event in collection.contract.contract_type.events if event.name == "ContractURIUpdated"]

    def test_an_update_is_told_where_there_is_one(self, ipnft, registered, creator):
        """ERC-4906 announces what changes; a mint is no change."""
        receipt = ipnft.mint(registered.recording_id, creator, *registered.title, sender=creator)
        assert not receipt.decode_logs(ipnft.MetadataUpdate)
        assert not receipt.decode_logs(ipnft.BatchMetadataUpdate)
