"""Sessions: opened once by the owner's word, or with its dollars by one signature, and closed at any moment."""

from dataclasses import astuple, replace

import pytest
from market import ONE_DAY, PRICE
from reverting import reverts, simulate
from sessions import CAP, FUNDS, PER_LICENSE, PER_PERIOD, PERIOD

from stemma.chain.licensing import NATIVE

ZERO = "0x" + "00" * 20

pytestmark = pytest.mark.usefixtures("session")


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
