"""Attached prices: the rights holder's, for everyone, and gone with the title epoch in which they were set."""

import pytest
from commits import digest
from market import NO_OFFER, PRICE
from reverting import reverts, simulate

from stemma.chain.licensing import LicenseKind
from stemma.works import Kind, recording_id


@pytest.fixture
def can_buy(market, terms_id):
    """Buys at the attached price in a simulation; raises Reverted."""

    def buy(**changes):
        simulate(market.manager.buy, *market.at_list_price(terms_id, **changes), sender=market.buyer)

    return buy


class TestAttach:
    def test_by_the_rights_holder(self, manager, market, ipnft, terms_id, creator):
        receipt = manager.attach(market.work, terms_id, PRICE, sender=creator)
        epoch = ipnft.titleEpoch(market.work)
        assert list(receipt.events) == [manager.TermsAttached(market.work, terms_id, creator, epoch, PRICE)]
        assert tuple(manager.attachmentOf(market.work, terms_id)) == (epoch, PRICE, True)

    def test_a_stem(self, manager, market, ipnft, terms_id, creator):
        stem = market.work | Kind.DRUMS
        market.mint(stem)
        manager.attach(stem, terms_id, PRICE, sender=creator)
        assert tuple(manager.attachmentOf(stem, terms_id)) == (ipnft.titleEpoch(stem), PRICE, True)
        assert not manager.attachmentOf(market.work, terms_id).attached

    def test_another_price(self, market, terms_id, can_buy):
        market.attach(terms_id)
        market.attach(terms_id, PRICE + 1)
        with reverts("PriceTooHigh", price=PRICE + 1, maxPrice=PRICE):
            can_buy()
        can_buy(max_price=PRICE + 1)

    def test_the_highest_price(self, manager, market, terms_id):
        market.attach(terms_id, 2**128 - 1)
        assert manager.attachmentOf(market.work, terms_id).price == 2**128 - 1

    def test_by_nobody_else(self, manager, market, terms_id, stranger, creator):
        with reverts("NotRightsHolder", work=market.work, account=stranger.address, holder=creator.address):
            simulate(manager.attach, market.work, terms_id, PRICE, sender=stranger)

    def test_a_recordings_holder_cannot_attach_a_sold_stem(self, manager, market, terms_id, stranger, creator):
        stem = market.work | Kind.DRUMS
        market.mint(stem, to=stranger)
        with reverts("NotRightsHolder", account=creator.address, holder=stranger.address):
            simulate(manager.attach, stem, terms_id, PRICE, sender=creator)

    def test_unknown_terms(self, manager, market, creator):
        with reverts("UnknownTerms", termsId=digest("never published")):
            simulate(manager.attach, market.work, digest("never published"), PRICE, sender=creator)

    def test_unknown_work(self, manager, terms_id, creator):
        work = recording_id(digest("never registered"))
        with reverts("UnknownWork", work=work):
            simulate(manager.attach, work, terms_id, PRICE, sender=creator)


class TestDetach:
    def test_ends_the_sale(self, manager, market, terms_id, creator, can_buy):
        market.attach(terms_id)
        can_buy()
        receipt = manager.detach(market.work, terms_id, sender=creator)
        assert list(receipt.events) == [manager.TermsDetached(market.work, terms_id, creator)]
        assert tuple(manager.attachmentOf(market.work, terms_id)) == (0, 0, False)
        with reverts("NotAttached", work=market.work, termsId=terms_id):
            can_buy()

    def test_keeps_the_count_of_grants(self, manager, market, terms_id, creator, buyer):
        market.attach(terms_id)
        manager.buy(*market.at_list_price(terms_id), sender=buyer)
        manager.detach(market.work, terms_id, sender=creator)
        assert manager.grantedOf(market.work, terms_id) == 1

    def test_nothing_attached(self, manager, market, terms_id, creator):
        with reverts("NotAttached", work=market.work, termsId=terms_id):
            simulate(manager.detach, market.work, terms_id, sender=creator)

    def test_by_nobody_else(self, manager, market, terms_id, stranger):
        market.attach(terms_id)
        with reverts("NotRightsHolder", account=stranger.address):
            simulate(manager.detach, market.work, terms_id, sender=stranger)

    def test_a_new_holder_may_clear_what_the_old_one_left(self, manager, market, terms_id, creator, stranger):
        market.attach(terms_id)
        market.mint(market.work, to=stranger)
        manager.detach(market.work, terms_id, sender=stranger)
        assert not manager.attachmentOf(market.work, terms_id).attached


class TestEndsWithTheTitleEpoch:
    """No price that a former holder set sells what the next one holds."""

    def stale(self, market, work=None):
        work = market.work if work is None else work
        return reverts("StaleTitle", work=work, current=market.house["IPNFT"].titleEpoch(work))

    def test_a_transfer(self, market, terms_id, creator, stranger, can_buy):
        market.mint(market.work)
        market.attach(terms_id)
        can_buy()
        market.transfer(market.work, holder=creator, to=stranger)
        with self.stale(market):
            can_buy()

    def test_a_transfer_there_and_back(self, market, terms_id, creator, stranger, can_buy):
        market.mint(market.work)
        market.attach(terms_id)
        market.transfer(market.work, holder=creator, to=stranger)
        market.transfer(market.work, holder=stranger, to=creator)
        with self.stale(market):
            can_buy()
        market.attach(terms_id)
        can_buy()

    def test_a_transfer_to_oneself(self, market, terms_id, creator, can_buy):
        market.mint(market.work)
        market.attach(terms_id)
        market.transfer(market.work, holder=creator, to=creator)
        with self.stale(market):
            can_buy()

    def test_a_mint_to_another(self, market, terms_id, stranger, can_buy):
        market.attach(terms_id)
        market.mint(market.work, to=stranger)
        with self.stale(market):
            can_buy()

    def test_but_not_a_recordings_mint_to_its_holder(self, market, terms_id, can_buy):
        market.attach(terms_id)
        market.mint(market.work)
        can_buy()

    def test_nor_a_stems_mint_for_the_recording(self, market, terms_id, stranger, can_buy):
        market.attach(terms_id)
        market.mint(market.work | Kind.BASS, to=stranger)
        can_buy()

    def test_a_stems_own_mint(self, market, terms_id, can_buy):
        stem = market.work | Kind.BASS
        market.attach(terms_id, work=stem)
        can_buy(work=stem)
        market.mint(stem)
        with self.stale(market, stem):
            can_buy(work=stem)

    def test_for_an_untitled_stem_the_recordings_transfer(self, market, terms_id, creator, stranger, can_buy):
        stem = market.work | Kind.BASS
        market.mint(market.work)
        market.attach(terms_id, work=stem)
        market.transfer(market.work, holder=creator, to=stranger)
        with self.stale(market, stem):
            can_buy(work=stem)

    def test_for_an_untitled_stem_the_recordings_mint_to_another(self, market, terms_id, stranger, can_buy):
        stem = market.work | Kind.BASS
        market.attach(terms_id, work=stem)
        market.mint(market.work, to=stranger)
        with self.stale(market, stem):
            can_buy(work=stem)

    def test_for_a_titled_stem_not_the_recordings_transfer(self, market, terms_id, creator, stranger, can_buy):
        stem = market.work | Kind.BASS
        market.mint(market.work)
        market.mint(stem)
        market.attach(terms_id, work=stem)
        market.transfer(market.work, holder=creator, to=stranger)
        can_buy(work=stem)

    def test_a_titled_stems_transfer(self, market, terms_id, creator, stranger, can_buy):
        stem = market.work | Kind.BASS
        market.mint(stem)
        market.attach(terms_id, work=stem)
        market.transfer(stem, holder=creator, to=stranger)
        with self.stale(market, stem):
            can_buy(work=stem)

    def test_counts_of_different_titles_are_not_confused(self, market, terms_id, creator, stranger, can_buy):
        """The recording changed hands once and so did the stem's title: yet these are two epochs."""
        stem = market.work | Kind.BASS
        market.mint(market.work, to=stranger)
        market.attach(terms_id, work=stem, holder=stranger)
        can_buy(work=stem)
        market.mint(stem, holder=stranger)
        market.transfer(stem, holder=stranger, to=creator)
        with self.stale(market, stem):
            can_buy(work=stem)


class TestBuying:
    def test_snapshot_and_money(self, manager, market, licenses, splitter, usdc, ipnft, terms_id, creator, buyer):
        market.attach(terms_id)
        before = usdc.balanceOf(buyer)
        purchase, *rest = market.at_list_price(terms_id)
        license_id = market.license_of(purchase)
        assert manager.buy.call(purchase, *rest, sender=buyer) == license_id
        receipt = manager.buy(purchase, *rest, sender=buyer)
        assert licenses.ownerOf(license_id) == buyer
        assert before - usdc.balanceOf(buyer) == PRICE == splitter.accountOf(market.work, usdc).received
        license = licenses.licenseOf(license_id)
        assert (license.work, license.kind, license.termsId) == (market.work, LicenseKind.PERSONAL, terms_id)
        assert manager.LicenseSold(license_id, market.work, buyer, creator, terms_id, PRICE, 0, 1) in receipt.events

    def test_a_gift(self, manager, market, licenses, terms_id, buyer, stranger):
        market.attach(terms_id)
        purchase, *rest = market.at_list_price(terms_id, licensee=stranger.address)
        manager.buy(purchase, *rest, sender=buyer)
        assert licenses.ownerOf(market.license_of(purchase)) == stranger

    def test_never_attached(self, market, terms_id, can_buy):
        with reverts("NotAttached", work=market.work, termsId=terms_id):
            can_buy()

    def test_terms_never_published(self, manager, market, buyer):
        unknown = digest("never published")
        with reverts("UnknownTerms", termsId=unknown):
            simulate(manager.buy, *market.at_list_price(unknown), sender=buyer)

    def test_unknown_work(self, market, can_buy):
        with reverts("UnknownWork"):
            can_buy(work=recording_id(digest("never registered")))

    def test_the_same_purchase_twice(self, manager, market, terms_id, can_buy, buyer):
        market.attach(terms_id)
        arguments = market.at_list_price(terms_id)
        manager.buy(*arguments, sender=buyer)
        with reverts("LicenseExists", licenseId=market.license_of(arguments[0])):
            can_buy()
        can_buy(salt=2)

    def test_list_price_and_offer_cannot_be_confused(self, manager, market, terms_id, buyer):
        """An offer's digest is no id of terms, and the id of terms is no offer's digest."""
        market.attach(terms_id)
        offer = market.offer(terms_id)
        purchase, signed, price = market.by_offer(offer)
        with reverts("UnknownTerms", termsId=market.basis(offer)):
            simulate(manager.buy, purchase, NO_OFFER, price, sender=buyer)
        with reverts("WrongBasis", basis=terms_id, expected=market.basis(offer)):
            simulate(manager.buy, market.at_list_price(terms_id)[0], signed, price, sender=buyer)
