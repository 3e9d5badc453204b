"""TestUSDC behaves as FiatToken 2.2 does where the house relies on it."""

from dataclasses import astuple, replace

import pytest
from commits import ONE_HOUR, digest
from reverting import reverts, simulate

from stemma.chain.authorizations import (
    Authorization,
    Permit,
    TokenDomain,
    authorization_typed_data,
    permit_typed_data,
)
from stemma.chain.intents import sign_typed_data

ZERO = "0x" + "00" * 20
NONCE = digest("nonce")
NEVER = 2**256 - 1


@pytest.fixture(scope="module")
def owner(accounts, usdc):
    usdc.mint(accounts[3], 1000, sender=accounts[3])
    return accounts[3]


@pytest.fixture(scope="module")
def blacklister(accounts):
    return accounts[9]


@pytest.fixture
def now(chain) -> int:
    return chain.blocks.head.timestamp


@pytest.fixture(scope="module")
def token_domain(chain, usdc) -> TokenDomain:
    return TokenDomain(usdc.name(), usdc.version(), chain.chain_id, usdc.address)


def rsv(signature: bytes) -> tuple[int, bytes, bytes]:
    return signature[64], signature[:32], signature[32:64]


def as_transfer(typed: dict) -> dict:
    """The same authorization for anybody to carry out."""
    types = {"EIP712Domain": typed["types"]["EIP712Domain"]}
    types["TransferWithAuthorization"] = typed["types"]["ReceiveWithAuthorization"]
    return typed | {"types": types, "primaryType": "TransferWithAuthorization"}


def cancellation(authorizer: str, domain: TokenDomain, typed: dict) -> dict:
    return {
        "types": {
            "EIP712Domain": typed["types"]["EIP712Domain"],
            "CancelAuthorization": [
                {"name": "authorizer", "type": "address"},
                {"name": "nonce", "type": "bytes32"},
            ],
        },
        "primaryType": "CancelAuthorization",
        "domain": domain.as_typed(),
        "message": {"authorizer": authorizer, "nonce": "0x" + NONCE.hex()},
    }


class TestErc20:
    def test_metadata(self, usdc):
        assert (usdc.name(), usdc.symbol(), usdc.decimals(), usdc.version()) == ("Test USDC", "USDC", 6, "2")

    def test_anyone_mints(self, usdc, stranger):
        supply = usdc.totalSupply()
        receipt = usdc.mint(stranger, 5, sender=stranger)
        assert usdc.balanceOf(stranger) == 5
        assert usdc.totalSupply() == supply + 5
        assert receipt.events == [usdc.Transfer(**{"from": ZERO}, to=stranger, value=5)]

    def test_transfer(self, usdc, owner, stranger):
        receipt = usdc.transfer(stranger, 400, sender=owner)
        assert (usdc.balanceOf(owner), usdc.balanceOf(stranger)) == (600, 400)
        assert receipt.events == [usdc.Transfer(**{"from": owner}, to=stranger, value=400)]
        usdc.transfer(stranger, 100, sender=stranger)
        assert usdc.balanceOf(stranger) == 400

    def test_an_unlimited_allowance_is_used_up_too(self, usdc, owner, stranger):
        usdc.approve(stranger, NEVER, sender=owner)
        usdc.transferFrom(owner, stranger, 1, sender=stranger)
        assert usdc.allowance(owner, stranger) == NEVER - 1

    def test_refusals(self, usdc, owner, stranger):
        with reverts("BalanceTooLow", account=owner.address, balance=1000, needed=1001):
            simulate(usdc.transfer, stranger, 1001, sender=owner)
        with reverts("AllowanceTooLow", owner=owner.address, spender=stranger.address, allowed=0, needed=1):
            simulate(usdc.transferFrom, owner, stranger, 1, sender=stranger)
        for method, arguments in ((usdc.transfer, (ZERO, 1)), (usdc.approve, (ZERO, 1)), (usdc.mint, (ZERO, 1))):
            with reverts("ZeroAddress"):
                simulate(method, *arguments, sender=owner)
        with reverts("BalanceTooHigh", account=stranger.address):
            simulate(usdc.mint, stranger, 2**255, sender=stranger)


class TestBlacklist:
    def test_lies_in_the_balance(self, usdc, chain, owner, blacklister):
        usdc.blacklist(owner, sender=blacklister)
        assert usdc.isBlacklisted(owner)
        assert usdc.balanceOf(owner) == 1000
        usdc.unBlacklist(owner, sender=blacklister)
        assert not usdc.isBlacklisted(owner)
        usdc.transfer(blacklister, 1000, sender=owner)

    def test_stops_sender_payee_and_spender(self, usdc, owner, stranger, buyer, blacklister):
        usdc.approve(stranger, 10, sender=owner)
        usdc.blacklist(stranger, sender=blacklister)
        for method, arguments, sender in (
            (usdc.transfer, (stranger, 1), owner),
            (usdc.transfer, (owner, 0), stranger),
            (usdc.transferFrom, (owner, buyer, 1), stranger),
            (usdc.approve, (stranger, 1), owner),
            (usdc.approve, (owner, 1), stranger),
            (usdc.mint, (stranger, 1), owner),
        ):
            with reverts("AccountBlacklisted", account=stranger.address):
                simulate(method, *arguments, sender=sender)

    def test_is_the_blacklisters(self, usdc, owner, stranger):
        for method in (usdc.blacklist, usdc.unBlacklist):
            with reverts("NotBlacklister", caller=stranger.address):
                simulate(method, owner, sender=stranger)


class TestPermit:
    @pytest.fixture
    def permit(self, owner, stranger, now) -> Permit:
        return Permit(owner.address, stranger.address, 300, 0, now + ONE_HOUR)

    def test_both_forms(self, usdc, token_domain, owner, stranger, permit):
        signature = sign_typed_data(owner.private_key, permit_typed_data(permit, token_domain))
        arguments = (owner, stranger, 300, permit.deadline)
        usdc.permit(*arguments, *rsv(signature), sender=stranger)
        assert usdc.allowance(owner, stranger) == 300
        with reverts("InvalidSignature", account=owner.address):
            simulate(usdc.permit, *arguments, signature, sender=stranger)
        signature = sign_typed_data(owner.private_key, permit_typed_data(replace(permit, nonce=1), token_domain))
        usdc.permit(*arguments, signature, sender=stranger)
        assert usdc.nonces(owner) == 2

    def test_of_a_contract_account(self, usdc, token_domain, owner, stranger, wallet, permit):
        permit = replace(permit, owner=wallet.address)
        signature = sign_typed_data(owner.private_key, permit_typed_data(permit, token_domain))
        usdc.permit(wallet, stranger, 300, permit.deadline, signature, sender=stranger)
        assert usdc.allowance(wallet, stranger) == 300

    def test_deadline(self, usdc, token_domain, owner, stranger, permit, now):
        signature = sign_typed_data(owner.private_key, permit_typed_data(permit, token_domain))
        with reverts("PermitExpired", deadline=now - 1):
            simulate(usdc.permit, owner, stranger, 300, now - 1, signature, sender=stranger)
        forever = permit_typed_data(replace(permit, deadline=NEVER), token_domain)
        signature = sign_typed_data(owner.private_key, forever)
        usdc.permit(owner, stranger, 300, NEVER, signature, sender=stranger)


class TestAuthorizations:
    @pytest.fixture
    def authorization(self, owner, stranger, now) -> Authorization:
        return Authorization(owner.address, stranger.address, 300, 0, now + ONE_HOUR, NONCE)

    @pytest.fixture
    def typed(self, authorization, token_domain) -> dict:
        return authorization_typed_data(authorization, token_domain)

    @pytest.fixture(params=["bytes", "v, r, s"])
    def form(self, request):
        """The two forms of a signature's arguments."""
        return (lambda signature: (signature,)) if request.param == "bytes" else rsv

    def test_receive(self, usdc, owner, stranger, authorization, typed, form):
        signature = sign_typed_data(owner.private_key, typed)
        receipt = usdc.receiveWithAuthorization(*astuple(authorization), *form(signature), sender=stranger)
        assert usdc.balanceOf(stranger) == 300
        assert usdc.authorizationState(owner, NONCE)
        assert receipt.events == [
            usdc.AuthorizationUsed(authorizer=owner, nonce=NONCE),
            usdc.Transfer(**{"from": owner}, to=stranger, value=300),
        ]

    def test_receive_is_the_payees(self, usdc, owner, stranger, buyer, authorization, typed, form):
        signature = sign_typed_data(owner.private_key, typed)
        with reverts("CallerIsNotPayee", caller=buyer.address, payee=stranger.address):
            simulate(usdc.receiveWithAuthorization, *astuple(authorization), *form(signature), sender=buyer)

    def test_transfer_by_anyone(self, usdc, owner, stranger, buyer, authorization, typed, form):
        signature = sign_typed_data(owner.private_key, as_transfer(typed))
        usdc.transferWithAuthorization(*astuple(authorization), *form(signature), sender=buyer)
        assert usdc.balanceOf(stranger) == 300

    def test_once(self, usdc, owner, buyer, stranger, authorization, typed, form):
        signature = sign_typed_data(owner.private_key, as_transfer(typed))
        usdc.transferWithAuthorization(*astuple(authorization), *form(signature), sender=buyer)
        for method in (usdc.transferWithAuthorization, usdc.receiveWithAuthorization):
            with reverts("AuthorizationUsedOrCanceled", authorizer=owner.address, nonce=NONCE):
                simulate(method, *astuple(authorization), *form(signature), sender=stranger)

    def test_not_the_one_for_the_other(self, usdc, owner, stranger, authorization, typed, form):
        signature = sign_typed_data(owner.private_key, typed)
        with reverts("InvalidSignature", account=owner.address):
            simulate(usdc.transferWithAuthorization, *astuple(authorization), *form(signature), sender=stranger)

    def test_cancelled(self, usdc, owner, stranger, buyer, authorization, typed, token_domain, form):
        cancel = sign_typed_data(owner.private_key, cancellation(owner.address, token_domain, typed))
        receipt = usdc.cancelAuthorization(owner, NONCE, *form(cancel), sender=buyer)
        assert receipt.events == [usdc.AuthorizationCanceled(authorizer=owner, nonce=NONCE)]
        signature = sign_typed_data(owner.private_key, typed)
        with reverts("AuthorizationUsedOrCanceled", authorizer=owner.address, nonce=NONCE):
            simulate(usdc.receiveWithAuthorization, *astuple(authorization), *form(signature), sender=stranger)

    def test_of_a_contract_account(self, usdc, owner, wallet, stranger, authorization, token_domain):
        usdc.mint(wallet, 300, sender=owner)
        authorization = replace(authorization, payer=wallet.address)
        signature = sign_typed_data(owner.private_key, authorization_typed_data(authorization, token_domain))
        usdc.receiveWithAuthorization(*astuple(authorization), signature, sender=stranger)
        assert usdc.balanceOf(stranger) == 300

    def test_times(self, usdc, owner, stranger, authorization, now):
        early = replace(authorization, valid_after=now + ONE_HOUR)
        late = replace(authorization, valid_before=now)
        for error, given in (("AuthorizationNotYetValid", early), ("AuthorizationExpired", late)):
            with reverts(error):
                simulate(usdc.receiveWithAuthorization, *astuple(given), b"", sender=stranger)

    def test_of_the_blacklisted(self, usdc, owner, stranger, blacklister, authorization, typed):
        signature = sign_typed_data(owner.private_key, typed)
        usdc.blacklist(owner, sender=blacklister)
        with reverts("AccountBlacklisted", account=owner.address):
            simulate(usdc.receiveWithAuthorization, *astuple(authorization), signature, sender=stranger)
