"""Delegated signers: a seller's agent signs offers for it: of what it may, above the floor, until it may not."""

import pytest
from market import ONE_DAY, PRICE
from reverting import reverts, simulate

from stemma.chain.licensing import Offer
from stemma.works import Kind

ANY_WORK = 0
FLOOR = PRICE


@pytest.fixture
def agent(accounts):
    """The seller's agent."""
    return accounts[8]


@pytest.fixture
def delegate(manager, market, terms_id, agent, creator):
    def delegate(work=market.work, floor=FLOOR, expiry=market.now + ONE_DAY, terms=terms_id, holder=creator):
        return manager.delegateSigner(agent, work, terms, floor, expiry, sender=holder)

    return delegate


@pytest.fixture
def can_buy(market, agent):
    """Buys in a simulation by an offer that the agent has signed; raises Reverted."""

    def buy(offer: Offer):
        simulate(market.manager.buy, *market.by_offer(offer, signed=market.sign(offer, by=agent)), sender=market.buyer)

    return buy


class TestDelegation:
    def test_is_kept_and_told(self, manager, market, terms_id, agent, creator, delegate):
        expiry = market.now + ONE_DAY
        receipt = delegate(expiry=expiry)
        told = manager.SignerDelegated(creator, agent, market.work, terms_id, 0, FLOOR, expiry)
        assert list(receipt.events) == [told]
        assert tuple(manager.delegationOf(creator, agent, market.work, terms_id)) == (FLOOR, expiry)
        assert tuple(manager.delegationOf(creator, agent, ANY_WORK, terms_id)) == (0, 0)

    def test_sells(self, manager, market, licenses, terms_id, agent, creator, buyer, delegate):
        delegate()
        offer = market.offer(terms_id)
        purchase, *rest = market.by_offer(offer, signed=market.sign(offer, by=agent))
        receipt = manager.buy(purchase, *rest, sender=buyer)
        assert licenses.ownerOf(market.license_of(purchase)) == buyer
        (sold,) = receipt.decode_logs(manager.LicenseSold)
        assert sold.seller == creator

    def test_sells_through_a_contract_account(self, manager, market, terms_id, wallet, creator, buyer):
        """The agent may be a contract; the creator's key signs for this one."""
        manager.delegateSigner(wallet, market.work, terms_id, FLOOR, market.now + ONE_DAY, sender=creator)
        offer = market.offer(terms_id)
        signed = market.sign(offer, by=creator, signer=wallet.address)
        simulate(manager.buy, *market.by_offer(offer, signed=signed), sender=buyer)

    def test_of_any_work(self, market, terms_id, delegate, can_buy):
        delegate(work=ANY_WORK)
        can_buy(market.offer(terms_id))
        can_buy(market.offer(terms_id, work=market.work | Kind.VOCALS))

    def test_anew_replaces(self, market, terms_id, delegate, can_buy):
        delegate()
        delegate(floor=2 * FLOOR)
        with reverts("BelowFloor"):
            can_buy(market.offer(terms_id))

    def test_to_nobody(self, manager, market, terms_id, creator):
        with reverts("ZeroAddress"):
            simulate(manager.delegateSigner, "0x" + "00" * 20, market.work, terms_id, 0, 2**64 - 1, sender=creator)


class TestHostileAgent:
    def test_below_the_floor(self, market, terms_id, delegate, can_buy):
        delegate()
        with reverts("BelowFloor", price=FLOOR - 1, floorPrice=FLOOR):
            can_buy(market.offer(terms_id, price=FLOOR - 1))
        can_buy(market.offer(terms_id, price=FLOOR))

    def test_below_the_floor_of_the_work_though_any_works_is_lower(self, market, terms_id, delegate, can_buy):
        delegate(work=ANY_WORK, floor=0)
        delegate()
        with reverts("BelowFloor", price=FLOOR - 1, floorPrice=FLOOR):
            can_buy(market.offer(terms_id, price=FLOOR - 1))

    def test_a_lower_floor_of_the_work_goes_before_any_works(self, market, terms_id, delegate, can_buy):
        delegate(work=ANY_WORK)
        delegate(floor=1)
        can_buy(market.offer(terms_id, price=1))

    def test_without_delegation(self, market, terms_id, agent, creator, can_buy):
        expected = {"holder": creator.address, "signer": agent.address, "work": market.work, "termsId": terms_id}
        with reverts("NotDelegated", **expected):
            can_buy(market.offer(terms_id))

    def test_another_work(self, market, terms_id, delegate, can_buy):
        delegate()
        with reverts("NotDelegated", work=market.work | Kind.VOCALS):
            can_buy(market.offer(terms_id, work=market.work | Kind.VOCALS))

    def test_other_terms(self, market, delegate, can_buy):
        delegate()
        others = market.publish(transferable=True)
        with reverts("NotDelegated", termsId=others):
            can_buy(market.offer(others))

    def test_in_the_name_of_another_holder(self, market, terms_id, stranger, delegate, can_buy):
        """Somebody's delegation sells nothing that belongs to somebody else."""
        delegate(holder=stranger)
        with reverts("NotDelegated"):
            can_buy(market.offer(terms_id))
        with reverts("NotRightsHolder", account=stranger.address):
            can_buy(market.offer(terms_id, seller=stranger.address))

    def test_after_the_title_was_sold(self, market, terms_id, stranger, delegate, can_buy):
        delegate()
        offer = market.offer(terms_id)
        market.mint(market.work, to=stranger)
        with reverts("NotRightsHolder", holder=stranger.address):
            can_buy(offer)
        with reverts("NotDelegated", holder=stranger.address):
            can_buy(market.offer(terms_id, seller=stranger.address))

    def test_delegating_further(self, manager, market, terms_id, agent, stranger, delegate, buyer):
        delegate()
        manager.delegateSigner(stranger, market.work, terms_id, 0, 2**64 - 1, sender=agent)
        offer = market.offer(terms_id)
        with reverts("NotDelegated", signer=stranger.address):
            simulate(manager.buy, *market.by_offer(offer, signed=market.sign(offer, by=stranger)), sender=buyer)

    def test_attaching_a_price(self, manager, market, terms_id, agent, delegate):
        delegate()
        with reverts("NotRightsHolder", account=agent.address):
            simulate(manager.attach, market.work, terms_id, 0, sender=agent)

    def test_granting_for_nothing(self, manager, market, terms_id, agent, delegate):
        delegate(floor=0)
        with reverts("NotRightsHolder", account=agent.address):
            simulate(manager.grantMany, market.work, terms_id, [agent], 0, sender=agent)


class TestEnd:
    def test_its_last_second(self, market, terms_id, delegate, can_buy):
        expiry = market.now + ONE_DAY
        offer = market.offer(terms_id, valid_until=market.now + 2 * ONE_DAY)
        delegate(expiry=expiry)
        market.chain.mine(timestamp=expiry)
        can_buy(offer)
        market.pass_time(1)
        with reverts("NotDelegated"):
            can_buy(offer)

    def test_an_expired_one_of_the_work_gives_way_to_any_works(self, market, terms_id, delegate, can_buy):
        delegate(work=ANY_WORK, floor=2 * FLOOR)
        delegate(expiry=1)
        can_buy(market.offer(terms_id, price=2 * FLOOR))
        with reverts("BelowFloor", floorPrice=2 * FLOOR):
            can_buy(market.offer(terms_id))

    def test_revoked(self, manager, market, terms_id, agent, creator, delegate, can_buy):
        delegate()
        receipt = manager.revokeDelegation(agent, market.work, terms_id, sender=creator)
        assert list(receipt.events) == [manager.DelegationRevoked(creator, agent, market.work, terms_id, 0)]
        with reverts("NotDelegated"):
            can_buy(market.offer(terms_id))

    def test_revoked_by_nobody_else(self, manager, market, terms_id, agent, stranger, delegate, can_buy):
        delegate()
        manager.revokeDelegation(agent, market.work, terms_id, sender=stranger)
        can_buy(market.offer(terms_id))

    def test_with_the_sellers_epoch(self, manager, market, terms_id, agent, creator, delegate, can_buy):
        delegate()
        delegate(work=ANY_WORK)
        manager.revokeAll(sender=creator)
        assert tuple(manager.delegationOf(creator, agent, market.work, terms_id)) == (0, 0)
        with reverts("NotDelegated"):
            can_buy(market.offer_now(terms_id))
        delegate()
        can_buy(market.offer_now(terms_id))
