"""Offers: what a seller signs sells exactly that, to whom, when and as often as it says, and nothing after a sale."""

from dataclasses import replace

import pytest
from commits import ONE_HOUR, digest
from market import ONE_DAY, PRICE
from reverting import reverts, simulate

from stemma.chain.intents import sign_typed_data
from stemma.chain.licensing import MAX_OFFER_SECONDS, LicenseKind, Offer, offer_typed_data
from stemma.works import Kind, recording_id


@pytest.fixture
def offer(market, terms_id) -> Offer:
    return market.offer(terms_id)


@pytest.fixture
def can_buy(market):
    """Buys by an offer in a simulation; raises Reverted."""

    def buy(offer: Offer, **arguments):
        simulate(market.manager.buy, *market.by_offer(offer, **arguments), sender=market.buyer)

    return buy


class TestSale:
    def test_snapshot_money_and_events(
        self, manager, market, licenses, splitter, usdc, terms_id, offer, creator, buyer
    ):
        before = usdc.balanceOf(buyer)
        purchase, *rest = market.by_offer(offer)
        license_id = market.license_of(purchase)
        assert manager.buy.call(purchase, *rest, sender=buyer) == license_id
        receipt = manager.buy(purchase, *rest, sender=buyer)
        assert licenses.ownerOf(license_id) == buyer
        assert licenses.licenseOf(license_id).termsId == terms_id
        assert before - usdc.balanceOf(buyer) == PRICE == splitter.accountOf(market.work, usdc).received
        assert manager.usedOf(creator, 1) == 1
        assert manager.OfferUsed(creator, license_id, market.basis(offer), 1, 1) in receipt.events
        assert manager.LicenseSold(license_id, market.work, buyer, creator, terms_id, PRICE, 0, 1) in receipt.events
        assert splitter.Paid(market.work, usdc, buyer, PRICE, PRICE, license_id.to_bytes(32, "big")) in receipt.events

    def test_needs_no_attached_price(self, manager, market, terms_id, offer, can_buy):
        market.attach(terms_id, 10 * PRICE)
        can_buy(offer)

    def test_of_a_titled_stem_by_its_holder(self, market, terms_id, stranger, can_buy):
        stem = market.work | Kind.PIANO
        market.mint(stem, to=stranger)
        offer = market.offer_now(terms_id, work=stem, seller=stranger.address)
        can_buy(offer, signed=market.sign(offer, by=stranger))

    def test_by_a_contract_account(self, manager, market, terms_id, wallet, creator, can_buy):
        market.mint(market.work, to=wallet)
        offer = market.offer_now(terms_id, seller=wallet.address)
        can_buy(offer, signed=market.sign(offer, by=creator, signer=wallet.address))

    def test_a_contract_account_may_refuse(self, market, terms_id, unready_wallet, creator, can_buy):
        market.mint(market.work, to=creator)
        market.transfer(market.work, holder=creator, to=unready_wallet)
        offer = market.offer_now(terms_id, seller=unready_wallet.address)
        with reverts("InvalidSignature", account=unready_wallet.address):
            can_buy(offer, signed=market.sign(offer, by=creator, signer=unready_wallet.address))

    def test_for_nothing(self, manager, market, splitter, terms_id, usdc, buyer):
        free = market.offer(terms_id, price=0)
        manager.buy(*market.by_offer(free), sender=buyer)
        assert splitter.accountOf(market.work, usdc).received == 0


class TestSignature:
    def test_of_somebody_else(self, market, offer, stranger, can_buy):
        with reverts("InvalidSignature", digest=market.basis(offer)):
            can_buy(offer, signed=market.sign(offer, by=stranger, signer=market.seller.address))

    def test_of_nobody(self, market, offer, can_buy):
        struct, *_ = market.sign(offer)
        with reverts("NotDelegated"):
            can_buy(offer, signed=(struct, "0x" + "00" * 20, b""))

    @pytest.mark.parametrize("signature", [b"", b"\0" * 65, b"\xff" * 64])
    def test_malformed(self, market, offer, can_buy, signature):
        struct, signer, _ = market.sign(offer)
        with reverts("InvalidSignature"):
            can_buy(offer, signed=(struct, signer, signature))

    @pytest.mark.parametrize(
        "change",
        [
            {"price": PRICE - 1},
            {"valid_from": 1},
            {"valid_until": 2**33},
            {"max_fee_ppm": 0},
            {"licensee": "0x" + "00" * 19 + "01"},
            {"nonce": 7},
            {"uses": 9},
            {"title_epoch": 7},
            {"seller_epoch": 7},
            {"terms_id": digest("other terms")},
            {"work": recording_id(digest("another song"))},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_covers_every_field(self, market, offer, change):
        """A changed offer is another basis; bought on its own basis it lacks a signature."""
        changed = replace(offer, **change)
        struct, *_ = market.sign(changed)
        _, signer, signature = market.sign(offer)
        with reverts("WrongBasis", expected=market.basis(changed)):
            simulate(
                market.manager.buy,
                market.by_offer(offer)[0],
                (struct, signer, signature),
                PRICE,
                sender=market.buyer,
            )

    def test_of_a_changed_price_with_its_own_basis(self, market, offer, can_buy):
        cheaper = replace(offer, price=1)
        _, signer, signature = market.sign(offer)
        with reverts("InvalidSignature", digest=market.basis(cheaper)):
            can_buy(cheaper, signed=(market.sign(cheaper)[0], signer, signature))

    @pytest.mark.parametrize("change", [{"chain_id": 1}, {"manager": "0x" + "11" * 20}])
    def test_is_bound_to_chain_and_contract(self, market, offer, creator, can_buy, change):
        elsewhere = sign_typed_data(creator.private_key, offer_typed_data(offer, **market.at | change))
        with reverts("InvalidSignature"):
            can_buy(offer, signed=(market.sign(offer)[0], creator.address, elsewhere))


class TestWindow:
    def test_from_its_first_to_its_last_second(self, market, terms_id, can_buy):
        first = market.now + ONE_DAY
        offer = market.offer(terms_id, valid_from=first, valid_until=first + ONE_HOUR)
        market.chain.mine(timestamp=first - 1)
        with reverts("OfferNotYetValid", validFrom=first, time=first - 1):
            can_buy(offer)
        market.pass_time(1)
        can_buy(offer)
        market.pass_time(ONE_HOUR)
        can_buy(offer)
        market.pass_time(1)
        with reverts("OfferExpired", validUntil=first + ONE_HOUR, time=first + ONE_HOUR + 1):
            can_buy(offer)

    def test_thirty_days_at_most(self, market, terms_id, can_buy):
        start = market.now
        can_buy(market.offer(terms_id, valid_from=start, valid_until=start + MAX_OFFER_SECONDS))
        with reverts("OfferTooLong", validFrom=start, validUntil=start + MAX_OFFER_SECONDS + 1):
            can_buy(market.offer(terms_id, valid_from=start, valid_until=start + MAX_OFFER_SECONDS + 1))

    def test_for_ever_is_too_long(self, market, terms_id, can_buy):
        with reverts("OfferTooLong"):
            can_buy(market.offer(terms_id, valid_from=0, valid_until=2**64 - 1))


class TestUses:
    def test_as_often_as_it_says(self, manager, market, terms_id, creator, buyer, can_buy):
        offer = market.offer(terms_id, uses=2)
        for salt in (1, 2):
            manager.buy(*market.by_offer(offer, salt=salt), sender=buyer)
        with reverts("OfferUsedUp", seller=creator.address, nonce=1, used=2, uses=2):
            can_buy(offer, salt=3)

    def test_never(self, market, terms_id, can_buy):
        with reverts("OfferUsedUp", used=0, uses=0):
            can_buy(market.offer(terms_id, uses=0))

    def test_counted_per_nonce_whatever_the_offer(self, manager, market, terms_id, buyer, can_buy):
        """Two offers under one nonce are alternatives: whoever uses one uses the other."""
        manager.buy(*market.by_offer(market.offer(terms_id)), sender=buyer)
        with reverts("OfferUsedUp"):
            can_buy(market.offer(terms_id, price=2 * PRICE), salt=2)
        can_buy(market.offer(terms_id, price=2 * PRICE, nonce=2), salt=2)

    def test_counted_per_seller(self, manager, market, terms_id, stranger, buyer, can_buy):
        manager.buy(*market.by_offer(market.offer_now(terms_id)), sender=buyer)
        market.mint(market.work, to=stranger)
        offer = market.offer_now(terms_id, seller=stranger.address)
        can_buy(offer, signed=market.sign(offer, by=stranger), salt=2)


class TestCancel:
    def test_a_nonce(self, manager, market, offer, creator, can_buy):
        receipt = manager.cancelOffer(1, sender=creator)
        assert list(receipt.events) == [manager.OfferCancelled(creator, 1)]
        assert manager.usedOf(creator, 1) == 2**32 - 1
        with reverts("OfferUsedUp", nonce=1):
            can_buy(offer)

    def test_however_many_uses(self, manager, market, terms_id, creator, can_buy):
        manager.cancelOffer(1, sender=creator)
        with reverts("OfferUsedUp"):
            can_buy(market.offer(terms_id, uses=2**32 - 1))

    def test_others_go_on(self, manager, market, terms_id, creator, stranger, can_buy):
        manager.cancelOffer(1, sender=creator)
        manager.cancelOffer(2, sender=stranger)
        can_buy(market.offer(terms_id, nonce=2))

    def test_all_at_once(self, manager, market, terms_id, offer, creator, can_buy):
        receipt = manager.revokeAll(sender=creator)
        assert list(receipt.events) == [manager.SellerEpochRaised(creator, 1)]
        assert manager.sellerEpochOf(creator) == 1
        with reverts("StaleSeller", seller=creator.address, sellerEpoch=0, current=1):
            can_buy(offer)
        can_buy(market.offer_now(terms_id))

    def test_an_epoch_yet_to_come(self, market, terms_id, can_buy):
        with reverts("StaleSeller", sellerEpoch=1, current=0):
            can_buy(market.offer(terms_id, seller_epoch=1))


class TestEndsWithTheTitleEpoch:
    """No offer that a former holder signed sells what the next one holds."""

    def test_a_sale(self, market, offer, creator, stranger, can_buy):
        market.mint(market.work, to=stranger)
        with reverts("NotRightsHolder", work=market.work, account=creator.address, holder=stranger.address):
            can_buy(offer)

    def test_a_sale_and_a_buyback(self, market, ipnft, offer, creator, stranger, can_buy):
        market.mint(market.work, to=stranger)
        market.transfer(market.work, holder=stranger, to=creator)
        with reverts("StaleTitle", titleEpoch=offer.title_epoch, current=ipnft.titleEpoch(market.work)):
            can_buy(offer)

    def test_but_not_a_recordings_mint_to_its_holder(self, market, offer, can_buy):
        market.mint(market.work)
        can_buy(offer)

    def test_a_stems_own_mint(self, market, terms_id, can_buy):
        stem = market.work | Kind.GUITAR
        offer = market.offer(terms_id, work=stem)
        can_buy(offer)
        market.mint(stem)
        with reverts("StaleTitle", work=stem):
            can_buy(offer)

    def test_for_an_untitled_stem_the_recordings_sale(self, market, ipnft, terms_id, creator, stranger, can_buy):
        offer = market.offer(terms_id, work=market.work | Kind.GUITAR)
        market.mint(market.work, to=stranger)
        market.transfer(market.work, holder=stranger, to=creator)
        with reverts("StaleTitle", work=market.work | Kind.GUITAR):
            can_buy(offer)

    def test_a_seller_that_never_held_it(self, market, terms_id, stranger, creator, can_buy):
        offer = market.offer(terms_id, seller=stranger.address)
        with reverts("NotRightsHolder", account=stranger.address, holder=creator.address):
            can_buy(offer, signed=market.sign(offer, by=stranger))


class TestBuyer:
    def test_the_named_one_only(self, market, terms_id, buyer, stranger, can_buy):
        offer = market.offer(terms_id, licensee=buyer.address)
        can_buy(offer)
        with reverts("WrongLicensee", licensee=stranger.address, offered=buyer.address):
            can_buy(offer, licensee=stranger.address)

    def test_another_work(self, market, offer, can_buy):
        stem = market.work | Kind.VOCALS
        with reverts("WrongWork", offered=market.work, wanted=stem):
            can_buy(offer, work=stem)

    def test_another_basis(self, market, offer, can_buy):
        with reverts("WrongBasis", basis=digest("something else"), expected=market.basis(offer)):
            can_buy(offer, basis=digest("something else"))

    def test_pays_no_more_than_it_said(self, market, offer, can_buy):
        with reverts("PriceTooHigh", price=PRICE, maxPrice=PRICE - 1):
            can_buy(offer, max_price=PRICE - 1)

    def test_terms_never_published(self, market, can_buy):
        with reverts("UnknownTerms"):
            can_buy(market.offer(digest("never published")))

    def test_unknown_work(self, market, terms_id, can_buy):
        unknown = recording_id(digest("never registered"))
        with reverts("UnknownWork", work=unknown):
            can_buy(market.offer(terms_id, work=unknown, title_epoch=unknown << 32))

    def test_a_kind_that_no_work_has(self, market, terms_id, can_buy):
        with reverts("UnknownWork", work=market.work | 7):
            can_buy(replace(market.offer(terms_id), work=market.work | 7))


class TestFeeCap:
    def test_no_more_than_the_seller_accepts(self, manager, market, terms_id, set_fee, can_buy):
        set_fee(30_000)
        with reverts("FeeTooHigh", feePpm=30_000, cap=29_999):
            can_buy(market.offer(terms_id, max_fee_ppm=29_999))
        can_buy(market.offer(terms_id, max_fee_ppm=30_000))

    def test_is_taken_out_of_the_price(self, manager, market, splitter, usdc, terms_id, set_fee, buyer):
        set_fee(30_000)
        offer = market.offer(terms_id, price=999)
        before = usdc.balanceOf(buyer)
        receipt = manager.buy(*market.by_offer(offer), sender=buyer)
        assert before - usdc.balanceOf(buyer) == 999
        assert splitter.accountOf(market.work, usdc).received == 970
        assert splitter.feesOf(usdc).credited == 29  # 29.97
        (sold,) = receipt.decode_logs(manager.LicenseSold)
        assert (sold.price, sold.fee) == (999, 29)


class TestKinds:
    @pytest.mark.parametrize("kind", LicenseKind)
    def test_of_every_kind(self, manager, market, licenses, buyer, kind):
        purchase, *rest = market.by_offer(market.offer(market.publish(kind)))
        manager.buy(purchase, *rest, sender=buyer)
        assert licenses.licenseOf(market.license_of(purchase)).kind == kind
