"""What the license manager collects: the price to the unit, and the fee as a credit that only its recipient draws."""

from dataclasses import replace

import pytest
from commits import ONE_HOUR, digest
from market import DOLLAR
from money import REFERENCE, events_of, own_splitter
from reverting import reverts, reverts_silently, simulate
from timelock import carry_out, order

from stemma.chain.authorizations import Authorization, TokenDomain, authorization_typed_data
from stemma.chain.intents import sign_typed_data
from stemma.chain.licensing import NATIVE

ZERO = "0x" + "00" * 20
PRICE = 20 * DOLLAR
FEE = DOLLAR


@pytest.fixture(scope="module")
def track(family):
    return family.track("a track whose licenses are sold")


@pytest.fixture(scope="module")
def seller(accounts):
    """Stands in for the license manager."""
    return accounts[7]


@pytest.fixture(scope="module")
def splitter(project, house, admin, seller, payer):
    """A splitter that takes the seller for the license manager; the admin is its fee recipient."""
    splitter = own_splitter(project, house, admin, manager=seller, tokens=[NATIVE, house.usdc])
    house.usdc.approve(splitter, 2**256 - 1, sender=payer)
    return splitter


class TestCollect:
    def test_token(self, splitter, usdc, track, seller, payer):
        receipt = splitter.collect(payer, track, usdc, PRICE, FEE, REFERENCE, sender=seller)
        assert splitter.accountOf(track, usdc).received == PRICE - FEE
        assert splitter.feesOf(usdc) == (FEE, 0)
        assert splitter.liabilitiesOf(usdc) == usdc.balanceOf(splitter) == PRICE
        assert events_of(receipt, splitter) == [
            splitter.FeeCredited(token=usdc, workId=track, amount=FEE, fees=FEE),
            splitter.Paid(
                workId=track,
                token=usdc,
                payer=payer,
                amount=PRICE - FEE,
                received=PRICE - FEE,
                paymentReference=REFERENCE,
            ),
        ]

    def test_native_coin(self, splitter, track, seller, payer):
        splitter.collect(payer, track, NATIVE, 100, 5, REFERENCE, sender=seller, value=100)
        assert splitter.accountOf(track, NATIVE).received == 95
        assert splitter.feesOf(NATIVE) == (5, 0)
        assert splitter.liabilitiesOf(NATIVE) == splitter.balance == 100

    def test_without_a_fee(self, splitter, usdc, track, seller, payer):
        receipt = splitter.collect(payer, track, usdc, PRICE, 0, REFERENCE, sender=seller)
        assert [event.event_name for event in events_of(receipt, splitter)] == ["Paid"]

    def test_fees_add_up(self, splitter, usdc, track, seller, payer):
        for total in (FEE, 2 * FEE):
            receipt = splitter.collect(payer, track, usdc, PRICE, FEE, REFERENCE, sender=seller)
            assert [event.fees for event in receipt.decode_logs(splitter.FeeCredited)] == [total]

    def test_by_anyone_else(self, splitter, usdc, track, payer, admin):
        for account in (payer, admin):
            with reverts("NotLicenseManager", caller=account.address):
                simulate(splitter.collect, payer, track, usdc, 1, 0, REFERENCE, sender=account)

    def test_refusals(self, splitter, project, admin, usdc, track, payer, seller):
        token = admin.deploy(project.PlainToken)
        for error, arguments, value in (
            ("ZeroAmount", (track, usdc, 0, 0), 0),
            ("UnknownWork", (track | 7, usdc, 1, 0), 0),
            ("TokenNotAccepted", (track, token, 1, 0), 0),
            ("WrongValue", (track, usdc, 1, 0), 1),
            ("WrongValue", (track, NATIVE, 2, 0), 1),
            ("AmountTooLarge", (track, usdc, 2**120, 0), 0),
        ):
            with reverts(error):
                simulate(splitter.collect, payer, *arguments, REFERENCE, sender=seller, value=value)


class TestCollectWithAuthorization:
    @pytest.fixture
    def authorization(self, splitter, chain, payer) -> Authorization:
        return Authorization(
            payer=payer.address,
            payee=splitter.address,
            value=PRICE,
            valid_after=0,
            valid_before=chain.pending_timestamp + ONE_HOUR,
            nonce=digest("a purchase"),
        )

    @pytest.fixture
    def arguments(self, chain, usdc, track):
        """What collectWithAuthorization takes for an authorization that a key signs."""
        domain = TokenDomain(usdc.name(), usdc.version(), chain.chain_id, usdc.address)

        def arguments(authorization: Authorization, *, by) -> tuple:
            signature = sign_typed_data(by.private_key, authorization_typed_data(authorization, domain))
            times = (authorization.valid_after, authorization.valid_before, authorization.nonce)
            return authorization.payer, track, usdc, PRICE, FEE, REFERENCE, *times, signature

        return arguments

    def test_of_a_key(self, splitter, usdc, track, seller, payer, authorization, arguments):
        receipt = splitter.collectWithAuthorization(*arguments(authorization, by=payer), sender=seller)
        assert splitter.accountOf(track, usdc).received == PRICE - FEE
        assert splitter.liabilitiesOf(usdc) == usdc.balanceOf(splitter) == PRICE
        assert [event.event_name for event in events_of(receipt, splitter)] == ["FeeCredited", "Paid"]
        assert usdc.authorizationState(payer, authorization.nonce)

    def test_of_a_contract_account(self, splitter, usdc, seller, payer, wallet, creator, authorization, arguments):
        usdc.transfer(wallet, PRICE, sender=payer)
        authorization = replace(authorization, payer=wallet.address)
        splitter.collectWithAuthorization(*arguments(authorization, by=creator), sender=seller)
        assert usdc.balanceOf(wallet) == 0

    def test_once(self, splitter, seller, payer, authorization, arguments):
        splitter.collectWithAuthorization(*arguments(authorization, by=payer), sender=seller)
        with reverts("AuthorizationUsedOrCanceled", authorizer=payer.address):
            simulate(splitter.collectWithAuthorization, *arguments(authorization, by=payer), sender=seller)

    def test_of_another_price(self, splitter, seller, payer, authorization, arguments):
        authorization = replace(authorization, value=PRICE + 1)
        with reverts("InvalidSignature"):
            simulate(splitter.collectWithAuthorization, *arguments(authorization, by=payer), sender=seller)

    def test_of_someone_else(self, splitter, seller, stranger, authorization, arguments):
        with reverts("InvalidSignature"):
            simulate(splitter.collectWithAuthorization, *arguments(authorization, by=stranger), sender=seller)

    def test_of_native_coin(self, splitter, seller, payer, authorization, arguments):
        given = list(arguments(authorization, by=payer))
        given[2] = NATIVE
        with reverts_silently():
            simulate(splitter.collectWithAuthorization, *given, sender=seller)

    def test_by_anyone_else(self, splitter, payer, authorization, arguments):
        with reverts("NotLicenseManager", caller=payer.address):
            simulate(splitter.collectWithAuthorization, *arguments(authorization, by=payer), sender=payer)


class TestWithdrawFees:
    @pytest.fixture
    def collected(self, splitter, usdc, track, seller, payer):
        splitter.collect(payer, track, usdc, PRICE, FEE, REFERENCE, sender=seller)

    @pytest.mark.usefixtures("collected")
    def test_pays_all_of_them(self, splitter, usdc, admin, stranger):
        receipt = splitter.withdrawFees(usdc, stranger, sender=admin)
        assert usdc.balanceOf(stranger) == FEE
        assert splitter.feesOf(usdc) == (FEE, FEE)
        assert splitter.liabilitiesOf(usdc) == usdc.balanceOf(splitter) == PRICE - FEE
        assert events_of(receipt, splitter) == [splitter.FeesWithdrawn(token=usdc, to=stranger, amount=FEE, drawn=FEE)]

    @pytest.mark.usefixtures("collected")
    def test_pays_them_once(self, splitter, usdc, track, admin, seller, payer):
        splitter.withdrawFees(usdc, admin, sender=admin)
        with reverts("ZeroAmount"):
            simulate(splitter.withdrawFees, usdc, admin, sender=admin)
        splitter.collect(payer, track, usdc, PRICE, 3, REFERENCE, sender=seller)
        splitter.withdrawFees(usdc, admin, sender=admin)
        assert splitter.feesOf(usdc) == (FEE + 3, FEE + 3)

    @pytest.mark.usefixtures("collected")
    def test_never_touches_a_works_money(self, splitter, usdc, track, admin):
        splitter.withdrawFees(usdc, admin, sender=admin)
        assert splitter.accountOf(track, usdc) == (PRICE - FEE, 0, 0, 0)

    @pytest.mark.usefixtures("collected")
    def test_refusals(self, splitter, usdc, admin, seller):
        with reverts("NotFeeRecipient", caller=seller.address):
            simulate(splitter.withdrawFees, usdc, seller, sender=seller)
        with reverts("ZeroAddress"):
            simulate(splitter.withdrawFees, usdc, ZERO, sender=admin)
        with reverts("ZeroAmount"):
            simulate(splitter.withdrawFees, NATIVE, admin, sender=admin)


class TestFeeRecipient:
    def test_is_changed_by_the_timelock(self, splitter, usdc, track, seller, payer, roles, chain, admin, stranger):
        """Who becomes it draws what was credited before, too."""
        splitter.collect(payer, track, usdc, PRICE, FEE, REFERENCE, sender=seller)
        receipt = carry_out(chain, order(roles, splitter.setFeeRecipient, stranger), admin)
        assert receipt.decode_logs(splitter.FeeRecipientChanged) == [splitter.FeeRecipientChanged(recipient=stranger)]
        assert splitter.feeRecipient() == stranger.address
        with reverts("NotFeeRecipient"):
            simulate(splitter.withdrawFees, usdc, admin, sender=admin)
        splitter.withdrawFees(usdc, stranger, sender=stranger)
        assert usdc.balanceOf(stranger) == FEE

    def test_by_nobody_else(self, splitter, admin, guardian):
        for account in (admin, guardian):
            with reverts("NotTimelock", caller=account.address):
                simulate(splitter.setFeeRecipient, account, sender=account)
