"""Budgets of agents."""

from __future__ import annotations

from tests.contract_machines.reference.calls import Call
from tests.contract_machines.reference.messages import AgentOrder, Purchase, Session, SignedOffer
from tests.contract_machines.reference.part import Part
from tests.contract_machines.reference.rules import Doubts, Refused, refuse_if
from tests.contract_machines.reference.state import SessionState, Token

ALL_KINDS = 0b1_1111
ENOUGH_ALLOWED = 2**128 - 1


class SessionVault(Part):
    """An agent may buy licenses for the owner under caps that count gross prices, and nothing else."""

    # ------------------------------------------------------------------ money

    def deposit(self, call: Call, owner: int, token: int, amount: int) -> None:
        refuse_if(
            ZeroAddress=owner == 0,
            **self._not_depositable(token, amount),
            WrongValue=call.value != (0 if token else amount),
        )
        if token:
            self.house.dollar.take(self.address, call.sender, amount)
        self._credit(call, owner, token, amount)

    def withdraw(self, call: Call, token: int, amount: int, to: int) -> None:
        balance = self._balance(call.sender, token)
        itself = to == self.address
        refuse_if(ZeroAddress=to == 0, TransferFailed=itself, ZeroAmount=amount == 0, OverBalance=amount > balance)
        self.state.budgets[call.sender, token] = balance - amount
        self.emit("VaultWithdrawn", call.sender, token, to, amount, balance - amount)
        if token:
            try:
                self.house.dollar.move(self.address, to, amount)
            except Refused as refusal:
                raise Refused("TransferFailed") from refusal
        else:
            refuse_if(TransferFailed=to in self.house.refusing)
            self.house.move_native(self.address, to, amount)

    # ------------------------------------------------------------------ sessions

    def open(self, call: Call, session: Session, signature: bytes) -> None:
        session_id = self.session_id(session)
        is_owners = call.sender == session.owner or self.house.is_signed(session.owner, session_id, signature)
        doubts = Doubts()
        doubts.ask(refuse_if, InvalidSignature=not is_owners, **self._not_openable(session))
        if call.value:
            doubts.ask(refuse_if, WrongValue=session.token != 0, **self._not_depositable(0, call.value))
        doubts.settle()
        if call.value:
            self._credit(call, session.owner, 0, call.value)
        self._open(session)

    def open_with_authorization(
        self, call: Call, session: Session, amount: int, valid_after: int, valid_before: int, signature: bytes
    ) -> None:
        doubts = Doubts()
        doubts.ask(refuse_if, **self._not_depositable(session.token, amount))
        doubts.ask(refuse_if, TokenNotAccepted=session.token == 0)
        doubts.ask(
            self.house.dollar.receive_with_authorization,
            self.address,
            session.owner,
            amount,
            valid_after,
            valid_before,
            self.session_id(session),
            signature,
        )
        doubts.ask(refuse_if, **self._not_openable(session))
        doubts.settle()
        self._credit(call, session.owner, session.token, amount)
        self._open(session)

    def close(self, call: Call, session: Session) -> None:
        session_id = self.session_id(session)
        kept = self._session(session_id)
        refuse_if(NotOwner=call.sender != session.owner, SessionIsClosed=kept.closed)
        self.state.sessions[session_id] = kept._replace(open=0, closed=1)
        self.emit("SessionClosed", session_id, session.owner, kept.spent)

    # ------------------------------------------------------------------ purchases

    def buy(self, call: Call, session: Session, purchase: Purchase, offer: SignedOffer, max_price: int) -> None:
        doubts = Doubts()
        doubts.ask(refuse_if, NotAgent=call.sender != session.agent)
        doubts.ask(self._buy, session, purchase, offer, max_price)
        doubts.settle()

    def buy_with_order(
        self, call: Call, session: Session, order: AgentOrder, signature: bytes, offer: SignedOffer
    ) -> None:
        doubts = Doubts()
        doubts.ask(
            refuse_if,
            WrongSession=order.session != self.session_id(session),
            DeadlinePassed=self.now > order.deadline,
            InvalidSignature=not self.house.is_signed(session.agent, self.digest(order.hash()), signature),
        )
        doubts.ask(self._buy, session, order.purchase, offer, order.max_price)
        doubts.settle()

    def _buy(self, session: Session, purchase: Purchase, offer: SignedOffer, max_price: int) -> None:
        doubts = Doubts()
        asked = doubts.ask(self.house.manager.ask, purchase, offer)
        kind, token, price = asked or (0, 0, 0)
        session_id = self.session_id(session)
        kept = self._session(session_id)
        window = self.now // session.period if session.period else kept.window
        window_spent = price if window != kept.window else kept.window_spent + price
        balance = self._balance(session.owner, token)
        doubts.ask(
            refuse_if,
            NotForOwner=purchase.licensee != session.owner,
            KindNotAllowed=asked and not session.kinds >> kind & 1,
            WrongToken=asked and token != session.token,
            PriceTooHigh=price > max_price,
            SessionIsClosed=kept.closed,
            UnknownSession=not kept.open,
            SessionExpired=self.now > session.expiry,
            OverLicenseCap=price > session.per_license_cap,
            OverSessionCap=kept.spent + price > session.cap,
            OverPeriodCap=session.period and window_spent > session.per_period_cap,
            OverBalance=price > balance,
        )
        doubts.settle()
        if session.period == 0:
            window_spent = 0
        self.state.sessions[session_id] = SessionState(1, 0, kept.spent + price, window, window_spent)
        self.state.budgets[session.owner, token] = balance - price
        value = 0 if token else price
        self.house.move_native(self.address, self.house.manager.address, value)
        license_id = self.house.manager.buy(Call(self.address, value), purchase, offer, price)
        self.emit(
            "SessionPurchased",
            session_id,
            license_id,
            purchase.work,
            price,
            kept.spent + price,
            window,
            window_spent,
            balance - price,
        )

    # ------------------------------------------------------------------ what others ask

    def session_id(self, session: Session) -> int:
        return self.digest(session.hash())

    # ------------------------------------------------------------------ internal

    def _not_depositable(self, token: int, amount: int) -> dict[str, bool]:
        accepted = self.state.tokens.get(token, Token()).accepted
        return {"ZeroAmount": amount == 0, "TokenNotAccepted": not accepted}

    def _credit(self, call: Call, owner: int, token: int, amount: int) -> None:
        balance = self._balance(owner, token) + amount
        self.state.budgets[owner, token] = balance
        self.emit("Deposited", owner, token, call.sender, amount, balance)
        splitter = self.house.ledger.address
        if token and self.house.dollar.allowances.get((self.address, splitter), 0) < ENOUGH_ALLOWED:
            self.house.dollar.allow_without_end(self.address, splitter)

    def _not_openable(self, session: Session) -> dict[str, bool]:
        kept = self._session(self.session_id(session))
        invalid = (
            not (session.owner and session.agent and 0 < session.cap < 2**96)
            or (session.period == 0 and session.per_period_cap != 0)
            or not 0 < session.kinds <= ALL_KINDS
        )
        return {
            "InvalidSession": invalid,
            "SessionExpired": self.now > session.expiry,
            "SessionIsClosed": bool(kept.closed),
            "SessionExists": bool(kept.open),
        }

    def _open(self, session: Session) -> None:
        session_id = self.session_id(session)
        self.state.sessions[session_id] = SessionState(open=1)
        self.emit("SessionOpened", session_id, *session)

    def _session(self, session_id: int) -> SessionState:
        kept: SessionState = self.state.sessions.get(session_id, SessionState())
        return kept

    def _balance(self, owner: int, token: int) -> int:
        return int(self.state.budgets.get((owner, token), 0))
