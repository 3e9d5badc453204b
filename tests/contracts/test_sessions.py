"""Sessions: opened once by the owner's word, closed at any moment, and every cap counted in the gross price."""

from dataclasses import astuple, replace

import pytest
from market import DOLLAR, ONE_DAY, PRICE
from reverting import reverts, simulate
from sessions import CAP, PER_LICENSE, PER_PERIOD, PERIOD

from stemma.chain.licensing import NATIVE, LicenseKind
from stemma.chain.sessions import Session, kinds_mask
from stemma.works import Kind

ZERO = "0x" + "00" * 20
FUNDS = 100 * DOLLAR


@pytest.fixture(scope="module", autouse=True)
def session(budget, usdc, vault, buyer) -> Session:
    """An open session, and its owner's dollars in the vault."""
    vault.deposit(buyer, usdc, FUNDS, sender=buyer)
    session = budget.session(salt=77)
    budget.open(session)
    return session


@pytest.fixture
def spend(budget, market, vault, terms_id):
    """Lets the agent buy by an offer of its friend the seller, at a price of their choice."""
    nonces = iter(range(1000, 2000))

    def spend(session: Session, price: int = PRICE, **changes):
        nonce = next(nonces)
        basket = market.by_offer(market.offer(terms_id, price=price, nonce=nonce), salt=nonce, **changes)
        return vault.buy(astuple(session), *basket, sender=budget.agent)

    return spend


@pytest.fixture
def can_spend(budget, market, vault, terms_id):
    """The same in a simulation; raises Reverted."""

    def spend(session: Session, price: int = PRICE, *, terms: bytes = terms_id, caller=budget.agent, **changes):
        basket = market.by_offer(market.offer(terms, price=price, nonce=999), **changes)
        simulate(vault.buy, astuple(session), *basket, sender=caller)

    return spend


class TestOpen:
    def test_by_the_owner(self, vault, budget, buyer):
        session = budget.session()
        session_id = budget.id(session)
        assert vault.open.call(astuple(session), b"", sender=buyer) == session_id
        receipt = vault.open(astuple(session), b"", sender=buyer)
        assert tuple(vault.stateOf(session_id)) == (True, False, 0, 0, 0)
        assert list(receipt.events) == [
            vault.SessionOpened(
                sessionId=session_id,
                owner=buyer,
                agent=budget.agent,
                token=session.token,
                cap=CAP,
                perLicenseCap=PER_LICENSE,
                perPeriodCap=PER_PERIOD,
                period=PERIOD,
                kinds=0b11,
                expiry=session.expiry,
                salt=0,
            )
        ]

    def test_by_the_owners_signature(self, vault, budget, relayer):
        session = budget.session()
        vault.open(astuple(session), budget.sign(session), sender=relayer)
        assert vault.stateOf(budget.id(session)).open

    def test_for_a_contract_account(self, vault, budget, wallet, creator, relayer):
        session = budget.session(owner=wallet.address)
        simulate(vault.open, astuple(session), budget.sign(session, by=creator), sender=relayer)

    @pytest.mark.parametrize("who", ["agent", "stranger"])
    def test_by_nobody_else(self, vault, budget, request, buyer, who):
        caller = budget.agent if who == "agent" else request.getfixturevalue(who)
        session = budget.session()
        for signature in (b"", budget.sign(session, by=caller)):
            with reverts("InvalidSignature", account=buyer.address, digest=budget.id(session)):
                simulate(vault.open, astuple(session), signature, sender=caller)

    @pytest.mark.parametrize(
        "change",
        [
            {"agent": "0x" + "66" * 20},
            {"token": NATIVE},
            {"cap": CAP + 1},
            {"per_license_cap": PER_LICENSE + 1},
            {"per_period_cap": PER_PERIOD + 1},
            {"period": PERIOD - 1},
            {"kinds": 0b11111},
            {"expiry": 2**40},
            {"salt": 1},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_the_signature_covers_every_field(self, vault, budget, relayer, change):
        session = budget.session()
        changed = replace(session, **change)
        with reverts("InvalidSignature", digest=budget.id(changed)):
            simulate(vault.open, astuple(changed), budget.sign(session), sender=relayer)

    def test_once(self, vault, budget, session, relayer):
        with reverts("SessionExists", sessionId=budget.id(session)):
            simulate(vault.open, astuple(session), budget.sign(session), sender=relayer)

    def test_never_again_after_it_closed(self, vault, budget, session, relayer, buyer):
        vault.close(astuple(session), sender=buyer)
        with reverts("SessionIsClosed", sessionId=budget.id(session)):
            simulate(vault.open, astuple(session), budget.sign(session), sender=relayer)

    def test_not_after_it_expired(self, vault, budget, market, buyer):
        session = budget.session(expiry=market.now + 10)
        market.chain.mine(timestamp=session.expiry)
        simulate(vault.open, astuple(session), b"", sender=buyer)
        market.pass_time(1)
        with reverts("SessionExpired", sessionId=budget.id(session), expiry=session.expiry):
            simulate(vault.open, astuple(session), b"", sender=buyer)

    @pytest.mark.parametrize(
        ("field", "change"),
        [
            ("agent", {"agent": ZERO}),
            ("cap", {"cap": 0}),
            ("cap", {"cap": 2**96}),
            ("perPeriodCap", {"period": 0}),
            ("kinds", {"kinds": 0}),
            ("kinds", {"kinds": 0b100000}),
        ],
    )
    def test_invalid(self, vault, budget, buyer, field, change):
        with reverts("InvalidSession", field=field):
            simulate(vault.open, astuple(budget.session(**change)), b"", sender=buyer)

    def test_of_nobody(self, vault, budget, stranger):
        """Zero is what recovering a malformed signature answers."""
        with reverts("InvalidSignature", account=ZERO):
            simulate(vault.open, astuple(budget.session(owner=ZERO)), b"\0" * 65, sender=stranger)


class TestOpenWithValue:
    def test_deposits_native_coin(self, vault, budget, buyer):
        session = budget.session(token=NATIVE)
        receipt = vault.open(astuple(session), b"", value=10**18, sender=buyer)
        assert vault.balanceOf(buyer, NATIVE) == 10**18
        assert vault.Deposited(buyer, NATIVE, buyer, 10**18, 10**18) in receipt.events

    def test_for_the_owner_whoever_sends(self, vault, budget, buyer, relayer):
        session = budget.session(token=NATIVE)
        receipt = vault.open(astuple(session), budget.sign(session), value=5, sender=relayer)
        assert vault.balanceOf(buyer, NATIVE) == 5
        assert vault.Deposited(buyer, NATIVE, relayer, 5, 5) in receipt.events

    def test_not_into_a_session_in_tokens(self, vault, budget, buyer):
        with reverts("WrongValue", given=1, expected=0):
            simulate(vault.open, astuple(budget.session()), b"", sender=buyer, value=1)


class TestOpenWithAuthorization:
    def test_deposits_and_opens_by_one_signature(self, vault, usdc, budget, relayer, buyer):
        session = budget.session()
        before = usdc.balanceOf(buyer)
        arguments = (astuple(session), *budget.authorize(session, FUNDS))
        assert vault.openWithAuthorization.call(*arguments, sender=relayer) == budget.id(session)
        receipt = vault.openWithAuthorization(*arguments, sender=relayer)
        assert vault.stateOf(budget.id(session)).open
        assert vault.balanceOf(buyer, usdc) == 2 * FUNDS
        assert before - usdc.balanceOf(buyer) == FUNDS
        assert usdc.authorizationState(buyer, budget.id(session))
        (deposited,) = receipt.decode_logs(vault.Deposited)
        assert (deposited.payer, deposited.amount, deposited.balance) == (relayer, FUNDS, 2 * FUNDS)

    def test_and_then_spends(self, vault, budget, relayer, can_spend):
        session = budget.session()
        vault.openWithAuthorization(astuple(session), *budget.authorize(session, FUNDS), sender=relayer)
        can_spend(session)

    @pytest.mark.parametrize(
        "change",
        [{"agent": "0x" + "66" * 20}, {"cap": CAP + 1}, {"expiry": 2**40}, {"kinds": 0b11111}, {"salt": 9}],
        ids=lambda change: next(iter(change)),
    )
    def test_opens_no_other_session(self, vault, budget, stranger, buyer, change):
        """The authorization's nonce is the session: a relayer that changes it has no signature."""
        session = budget.session()
        authorization = budget.authorize(session, FUNDS)
        with reverts("InvalidSignature", account=buyer.address):
            simulate(vault.openWithAuthorization, astuple(replace(session, **change)), *authorization, sender=stranger)

    def test_of_another_owner(self, vault, budget, stranger):
        session = budget.session()
        authorization = budget.authorize(session, FUNDS)
        with reverts("InvalidSignature", account=stranger.address):
            other = replace(session, owner=stranger.address)
            simulate(vault.openWithAuthorization, astuple(other), *authorization, sender=stranger)

    def test_of_another_amount(self, vault, budget, stranger):
        session = budget.session()
        _, *rest = budget.authorize(session, FUNDS)
        with reverts("InvalidSignature"):
            simulate(vault.openWithAuthorization, astuple(session), FUNDS + 1, *rest, sender=stranger)

    def test_once(self, vault, budget, relayer):
        session = budget.session()
        arguments = (astuple(session), *budget.authorize(session, FUNDS))
        vault.openWithAuthorization(*arguments, sender=relayer)
        with reverts("AuthorizationUsedOrCanceled", nonce=budget.id(session)):
            simulate(vault.openWithAuthorization, *arguments, sender=relayer)

    def test_not_after_the_owner_closed_it(self, vault, budget, relayer, buyer):
        session = budget.session()
        arguments = (astuple(session), *budget.authorize(session, FUNDS))
        vault.close(astuple(session), sender=buyer)
        with reverts("SessionIsClosed"):
            simulate(vault.openWithAuthorization, *arguments, sender=relayer)

    def test_of_nothing_would_check_nothing(self, vault, budget, stranger):
        session = budget.session()
        with reverts("ZeroAmount"):
            simulate(vault.openWithAuthorization, astuple(session), 0, 0, 2**255, b"", sender=stranger)

    @pytest.mark.parametrize("token", ["native", "licenses"])
    def test_in_a_token_that_checks_nothing(self, vault, licenses, budget, stranger, token):
        """What the house does not take may be a contract that says yes to everything."""
        address = NATIVE if token == "native" else licenses.address
        session = budget.session(token=address)
        with reverts("TokenNotAccepted", token=address):
            simulate(vault.openWithAuthorization, astuple(session), 1, 0, 2**255, b"", sender=stranger)


class TestClose:
    def test_ends_it_at_once(self, vault, budget, session, spend, can_spend, buyer):
        spend(session)
        receipt = vault.close(astuple(session), sender=buyer)
        assert list(receipt.events) == [vault.SessionClosed(budget.id(session), buyer, PRICE)]
        state = vault.stateOf(budget.id(session))
        assert (state.open, state.closed, state.spent) == (False, True, PRICE)
        with reverts("SessionIsClosed", sessionId=budget.id(session)):
            can_spend(session)

    def test_before_it_opens(self, vault, budget, relayer, buyer):
        """An owner that signed and thinks better of it."""
        session = budget.session()
        vault.close(astuple(session), sender=buyer)
        with reverts("SessionIsClosed"):
            simulate(vault.open, astuple(session), budget.sign(session), sender=relayer)

    def test_after_it_expired(self, vault, market, session, buyer):
        market.pass_time(8 * ONE_DAY)
        simulate(vault.close, astuple(session), sender=buyer)

    def test_once(self, vault, session, buyer):
        vault.close(astuple(session), sender=buyer)
        with reverts("SessionIsClosed"):
            simulate(vault.close, astuple(session), sender=buyer)

    def test_by_nobody_else(self, vault, budget, session, buyer):
        with reverts("NotOwner", caller=budget.agent.address, owner=buyer.address):
            simulate(vault.close, astuple(session), sender=budget.agent)


class TestPurchase:
    def test_license_money_and_event(self, vault, budget, market, licenses, splitter, usdc, terms_id, session, buyer):
        basket = market.by_offer(market.offer(terms_id))
        license_id = market.license_of(basket[0])
        assert vault.buy.call(astuple(session), *basket, sender=budget.agent) == license_id
        receipt = vault.buy(astuple(session), *basket, sender=budget.agent)
        assert licenses.ownerOf(license_id) == buyer
        assert splitter.accountOf(market.work, usdc).received == PRICE
        assert vault.balanceOf(buyer, usdc) == FUNDS - PRICE == usdc.balanceOf(vault)
        window = market.chain.blocks[receipt.block_number].timestamp // PERIOD
        (purchased,) = receipt.decode_logs(vault.SessionPurchased)
        expected = (budget.id(session), license_id, market.work, PRICE, PRICE, window, PRICE, FUNDS - PRICE)
        assert tuple(purchased.event_arguments.values()) == expected
        assert tuple(vault.stateOf(budget.id(session))) == (True, False, PRICE, window, PRICE)

    def test_at_list_price(self, vault, budget, market, licenses, terms_id, session, buyer):
        market.attach(terms_id)
        basket = market.at_list_price(terms_id)
        vault.buy(astuple(session), *basket, sender=budget.agent)
        assert licenses.ownerOf(market.license_of(basket[0])) == buyer

    def test_in_native_coin(self, vault, budget, market, licenses, splitter, buyer):
        session = budget.session(token=NATIVE)
        vault.open(astuple(session), b"", value=FUNDS, sender=buyer)
        native = market.publish(token=NATIVE)
        market.attach(native)
        for basket in (market.at_list_price(native), market.by_offer(market.offer(native), salt=2)):
            vault.buy(astuple(session), *basket, sender=budget.agent)
            assert licenses.ownerOf(market.license_of(basket[0])) == buyer
        assert splitter.accountOf(market.work, NATIVE).received == 2 * PRICE
        assert vault.balance == FUNDS - 2 * PRICE == vault.balanceOf(buyer, NATIVE)

    def test_for_nothing(self, vault, budget, session, spend):
        spend(session, 0)
        assert vault.stateOf(budget.id(session)).spent == 0

    def test_by_the_agent_only(self, budget, session, can_spend, buyer):
        with reverts("NotAgent", caller=buyer.address, agent=budget.agent.address):
            can_spend(session, caller=buyer)

    def test_of_another_agent(self, vault, budget, market, terms_id, session, stranger, can_spend):
        """A session that names the stranger is another session, and nobody opened it."""
        other = replace(session, agent=stranger.address)
        with reverts("UnknownSession", sessionId=budget.id(other)):
            can_spend(other, caller=stranger)

    def test_until_its_last_second(self, budget, market, terms_id, session, vault):
        offer = market.offer(terms_id, valid_from=session.expiry - ONE_DAY, valid_until=session.expiry + ONE_DAY)
        basket = market.by_offer(offer)
        market.chain.mine(timestamp=session.expiry)
        simulate(vault.buy, astuple(session), *basket, sender=budget.agent)
        market.pass_time(1)
        with reverts("SessionExpired", sessionId=budget.id(session), expiry=session.expiry):
            simulate(vault.buy, astuple(session), *basket, sender=budget.agent)

    def test_for_the_price_the_agent_named(self, session, can_spend):
        with reverts("PriceTooHigh", price=PRICE, maxPrice=PRICE - 1):
            can_spend(session, max_price=PRICE - 1)

    def test_with_the_fee_inside(self, vault, budget, market, splitter, usdc, set_fee, terms_id, session, spend):
        """Caps count what the owner pays."""
        set_fee(50_000)
        spend(session)
        assert vault.stateOf(budget.id(session)).spent == PRICE
        assert splitter.accountOf(market.work, usdc).received == PRICE * 95 // 100

    def test_refused_by_the_manager_changes_nothing(self, vault, budget, market, disputes, arbiter, session, can_spend):
        disputes.flag(market.work, market.now + ONE_DAY, b"\1" * 32, sender=arbiter)
        with reverts("RecordingFlagged"):
            can_spend(session)


class TestHostileAgent:
    """With a seller that is its friend it can waste the caps, and no more."""

    def test_buys_for_itself(self, budget, session, can_spend, buyer):
        with reverts("NotForOwner", licensee=budget.agent.address, owner=buyer.address):
            can_spend(session, licensee=budget.agent.address)

    def test_exceeds_the_cap_of_a_license(self, session, can_spend):
        can_spend(session, PER_LICENSE)
        with reverts("OverLicenseCap", price=PER_LICENSE + 1, cap=PER_LICENSE):
            can_spend(session, PER_LICENSE + 1)

    def test_exceeds_the_cap_of_a_window(self, market, session, spend, can_spend):
        market.chain.mine(timestamp=(market.now // PERIOD + 1) * PERIOD)
        spend(session, PER_LICENSE)
        left = PER_PERIOD - PER_LICENSE
        can_spend(session, left)
        with reverts("OverPeriodCap", windowSpent=PER_PERIOD + 1, cap=PER_PERIOD):
            can_spend(session, left + 1)

    def test_waits_for_the_next_window(self, vault, budget, market, session, spend, can_spend):
        """Windows begin at multiples of the period, so around a boundary twice a period's cap may fall, and the total
        cap still holds."""
        boundary = (market.now // PERIOD + 1) * PERIOD
        market.chain.mine(timestamp=boundary - 60)
        spend(session, PER_LICENSE)
        spend(session, PER_PERIOD - PER_LICENSE)
        market.chain.mine(timestamp=boundary - 1)
        with reverts("OverPeriodCap"):
            can_spend(session, 1)
        market.chain.mine(timestamp=boundary)
        spend(session, PER_LICENSE)
        state = vault.stateOf(budget.id(session))
        assert (state.window, state.windowSpent) == (boundary // PERIOD, PER_LICENSE)
        assert state.spent == PER_PERIOD + PER_LICENSE == CAP
        with reverts("OverSessionCap", spent=CAP + 1, cap=CAP):
            can_spend(session, 1)

    def test_exceeds_the_total_cap(self, budget, spend, can_spend):
        session = budget.session(period=0, per_period_cap=0)
        budget.open(session)
        spend(session, PER_LICENSE)
        spend(session, PER_LICENSE)
        left = CAP - 2 * PER_LICENSE
        can_spend(session, left)
        with reverts("OverSessionCap", spent=CAP + 1, cap=CAP):
            can_spend(session, left + 1)

    def test_counts_no_windows_where_there_are_none(self, vault, budget, spend):
        session = budget.session(period=0, per_period_cap=0)
        budget.open(session)
        spend(session, PER_LICENSE)
        assert tuple(vault.stateOf(budget.id(session))) == (True, False, PER_LICENSE, 0, 0)

    def test_overflows_a_cap(self, budget, vault, usdc, buyer, can_spend):
        """The highest caps there can be, and the highest price."""
        top = 2**128 - 1
        session = budget.session(cap=2**96 - 1, per_license_cap=top, per_period_cap=top)
        budget.open(session)
        with reverts("OverSessionCap", spent=top, cap=2**96 - 1):
            can_spend(session, top)
        with reverts("OverBalance", price=2**96 - 1, balance=FUNDS):
            can_spend(session, 2**96 - 1)

    @pytest.mark.parametrize("kind", [LicenseKind.REMIX, LicenseKind.SYNC, LicenseKind.COMMERCIAL])
    def test_buys_another_kind(self, market, session, can_spend, kind):
        with reverts("KindNotAllowed", kind=kind, kinds=0b11):
            can_spend(session, terms=market.publish(kind))

    def test_buys_every_kind_it_may(self, budget, market, can_spend):
        session = budget.session(kinds=kinds_mask(LicenseKind))
        budget.open(session)
        for kind in LicenseKind:
            can_spend(session, terms=market.publish(kind))

    def test_pays_in_another_token(self, vault, market, usdc, session, buyer, can_spend):
        vault.deposit(buyer, NATIVE, FUNDS, value=FUNDS, sender=buyer)
        with reverts("WrongToken", token=NATIVE, expected=usdc.address):
            can_spend(session, terms=market.publish(token=NATIVE))

    def test_widens_its_session(self, budget, session, can_spend):
        """The session comes with every call; whatever is changed in it makes it one that nobody opened."""
        for change in ({"cap": 2**96 - 1}, {"kinds": 0b11111}, {"expiry": 2**40}, {"salt": 1}):
            wider = replace(session, **change)
            with reverts("UnknownSession", sessionId=budget.id(wider)):
                can_spend(wider)

    def test_uses_a_session_of_another_owner(self, budget, session, stranger, can_spend):
        other = replace(session, owner=stranger.address)
        with reverts("UnknownSession", sessionId=budget.id(other)):
            can_spend(other, licensee=stranger.address)

    def test_buys_after_the_owner_took_the_money_back(self, vault, usdc, session, can_spend, buyer):
        vault.withdraw(usdc, FUNDS, buyer, sender=buyer)
        with reverts("OverBalance", price=PRICE, balance=0):
            can_spend(session)

    def test_lets_a_seller_raise_the_list_price(self, vault, budget, market, terms_id, session):
        """Whatever stands there when it buys is counted."""
        market.attach(terms_id, PER_LICENSE + 1)
        basket = market.at_list_price(terms_id, max_price=2**128 - 1)
        with reverts("OverLicenseCap", price=PER_LICENSE + 1):
            simulate(vault.buy, astuple(session), *basket, sender=budget.agent)

    def test_buys_a_stale_list_price(self, vault, budget, market, terms_id, session, stranger):
        market.attach(terms_id)
        market.mint(market.work, to=stranger)
        with reverts("StaleTitle"):
            simulate(vault.buy, astuple(session), *market.at_list_price(terms_id), sender=budget.agent)

    def test_buys_by_a_forged_offer(self, vault, budget, market, terms_id, session):
        offer = market.offer(terms_id)
        basket = market.by_offer(offer, signed=market.sign(offer, by=budget.agent, signer=market.seller.address))
        with reverts("InvalidSignature", account=market.seller.address):
            simulate(vault.buy, astuple(session), *basket, sender=budget.agent)


class TestTwoSessions:
    def test_draw_on_one_balance_each_under_its_caps(self, vault, budget, usdc, session, spend, can_spend, buyer):
        other = replace(session, salt=1)
        budget.open(other)
        for each in (session, other):
            spend(each, PER_LICENSE)
        assert vault.balanceOf(buyer, usdc) == FUNDS - 2 * PER_LICENSE
        for each in (session, other):
            assert vault.stateOf(budget.id(each)).spent == PER_LICENSE

    def test_one_closed_leaves_the_other(self, vault, budget, session, can_spend, buyer):
        other = replace(session, salt=1)
        budget.open(other)
        vault.close(astuple(session), sender=buyer)
        can_spend(other)

    def test_of_a_stem(self, vault, budget, market, terms_id, session):
        basket = market.by_offer(market.offer(terms_id, work=market.work | Kind.VOCALS))
        simulate(vault.buy, astuple(session), *basket, sender=budget.agent)
