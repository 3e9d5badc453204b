"""Per-work receiving addresses: known before, creatable by anyone, and good for nothing but paying their work."""

import pytest
from commits import digest
from market import DOLLAR
from money import events_of
from reverting import reverts, reverts_silently, simulate, simulate_send
from timelock import carry_out, order

from stemma.chain.licensing import NATIVE
from stemma.works import Kind, recording_id, stem_id

NO_REFERENCE = bytes(32)
PROXY_HEAD = bytes.fromhex("36600557005b363d3d373d3d3d363d73")
PROXY_TAIL = bytes.fromhex("5af43d82803e903d91603157fd5bf3")


@pytest.fixture(scope="module")
def track(family):
    return family.track("a track with an address")


@pytest.fixture(scope="module")
def address(splitter, track):
    return splitter.receiverOf(track)


@pytest.fixture
def created(splitter, usdc, track, address, payer, relayer):
    """The address, after a first sweep of one unit."""
    usdc.transfer(address, 1, sender=payer)
    splitter.sweep(track, usdc, sender=relayer)
    return address


class TestAddress:
    def test_every_work_has_its_own(self, splitter, track):
        assert len({splitter.receiverOf(track | kind) for kind in Kind}) == len(Kind)

    def test_stays_the_same_once_created(self, splitter, track, created):
        assert splitter.receiverOf(track) == created

    def test_delegates_to_the_splitters_receiver(self, splitter, chain, created):
        implementation = bytes.fromhex(splitter.receiver().removeprefix("0x"))
        assert bytes(chain.provider.get_code(created)) == PROXY_HEAD + implementation + PROXY_TAIL


class TestSweepOfToken:
    def test_pays_the_work(self, splitter, usdc, track, address, payer, relayer):
        usdc.transfer(address, 9 * DOLLAR, sender=payer)
        receipt = splitter.sweep(track, usdc, sender=relayer)
        assert splitter.accountOf(track, usdc) == (9 * DOLLAR, 0, 0, 0)
        assert splitter.liabilitiesOf(usdc) == usdc.balanceOf(splitter) == 9 * DOLLAR
        assert usdc.balanceOf(address) == 0
        assert events_of(receipt, splitter) == [
            splitter.Paid(
                workId=track,
                token=usdc,
                payer=address,
                amount=9 * DOLLAR,
                received=9 * DOLLAR,
                paymentReference=NO_REFERENCE,
            ),
            splitter.ReceiverCreated(workId=track, receiver=address),
        ]

    def test_again(self, splitter, usdc, track, created, payer, relayer):
        usdc.transfer(created, 2, sender=payer)
        receipt = splitter.sweep(track, usdc, sender=relayer)
        assert [event.event_name for event in events_of(receipt, splitter)] == ["Paid"]
        assert splitter.accountOf(track, usdc).received == 3

    def test_of_a_stem(self, splitter, usdc, track, payer, relayer):
        vocals = stem_id(track, Kind.VOCALS)
        usdc.transfer(splitter.receiverOf(vocals), 5, sender=payer)
        splitter.sweep(vocals, usdc, sender=relayer)
        assert splitter.accountOf(vocals, usdc).received == 5
        assert splitter.accountOf(track, usdc).received == 0

    def test_nothing_there(self, splitter, usdc, track, relayer):
        with reverts("ZeroAmount"):
            simulate(splitter.sweep, track, usdc, sender=relayer)

    def test_of_an_unregistered_work(self, splitter, usdc, payer, relayer):
        """What was sent too early waits for the registration."""
        work = recording_id(digest("registered some day"))
        usdc.transfer(splitter.receiverOf(work), 1, sender=payer)
        with reverts("UnknownWork", work=work):
            simulate(splitter.sweep, work, usdc, sender=relayer)

    def test_of_a_token_that_is_not_accepted(self, splitter, project, roles, chain, admin, track, address, relayer):
        """It waits at the address until the token is."""
        token = admin.deploy(project.PlainToken)
        token.mint(address, 7, sender=relayer)
        with reverts("TokenNotAccepted", token=token.address):
            simulate(splitter.sweep, track, token, sender=relayer)
        carry_out(chain, order(roles, splitter.acceptToken, token), admin)
        splitter.sweep(track, token, sender=relayer)
        assert splitter.accountOf(track, token).received == 7


class TestSweepOfNativeCoin:
    def test_pays_the_work(self, splitter, track, address, payer, relayer):
        payer.transfer(address, 10**18)
        splitter.sweep(track, NATIVE, sender=relayer)
        assert (
            splitter.accountOf(track, NATIVE).received == splitter.balance == splitter.liabilitiesOf(NATIVE) == 10**18
        )

    def test_again(self, splitter, track, created, payer, relayer):
        payer.transfer(created, 5)
        splitter.sweep(track, NATIVE, sender=relayer)
        payer.transfer(created, 6)
        splitter.sweep(track, NATIVE, sender=relayer)
        assert splitter.accountOf(track, NATIVE).received == 11

    def test_takes_what_contracts_send_with_little_gas(self, project, chain, admin, created):
        sender = admin.deploy(project.FrugalSender)
        sender.send(created, value=3, sender=admin)
        assert chain.provider.get_balance(created) == 3

    def test_of_a_forced_send(self, splitter, project, admin, track, created, relayer):
        admin.deploy(project.ForcedSend, created, value=8)
        splitter.sweep(track, NATIVE, sender=relayer)
        assert splitter.accountOf(track, NATIVE).received == 8

    def test_nothing_there(self, splitter, track, relayer):
        with reverts("ZeroAmount"):
            simulate(splitter.sweep, track, NATIVE, sender=relayer)


class TestNobodyElse:
    def test_flushes_an_address(self, project, splitter, usdc, created, stranger):
        receiver = project.Receiver.at(created)
        for token in (usdc.address, NATIVE):
            with reverts("NotSplitter", caller=stranger.address):
                simulate(receiver.flush, token, 0, sender=stranger)

    def test_flushes_what_they_delegate_to(self, project, splitter, usdc, stranger):
        with reverts("NotSplitter", caller=stranger.address):
            simulate(project.Receiver.at(splitter.receiver()).flush, usdc, 0, sender=stranger)

    def test_can_leave_money_with_a_call_that_is_none(self, created, stranger):
        with reverts_silently():
            simulate_send(created, value=1, data=b"\x12\x34\x56\x78", sender=stranger)
