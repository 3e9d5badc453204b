"""Budgets: deposits, sessions, purchases by the agent, at every moment around the ends of windows and sessions."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.contract_machines.machines.machine import ANYWHERE, DAY, PEOPLE
from tests.contract_machines.machines.selling import Deal, SellingMachine
from tests.contract_machines.reference import messages
from tests.contract_machines.reference.messages import AgentOrder, Offer, Session
from tests.contract_machines.reference.state import SessionState
from tests.contract_machines.scenery import FOREVER

TOKENS = st.integers(0, 1)
AMOUNTS = st.sampled_from([0, 1, 50, 100, 1_000, 10**9])
PRICES = st.sampled_from([0, 1, 10, 25, 50, 51, 100])
SESSIONS = st.integers(0, 5)
HONEST = st.sampled_from([True, True, True, False])
PERIOD = 3600


class SessionMachine(SellingMachine):
    """The vault. The pool's terms 0 (STREAM, dollars), 1 (STREAM, native), 6 (SYNC) and 9 (PERSONAL) are on sale."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Session] = []

    @initialize(fee=st.sampled_from([0, 50_000]), prices=st.lists(PRICES, min_size=4, max_size=4))
    def open_shop(self, fee: int, prices: list[int]) -> None:
        if fee:
            self.set_fee(fee)
        for terms, price in zip((0, 1, 6, 9), prices, strict=True):
            self.offer_at(terms, price)

    def offer_at(self, terms: int, price: int) -> None:
        work = self.family.anthem
        self.set_price(self.house.titles.holder(work), work, self.pool[terms].hash(), price)

    # ------------------------------------------------------------------ money

    @rule(owner=PEOPLE, payer=PEOPLE, token=TOKENS, amount=AMOUNTS)
    def deposit(self, owner: int, payer: int, token: int, amount: int) -> None:
        value = 0 if token else amount
        arguments = (self.person(owner), self.tokens[token], amount)
        self.world.act("SessionVault", "deposit", self.person(payer), *arguments, value=value)

    @rule(token=TOKENS, amount=AMOUNTS)
    def deposit_for_session(self, token: int, amount: int) -> None:
        owner = self.made[-1].owner if self.made else self.person(0)
        value = 0 if token else amount
        arguments = (owner, self.tokens[token], amount)
        self.world.act("SessionVault", "deposit", self.person(1), *arguments, value=value)

    @rule(owner=PEOPLE, token=TOKENS, amount=AMOUNTS, to=ANYWHERE)
    def withdraw(self, owner: int, token: int, amount: int, to: int) -> None:
        arguments = (self.tokens[token], amount, self.place(to))
        self.world.act("SessionVault", "withdraw", self.person(owner), *arguments)

    @rule(owner=PEOPLE, token=TOKENS)
    def withdraw_all(self, owner: int, token: int) -> None:
        balance = self.house.state.budgets.get((self.person(owner), self.tokens[token]), 0)
        arguments = (self.tokens[token], balance, self.person(owner))
        self.world.act("SessionVault", "withdraw", self.person(owner), *arguments)

    # ------------------------------------------------------------------ sessions

    @rule(
        owner=st.integers(0, 1),
        token=TOKENS,
        cap=st.sampled_from([0, 1, 60, 100, 200, 10**6]),
        per_license=st.sampled_from([0, 25, 50, 10**6]),
        per_period=st.sampled_from([0, 50, 75, 10**6]),
        period=st.sampled_from([0, PERIOD, PERIOD]),
        kinds=st.sampled_from([1, 0b11, 0b1_1111, 0b1_1110, 0, 0b10_0000]),
        hours=st.sampled_from([-1, 2, 1000]),
        way=st.sampled_from(["sent", "sent", "signed", "authorized", "stolen"]),
        amount=AMOUNTS,
    )
    def open(
        self,
        owner: int,
        token: int,
        cap: int,
        per_license: int,
        per_period: int,
        period: int,
        kinds: int,
        hours: int,
        way: str,
        amount: int,
    ) -> None:
        expiry = self.world.chain.now + hours * 3600
        session = Session(
            self.person(owner if cap else 6),
            self.person(4),
            self.tokens[token],
            cap,
            per_license,
            per_period if period else 0,
            period,
            kinds,
            expiry,
            len(self.made),
        )
        self.made.append(session)
        self._open(session, way, amount)

    @rule(number=SESSIONS, way=st.sampled_from(["sent", "signed", "authorized", "stolen"]), amount=AMOUNTS)
    def open_again(self, number: int, way: str, amount: int) -> None:
        self._open(self.session(number), way, amount)

    @rule(number=SESSIONS, honest=HONEST)
    def close(self, number: int, honest: bool) -> None:
        session = self.session(number)
        sender = session.owner if honest else session.agent
        self.world.act("SessionVault", "close", sender, session)

    # ------------------------------------------------------------------ purchases

    @rule(number=SESSIONS, deal=st.integers(0, 7), salt=st.integers(0, 50), honest=HONEST)
    def buy_something(self, number: int, deal: int, salt: int, honest: bool) -> None:
        session, bargain = self.session(number), self.deal(deal)
        sender = session.agent if honest else session.owner
        purchase = self.purchase(bargain, session.owner if honest else self.person(3), salt)
        most = self.price_of(bargain)
        self.world.act("SessionVault", "buy", sender, session, purchase, bargain.offer, most)

    @rule(
        number=SESSIONS,
        deal=st.integers(0, 7),
        salt=st.integers(0, 50),
        flaw=st.sampled_from(["", "", "", "key", "late", "cheap", "session"]),
    )
    def buy_by_order(self, number: int, deal: int, salt: int, flaw: str) -> None:
        session, bargain = self.session(number), self.deal(deal)
        purchase = self.purchase(bargain, session.owner, salt)
        order = AgentOrder(
            self.house.vault.session_id(session) ^ (flaw == "session"),
            purchase,
            max(self.price_of(bargain) - (flaw == "cheap"), 0),
            self.world.chain.now + (-1 if flaw == "late" else 100),
        )
        signature = self.world.sign(self.person(2) if flaw == "key" else session.agent, "SessionVault", order.hash())
        arguments = (session, order, signature, bargain.offer)
        self.world.act("SessionVault", "buyWithOrder", self.person(5), *arguments)

    @rule(number=SESSIONS, times=st.integers(2, 5))
    def spend(self, number: int, times: int) -> None:
        """The agent buys the same again and again, as fast as it can."""
        session = self.session(number)
        for _ in range(times):
            self.scenery.numbers += 1
            bargain = self.deal(self.scenery.numbers)
            purchase = self.purchase(bargain, session.owner, self.scenery.numbers)
            most = self.price_of(bargain)
            self.world.act("SessionVault", "buy", session.agent, session, purchase, bargain.offer, most)

    @rule(owner=st.integers(0, 1), price=st.sampled_from([10, 25, 50]))
    def spend_around_the_ends(self, owner: int, price: int) -> None:
        """A window's cap in its last seconds, more in the next one's first; then one unit over the cap of all, in the
        session's last second; then one too late."""
        self.offer_at(0, price)
        payer, end = self.person(owner), (self.world.chain.now // PERIOD + 2) * PERIOD
        session = Session(
            payer,
            self.person(4),
            self.usdc,
            4 * price - 1,
            price,
            2 * price,
            PERIOD,
            0b1_1111,
            end + 1,
            len(self.made),
        )
        self.made.append(session)
        self._open(session, "sent", 0)
        self.world.act("SessionVault", "deposit", self.person(1), payer, self.usdc, 5 * price)
        bargain = Deal(self.family.anthem, self.pool[0].hash())
        for moment in range(end - 2, end + 3):
            self.world.chain.now = moment - 1
            self.scenery.numbers += 1
            purchase = self.purchase(bargain, payer, self.scenery.numbers)
            arguments = (session, purchase, bargain.offer, self.price_of(bargain))
            self.world.act("SessionVault", "buy", session.agent, *arguments)

    # ------------------------------------------------------------------ what happens meanwhile

    @rule(terms=st.sampled_from([0, 1, 6, 9, 2]), price=PRICES)
    def set_list_price(self, terms: int, price: int) -> None:
        self.offer_at(terms, price)

    @rule(terms=st.sampled_from([0, 1, 6]), price=PRICES, nonce=st.integers(0, 3))
    def offer(self, terms: int, price: int, nonce: int) -> None:
        work, now = self.family.ballad, self.world.chain.now
        seller = self.house.titles.holder(work)
        epochs = self.house.manager.seller_epoch(seller), self.house.titles.epoch(work)
        offer = Offer(
            seller,
            epochs[0],
            work,
            epochs[1],
            self.pool[terms].hash(),
            price,
            now,
            now + DAY,
            50_000,
            0,
            nonce,
            2,
        )
        self.sign_offer(offer, seller, seller)

    @rule(to=PEOPLE)
    def sell_title(self, to: int) -> None:
        if self.family.anthem not in self.house.state.title_owners:
            self.mint_title(self.family.anthem, self.person(to), self.house.titles.holder(self.family.anthem))
        else:
            self.hand_title_on(self.family.anthem, self.person(to))

    @rule(wait=st.sampled_from([0, 1, 10, PERIOD // 2, 2 * PERIOD, 999 * 3600]))
    def wait(self, wait: int) -> None:
        self.world.chain.now += wait

    @rule(seconds=st.sampled_from([-1, 0, 1]))
    def wait_for_window(self, seconds: int) -> None:
        """To the last second of a window, or the first of the next."""
        end = (self.world.chain.now // PERIOD + 1) * PERIOD - 1 + seconds
        self.world.chain.now = max(self.world.chain.now, end)

    @rule(number=SESSIONS, seconds=st.sampled_from([-1, 0, 1]))
    def wait_for_expiry(self, number: int, seconds: int) -> None:
        expiry = self.session(number).expiry - 1 + seconds
        if self.world.chain.now <= expiry < self.world.chain.now + 10 * DAY:
            self.world.chain.now = expiry

    # ------------------------------------------------------------------ the end

    def finish(self) -> None:
        """No session has overspent, and every owner takes all its money back at once, whatever is open."""
        for session in self.made:
            kept = self.house.state.sessions.get(self.house.vault.session_id(session), SessionState())
            assert kept.spent <= session.cap, "a session spent more than its cap"
            assert session.period == 0 or kept.window_spent <= session.per_period_cap, "more than its period's cap"
        for (owner, token), balance in list(self.house.state.budgets.items()):
            self.world.must("SessionVault", "withdraw", owner, token, balance, self.cast.staff["deployer"])
        self.world.check()
        for token in self.tokens:
            assert self.house.balance(token, self.house.vault.address) == 0, "the vault kept something"

    # ------------------------------------------------------------------ internal

    def session(self, number: int) -> Session:
        if not self.made:
            token = self.usdc
            expiry = self.world.chain.now + DAY
            self.made.append(Session(self.person(0), self.person(4), token, 100, 50, 75, PERIOD, 0b1_1111, expiry, 99))
        return self.made[-1 - number % len(self.made)]

    def _open(self, session: Session, way: str, amount: int) -> None:
        owner = session.owner
        signature = b""
        if way in {"signed", "stolen"}:
            signature = self.world.sign(owner if way == "signed" else self.person(5), "SessionVault", session.hash())
        if way == "authorized":
            session_id, vault = self.house.vault.session_id(session), self.house.vault.address
            message = messages.authorization_hash(owner, vault, amount, 0, FOREVER, session_id)
            signature = self.world.sign(owner, "TestUSDC", message)
            arguments = (session, amount, 0, FOREVER, signature)
            self.world.act("SessionVault", "openWithAuthorization", self.person(5), *arguments)
            return
        sender = owner if way == "sent" else self.person(5)
        self.world.act("SessionVault", "open", sender, session, signature, value=amount)
