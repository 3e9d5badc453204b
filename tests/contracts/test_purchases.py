"""Purchases that the buyer sends: in native coin and in tokens, one and many; free grants; quotes."""

from dataclasses import replace

import pytest
from commits import digest
from market import DOLLAR, NO_OFFER, PRICE
from reverting import reverts, simulate

from stemma.chain.licensing import NATIVE, LicenseKind, Purchase
from stemma.works import Kind, recording_id

WEI_PRICE = 10**15


@pytest.fixture
def native_terms_id(market) -> bytes:
    return market.publish(token=NATIVE)


class TestNative:
    def test_pays_the_work(self, manager, market, licenses, splitter, native_terms_id, buyer):
        market.attach(native_terms_id, WEI_PRICE)
        before = splitter.balance
        purchase, *rest = market.at_list_price(native_terms_id, max_price=WEI_PRICE)
        manager.buy(purchase, *rest, value=WEI_PRICE, sender=buyer)
        assert licenses.ownerOf(market.license_of(purchase)) == buyer
        assert splitter.balance - before == WEI_PRICE == splitter.accountOf(market.work, NATIVE).received
        assert manager.balance == 0

    @pytest.mark.parametrize("value", [0, WEI_PRICE - 1, WEI_PRICE + 1])
    def test_to_the_unit(self, manager, market, native_terms_id, buyer, value):
        arguments = market.by_offer(market.offer(native_terms_id, price=WEI_PRICE))
        with reverts("WrongValue", given=value, expected=WEI_PRICE):
            simulate(manager.buy, *arguments, sender=buyer, value=value)

    def test_none_comes_with_tokens(self, manager, market, terms_id, buyer):
        with reverts("WrongValue", given=1, expected=0):
            simulate(manager.buy, *market.by_offer(market.offer(terms_id)), sender=buyer, value=1)

    def test_none_comes_with_what_is_free(self, manager, market, native_terms_id, buyer):
        arguments = market.by_offer(market.offer(native_terms_id, price=0))
        with reverts("WrongValue", given=1, expected=0):
            simulate(manager.buy, *arguments, sender=buyer, value=1)
        simulate(manager.buy, *arguments, sender=buyer)


class TestToken:
    def test_without_allowance(self, manager, market, usdc, terms_id, stranger, splitter):
        usdc.mint(stranger, PRICE, sender=stranger)
        arguments = market.by_offer(market.offer(terms_id))
        with reverts("AllowanceTooLow", owner=stranger.address, spender=splitter.address, needed=PRICE):
            simulate(manager.buy, *arguments, sender=stranger)

    def test_without_money(self, manager, market, usdc, terms_id, stranger, splitter):
        usdc.approve(splitter, PRICE, sender=stranger)
        with reverts("BalanceTooLow", account=stranger.address, needed=PRICE):
            simulate(manager.buy, *market.by_offer(market.offer(terms_id)), sender=stranger)

    def test_that_takes_no_new_payments(self, manager, market, usdc, splitter, terms_id, guardian, buyer):
        splitter.stopToken(usdc, sender=guardian)
        priced = market.by_offer(market.offer(terms_id))
        with reverts("TokenNotAccepted", token=usdc.address):
            simulate(manager.buy, *priced, sender=buyer)
        with reverts("TokenNotAccepted", token=usdc.address):
            simulate(manager.quote, *priced[:2])
        free = market.by_offer(market.offer(terms_id, price=0))
        simulate(manager.buy, *free, sender=buyer)
        simulate(manager.quote, *free[:2])

    def test_that_was_never_accepted(self, manager, market, usdc, buyer, licenses):
        terms_id = market.publish(token=licenses.address)
        with reverts("TokenNotAccepted", token=licenses.address):
            simulate(manager.buy, *market.by_offer(market.offer(terms_id)), sender=buyer)


class TestMany:
    def test_all_of_them(self, manager, market, licenses, splitter, usdc, terms_id, native_terms_id, creator, buyer):
        """At list price and by offer, in token and in coin, of a recording and a stem."""
        market.attach(native_terms_id, WEI_PRICE)
        stem = market.work | Kind.VOCALS
        baskets = [
            market.at_list_price(native_terms_id, max_price=WEI_PRICE),
            market.by_offer(market.offer(terms_id, work=stem)),
            market.at_list_price(native_terms_id, max_price=WEI_PRICE, salt=2),
            market.by_offer(market.offer(terms_id, price=0, nonce=2)),
        ]
        purchases, offers, limits = zip(*baskets, strict=True)
        manager.buyMany(purchases, offers, limits, value=2 * WEI_PRICE, sender=buyer)
        assert [licenses.ownerOf(market.license_of(purchase)) for purchase in purchases] == [buyer] * 4
        assert splitter.accountOf(market.work, NATIVE).received == 2 * WEI_PRICE
        assert splitter.accountOf(stem, usdc).received == PRICE

    def test_or_none(self, manager, market, terms_id, buyer):
        good, late = market.offer(terms_id), market.offer(terms_id, nonce=2, valid_from=1, valid_until=2)
        purchases, offers, limits = zip(market.by_offer(good), market.by_offer(late, salt=2), strict=True)
        with reverts("OfferExpired", validUntil=2):
            simulate(manager.buyMany, purchases, offers, limits, sender=buyer)

    @pytest.mark.parametrize("value", [0, WEI_PRICE, 2 * WEI_PRICE - 1, 2 * WEI_PRICE + 1])
    def test_for_exactly_their_sum(self, manager, market, native_terms_id, buyer, value):
        """The same coins cannot buy twice, and none stay behind."""
        offer = market.offer(native_terms_id, price=WEI_PRICE, uses=2)
        purchases, offers, limits = zip(market.by_offer(offer), market.by_offer(offer, salt=2), strict=True)
        expected = WEI_PRICE if value == 0 else 2 * WEI_PRICE
        with reverts("WrongValue", given=value, expected=expected):
            simulate(manager.buyMany, purchases, offers, limits, sender=buyer, value=value)
        simulate(manager.buyMany, purchases, offers, limits, sender=buyer, value=2 * WEI_PRICE)

    def test_not_the_same_twice(self, manager, market, terms_id, buyer):
        basket = market.by_offer(market.offer(terms_id, uses=2))
        purchases, offers, limits = zip(basket, basket, strict=True)
        with reverts("LicenseExists"):
            simulate(manager.buyMany, purchases, offers, limits, sender=buyer)

    def test_of_equal_lengths(self, manager, market, terms_id, buyer):
        purchase, signed, limit = market.by_offer(market.offer(terms_id))
        for lengths in ((2, 1, 1), (1, 2, 1), (1, 1, 2), (0, 1, 1)):
            purchases, offers, limits = lengths
            arguments = ([purchase] * purchases, [signed] * offers, [limit] * limits)
            with reverts("LengthMismatch", purchases=purchases, offers=offers, maxPrices=limits):
                simulate(manager.buyMany, *arguments, sender=buyer)

    def test_none_at_all(self, manager, buyer):
        simulate(manager.buyMany, [], [], [], sender=buyer)
        with reverts("WrongValue", given=1, expected=0):
            simulate(manager.buyMany, [], [], [], sender=buyer, value=1)


class TestGrantMany:
    def test_for_nothing(self, manager, market, licenses, splitter, usdc, terms_id, creator, accounts):
        licensees = accounts[4:7]
        receipt = manager.grantMany(market.work, terms_id, licensees, 40, sender=creator)
        ids = [
            market.license_of((market.work, terms_id, licensee.address, 0, 0, 40 + place))
            for place, licensee in enumerate(licensees)
        ]
        assert [licenses.ownerOf(license_id) for license_id in ids] == licensees
        sold = receipt.decode_logs(manager.LicenseSold)
        assert [tuple(log.event_arguments.values()) for log in sold] == [
            (license_id, market.work, creator, creator, terms_id, 0, 0, granted)
            for granted, license_id in enumerate(ids, start=1)
        ]
        assert splitter.accountOf(market.work, usdc).received == 0

    def test_twice_with_the_same_salt(self, manager, market, terms_id, creator, buyer):
        manager.grantMany(market.work, terms_id, [buyer], 40, sender=creator)
        with reverts("LicenseExists"):
            simulate(manager.grantMany, market.work, terms_id, [buyer], 40, sender=creator)
        simulate(manager.grantMany, market.work, terms_id, [buyer], 41, sender=creator)

    def test_by_the_rights_holder_only(self, manager, market, terms_id, creator, stranger):
        with reverts("NotRightsHolder", account=stranger.address, holder=creator.address):
            simulate(manager.grantMany, market.work, terms_id, [stranger], 0, sender=stranger)
        market.mint(market.work, to=stranger)
        with reverts("NotRightsHolder", account=creator.address, holder=stranger.address):
            simulate(manager.grantMany, market.work, terms_id, [stranger], 0, sender=creator)

    def test_under_known_terms_only(self, manager, market, creator, buyer):
        with reverts("UnknownTerms"):
            simulate(manager.grantMany, market.work, digest("never published"), [buyer], 0, sender=creator)

    def test_salts_do_not_wrap_around(self, manager, market, terms_id, creator, buyer):
        simulate(manager.grantMany, market.work, terms_id, [buyer], 2**256 - 1, sender=creator)
        with pytest.raises(Exception, match="4e487b71"):  # Panic(uint256), which is no error of any contract
            simulate(manager.grantMany, market.work, terms_id, [buyer] * 2, 2**256 - 1, sender=creator)


class TestIds:
    @pytest.mark.parametrize(
        "change",
        [
            {"work": 1},
            {"basis": digest("other")},
            {"licensee": "0x" + "11" * 20},
            {"coverage": 1},
            {"version": 1},
            {"salt": 2},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_every_field_makes_another_license(self, market, terms_id, change):
        purchase = market.purchase(terms_id)
        other = replace(purchase, **change)
        assert market.license_of(as_tuple(purchase)) != market.license_of(as_tuple(other))


class TestQuote:
    def test_at_list_price(self, manager, market, usdc, terms_id):
        market.attach(terms_id)
        purchase, offer, _ = market.at_list_price(terms_id)
        assert tuple(manager.quote(purchase, offer)) == (usdc, PRICE)
        assert tuple(manager.askOf(purchase, offer)) == (LicenseKind.PERSONAL, usdc, PRICE)

    def test_by_offer(self, manager, market, native_terms_id):
        purchase, offer, _ = market.by_offer(market.offer(native_terms_id, price=7 * DOLLAR))
        assert tuple(manager.quote(purchase, offer)) == (NATIVE, 7 * DOLLAR)
        assert tuple(manager.askOf(purchase, offer)) == (LicenseKind.PERSONAL, NATIVE, 7 * DOLLAR)

    def test_reverts_as_the_purchase_would(self, manager, market, terms_id, buyer):
        with reverts("NotAttached"):
            simulate(manager.quote, market.at_list_price(terms_id)[0], NO_OFFER)
        offer = market.offer(terms_id)
        forged = (market.sign(offer)[0], buyer.address, b"")
        with reverts("NotDelegated"):
            simulate(manager.quote, market.by_offer(offer)[0], forged)
        with reverts("CoverageTooSmall"):
            simulate(manager.quote, *market.by_offer(offer, coverage=0x80)[:2])

    def test_of_a_purchase_already_made(self, manager, market, terms_id, buyer):
        arguments = market.by_offer(market.offer(terms_id, uses=2))
        manager.buy(*arguments, sender=buyer)
        with reverts("LicenseExists", licenseId=market.license_of(arguments[0])):
            simulate(manager.quote, *arguments[:2])

    def test_what_is_asked_is_not_looked_into(self, manager, market, terms_id):
        """askOf reads a price; what would be refused, quote and the purchase itself refuse."""
        dead = market.offer(terms_id, valid_from=1, valid_until=2)
        assert manager.askOf(*market.by_offer(dead)[:2]).price == PRICE
        with reverts("UnknownTerms"):
            simulate(manager.askOf, *market.by_offer(market.offer(digest("never published")))[:2])
        with reverts("NotAttached"):
            simulate(manager.askOf, market.at_list_price(terms_id)[0], NO_OFFER)


class TestUnknownWork:
    def test_by_grant(self, manager, terms_id, creator, buyer):
        work = recording_id(digest("never registered"))
        with reverts("UnknownWork", work=work):
            simulate(manager.grantMany, work, terms_id, [buyer], 0, sender=creator)


def as_tuple(purchase: Purchase) -> tuple:
    p = purchase
    return (p.work, p.basis, p.licensee, p.coverage, p.version, p.salt)
