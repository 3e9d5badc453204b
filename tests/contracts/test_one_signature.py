"""Purchases by one signature that anyone may send: EIP-3009 authorizations, and orders with an ERC-2612 permit.

The sender is the hostile part here: it must not be able to change what is bought, from whom, for whom or for how much.
"""

from dataclasses import astuple, replace

import pytest
from commits import digest
from market import ALL_WORKS, NO_OFFER, NO_PERMIT, ONE_DAY, PRICE
from reverting import reverts, simulate

from stemma.chain.licensing import NATIVE, Purchase
from stemma.works import Kind


@pytest.fixture(scope="module", autouse=True)
def listed(market, terms_id) -> bytes:
    market.attach(terms_id)
    return terms_id


class TestAuthorization:
    def test_buys_at_list_price(self, manager, market, licenses, splitter, usdc, listed, relayer, buyer):
        before = usdc.balanceOf(buyer)
        purchase, offer, _ = market.at_list_price(listed)
        arguments = (purchase, offer, *market.authorize(purchase, PRICE))
        license_id = market.license_of(purchase)
        assert manager.buyWithAuthorization.call(*arguments, sender=relayer) == license_id
        receipt = manager.buyWithAuthorization(*arguments, sender=relayer)
        assert licenses.ownerOf(license_id) == buyer
        assert before - usdc.balanceOf(buyer) == PRICE == splitter.accountOf(market.work, usdc).received
        assert usdc.authorizationState(buyer, license_id.to_bytes(32, "big"))
        (sold,) = receipt.decode_logs(manager.LicenseSold)
        assert sold.payer == buyer

    def test_buys_by_offer(self, manager, market, licenses, terms_id, relayer, buyer):
        purchase, offer, _ = market.by_offer(market.offer(terms_id))
        manager.buyWithAuthorization(purchase, offer, *market.authorize(purchase, PRICE), sender=relayer)
        assert licenses.ownerOf(market.license_of(purchase)) == buyer

    def test_needs_no_allowance(self, manager, market, usdc, splitter, listed, relayer, buyer):
        usdc.approve(splitter, 0, sender=buyer)
        purchase, offer, _ = market.at_list_price(listed)
        simulate(manager.buyWithAuthorization, purchase, offer, *market.authorize(purchase, PRICE), sender=relayer)

    def test_of_a_contract_account(self, manager, market, usdc, listed, wallet, creator, relayer):
        """The creator's key signs for the wallet, which the token asks by ERC-1271."""
        usdc.mint(wallet, PRICE, sender=relayer)
        purchase, offer, _ = market.at_list_price(listed, licensee=wallet.address)
        authorization = market.authorize(purchase, PRICE, by=creator, payer=wallet.address)
        simulate(manager.buyWithAuthorization, purchase, offer, *authorization, sender=relayer)

    def test_once(self, manager, market, listed, relayer):
        purchase, offer, _ = market.at_list_price(listed)
        arguments = (purchase, offer, *market.authorize(purchase, PRICE))
        manager.buyWithAuthorization(*arguments, sender=relayer)
        with reverts("LicenseExists", licenseId=market.license_of(purchase)):
            simulate(manager.buyWithAuthorization, *arguments, sender=relayer)

    def test_sent_by_another_first_gives_the_same_license(self, manager, market, licenses, listed, buyer, stranger):
        purchase, offer, _ = market.at_list_price(listed)
        manager.buyWithAuthorization(purchase, offer, *market.authorize(purchase, PRICE), sender=stranger)
        assert licenses.ownerOf(market.license_of(purchase)) == buyer

    def test_cannot_be_fetched_around_the_manager(self, market, usdc, splitter, listed, stranger):
        """Only the payee may fetch it, which is the splitter, which listens to the manager alone."""
        purchase, _, _ = market.at_list_price(listed)
        payer, after, before, signature = market.authorize(purchase, PRICE)
        nonce = market.license_of(purchase).to_bytes(32, "big")
        with reverts("CallerIsNotPayee", caller=stranger.address, payee=splitter.address):
            receive = usdc.receiveWithAuthorization
            simulate(receive, payer, splitter, PRICE, after, before, nonce, signature, sender=stranger)
        with reverts("NotLicenseManager", caller=stranger.address):
            simulate(
                splitter.collectWithAuthorization,
                *(payer, market.work, usdc, PRICE, 0, nonce, after, before, nonce, signature),
                sender=stranger,
            )


class TestHostileSenderOfAnAuthorization:
    @pytest.mark.parametrize(
        "change",
        [
            {"licensee": "0x" + "66" * 20},
            {"coverage": 1},
            {"salt": 99},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_changes_the_purchase(self, manager, market, listed, stranger, change):
        purchase, offer, _ = market.at_list_price(listed, coverage=ALL_WORKS)
        changed = astuple(replace(Purchase(*purchase), **change))
        with reverts("InvalidSignature", account=market.buyer.address):
            simulate(manager.buyWithAuthorization, changed, offer, *market.authorize(purchase, PRICE), sender=stranger)

    def test_changes_the_work(self, manager, market, terms_id, listed, stranger):
        market.attach(terms_id, work=market.work | Kind.VOCALS)
        purchase, offer, _ = market.at_list_price(listed)
        changed = astuple(replace(Purchase(*purchase), work=market.work | Kind.VOCALS))
        with reverts("InvalidSignature"):
            simulate(manager.buyWithAuthorization, changed, offer, *market.authorize(purchase, PRICE), sender=stranger)

    def test_changes_the_terms(self, manager, market, listed, stranger):
        others = market.publish(transferable=True)
        market.attach(others)
        purchase, offer, _ = market.at_list_price(listed)
        changed = astuple(replace(Purchase(*purchase), basis=others))
        with reverts("InvalidSignature"):
            simulate(manager.buyWithAuthorization, changed, offer, *market.authorize(purchase, PRICE), sender=stranger)

    def test_changes_the_offer(self, manager, market, terms_id, stranger):
        """Another offer of the same seller, which is as good as the first but for its nonce."""
        purchase, _, _ = market.by_offer(market.offer(terms_id))
        other = market.offer(terms_id, nonce=2)
        with reverts("WrongBasis", basis=Purchase(*purchase).basis, expected=market.basis(other)):
            simulate(
                manager.buyWithAuthorization,
                purchase,
                market.sign(other),
                *market.authorize(purchase, PRICE),
                sender=stranger,
            )

    @pytest.mark.parametrize("value", [PRICE - 1, PRICE + 1, 0])
    def test_pays_another_value(self, manager, market, listed, stranger, value):
        purchase, offer, _ = market.at_list_price(listed)
        with reverts("InvalidSignature"):
            simulate(manager.buyWithAuthorization, purchase, offer, *market.authorize(purchase, value), sender=stranger)

    def test_waits_for_a_higher_price(self, manager, market, listed, stranger):
        purchase, offer, _ = market.at_list_price(listed)
        authorization = market.authorize(purchase, PRICE)
        market.attach(listed, PRICE + 1)
        with reverts("InvalidSignature"):
            simulate(manager.buyWithAuthorization, purchase, offer, *authorization, sender=stranger)

    def test_waits_for_the_end(self, manager, market, listed, stranger):
        purchase, offer, _ = market.at_list_price(listed)
        authorization = market.authorize(purchase, PRICE)
        market.pass_time(ONE_DAY)
        with reverts("AuthorizationExpired"):
            simulate(manager.buyWithAuthorization, purchase, offer, *authorization, sender=stranger)

    def test_names_another_payer(self, manager, market, usdc, listed, relayer, stranger):
        usdc.mint(stranger, PRICE, sender=relayer)
        purchase, offer, _ = market.at_list_price(listed)
        _, *rest = market.authorize(purchase, PRICE)
        with reverts("InvalidSignature", account=stranger.address):
            simulate(manager.buyWithAuthorization, purchase, offer, stranger, *rest, sender=relayer)

    def test_uses_an_authorization_for_something_else(self, manager, market, listed, stranger):
        """Its nonce says what for: one for another deal with the house buys nothing."""
        purchase, offer, _ = market.at_list_price(listed)
        other = market.authorize(purchase, PRICE, nonce=digest("another purpose"))
        with reverts("InvalidSignature"):
            simulate(manager.buyWithAuthorization, purchase, offer, *other, sender=stranger)

    def test_names_a_payer_where_nothing_is_to_be_paid(self, manager, market, terms_id, relayer, stranger):
        """A free purchase would check no signature, and anybody could be told to have made it."""
        purchase, offer, _ = market.by_offer(market.offer(terms_id, price=0))
        with reverts("NothingToPay"):
            simulate(manager.buyWithAuthorization, purchase, offer, stranger, 0, 2**255, b"", sender=relayer)

    def test_in_native_coin(self, manager, market, relayer):
        purchase, offer, _ = market.by_offer(market.offer(market.publish(token=NATIVE)))
        with reverts("NativeNotPossible"):
            simulate(manager.buyWithAuthorization, purchase, offer, *market.authorize(purchase, PRICE), sender=relayer)


class TestOrder:
    def test_buys_by_an_allowance(self, manager, market, licenses, usdc, listed, relayer, buyer):
        before = usdc.balanceOf(buyer)
        purchase, offer, limit = market.at_list_price(listed)
        arguments = (*market.sign_order(market.order(purchase, limit)), offer, NO_PERMIT)
        assert manager.buyWithOrder.call(*arguments, sender=relayer) == market.license_of(purchase)
        receipt = manager.buyWithOrder(*arguments, sender=relayer)
        assert licenses.ownerOf(market.license_of(purchase)) == buyer
        assert before - usdc.balanceOf(buyer) == PRICE
        (sold,) = receipt.decode_logs(manager.LicenseSold)
        assert sold.payer == buyer

    def test_buys_with_a_permit(self, manager, market, licenses, usdc, splitter, listed, relayer, buyer):
        usdc.approve(splitter, 0, sender=buyer)
        purchase, offer, limit = market.at_list_price(listed)
        signed = market.sign_order(market.order(purchase, limit))
        with reverts("AllowanceTooLow"):
            simulate(manager.buyWithOrder, *signed, offer, NO_PERMIT, sender=relayer)
        manager.buyWithOrder(*signed, offer, market.permit(PRICE), sender=relayer)
        assert licenses.ownerOf(market.license_of(purchase)) == buyer
        assert usdc.allowance(buyer, splitter) == 0

    def test_with_a_permit_already_used(self, manager, market, usdc, splitter, listed, relayer, stranger, buyer):
        usdc.approve(splitter, 0, sender=buyer)
        purchase, offer, limit = market.at_list_price(listed)
        signed, permit = market.sign_order(market.order(purchase, limit)), market.permit(PRICE)
        usdc.permit(buyer, splitter, *permit, sender=stranger)
        with reverts("InvalidSignature", account=buyer.address):
            simulate(usdc.permit, buyer, splitter, *permit, sender=stranger)
        simulate(manager.buyWithOrder, *signed, offer, permit, sender=relayer)

    def test_with_a_permit_of_too_little(self, manager, market, usdc, splitter, listed, relayer, buyer):
        usdc.approve(splitter, 0, sender=buyer)
        purchase, offer, limit = market.at_list_price(listed)
        signed = market.sign_order(market.order(purchase, limit))
        with reverts("AllowanceTooLow", allowed=PRICE - 1, needed=PRICE):
            simulate(manager.buyWithOrder, *signed, offer, market.permit(PRICE - 1), sender=relayer)

    def test_by_offer(self, manager, market, terms_id, relayer):
        purchase, offer, limit = market.by_offer(market.offer(terms_id))
        simulate(
            manager.buyWithOrder, *market.sign_order(market.order(purchase, limit)), offer, NO_PERMIT, sender=relayer
        )

    def test_for_less_than_it_allows(self, manager, market, usdc, listed, relayer, buyer):
        before = usdc.balanceOf(buyer)
        purchase, offer, _ = market.at_list_price(listed)
        signed = market.sign_order(market.order(purchase, 3 * PRICE))
        manager.buyWithOrder(*signed, offer, NO_PERMIT, sender=relayer)
        assert before - usdc.balanceOf(buyer) == PRICE

    def test_for_nothing(self, manager, market, relayer):
        """No money moves, so no token is asked for a permit either: none needs to be there."""
        purchase, offer, _ = market.by_offer(market.offer(market.publish(token=NATIVE), price=0))
        signed = market.sign_order(market.order(purchase, 0))
        for permit in (NO_PERMIT, market.permit(PRICE)):
            simulate(manager.buyWithOrder, *signed, offer, permit, sender=relayer)

    def test_of_a_contract_account(self, manager, market, usdc, splitter, listed, wallet, creator, relayer):
        usdc.mint(wallet, PRICE, sender=relayer)
        wallet.execute(usdc, usdc.approve.encode_input(splitter, PRICE), sender=creator)
        purchase, offer, limit = market.at_list_price(listed, licensee=wallet.address)
        order = market.order(purchase, limit, payer=wallet.address)
        simulate(manager.buyWithOrder, *market.sign_order(order, by=creator), offer, NO_PERMIT, sender=relayer)

    def test_until_its_last_second(self, manager, market, listed, relayer):
        deadline = market.now + ONE_DAY
        purchase, offer, limit = market.at_list_price(listed)
        signed = market.sign_order(market.order(purchase, limit, deadline=deadline))
        market.chain.mine(timestamp=deadline)
        simulate(manager.buyWithOrder, *signed, offer, NO_PERMIT, sender=relayer)
        market.pass_time(1)
        with reverts("DeadlinePassed", deadline=deadline, time=deadline + 1):
            simulate(manager.buyWithOrder, *signed, offer, NO_PERMIT, sender=relayer)


class TestHostileSenderOfAnOrder:
    @pytest.mark.parametrize(
        "change",
        [
            {"max_price": 2 * PRICE},
            {"deadline": 2**40},
            {"purchase.licensee": "0x" + "66" * 20},
            {"purchase.work": 1},
            {"purchase.basis": digest("other")},
            {"purchase.coverage": 1},
            {"purchase.version": 1},
            {"purchase.salt": 9},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_changes_it(self, manager, market, listed, stranger, change):
        purchase, offer, limit = market.at_list_price(listed)
        order = market.order(purchase, limit)
        _, signature = market.sign_order(order)
        (field, value), *_ = change.items()
        if field.startswith("purchase."):
            value = replace(order.purchase, **{field.removeprefix("purchase."): value})
        changed = replace(order, **{field.split(".")[0]: value})
        with reverts("InvalidSignature", account=market.buyer.address):
            simulate(manager.buyWithOrder, astuple(changed), signature, offer, NO_PERMIT, sender=stranger)

    def test_lets_another_pay(self, manager, market, listed, stranger, creator):
        purchase, offer, limit = market.at_list_price(listed)
        order = market.order(purchase, limit)
        _, signature = market.sign_order(order)
        other = astuple(replace(order, payer=creator.address))
        with reverts("InvalidSignature", account=creator.address):
            simulate(manager.buyWithOrder, other, signature, offer, NO_PERMIT, sender=stranger)

    def test_sends_it_twice(self, manager, market, listed, stranger):
        purchase, offer, limit = market.at_list_price(listed)
        signed = market.sign_order(market.order(purchase, limit))
        manager.buyWithOrder(*signed, offer, NO_PERMIT, sender=stranger)
        with reverts("LicenseExists"):
            simulate(manager.buyWithOrder, *signed, offer, NO_PERMIT, sender=stranger)

    def test_waits_for_a_higher_price(self, manager, market, listed, stranger):
        purchase, offer, limit = market.at_list_price(listed)
        signed = market.sign_order(market.order(purchase, limit))
        market.attach(listed, PRICE + 1)
        with reverts("PriceTooHigh", price=PRICE + 1, maxPrice=PRICE):
            simulate(manager.buyWithOrder, *signed, offer, NO_PERMIT, sender=stranger)

    def test_pays_in_native_coin(self, manager, market, stranger):
        purchase, offer, limit = market.by_offer(market.offer(market.publish(token=NATIVE)))
        signed = market.sign_order(market.order(purchase, limit))
        with reverts("NativeNotPossible"):
            simulate(manager.buyWithOrder, *signed, offer, NO_PERMIT, sender=stranger)

    def test_takes_an_allowance_without_an_order(self, manager, market, listed, stranger, buyer):
        """The allowance is the splitter's; nobody makes another account pay without that account's word."""
        purchase, offer, limit = market.at_list_price(listed, licensee=stranger.address)
        order = market.order(purchase, limit)
        with reverts("InvalidSignature", account=buyer.address):
            forged = market.sign_order(order, by=stranger)
            simulate(manager.buyWithOrder, *forged, offer, NO_PERMIT, sender=stranger)
        with reverts("AllowanceTooLow", owner=stranger.address):
            simulate(manager.buy, purchase, NO_OFFER, limit, sender=stranger)
