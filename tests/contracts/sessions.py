"""Budgets on a chain: an owner with money in the vault, an agent, and what the two sign."""

from dataclasses import astuple, dataclass, replace
from typing import Any

from commits import ONE_HOUR
from market import DOLLAR, ONE_DAY, Market

from stemma.chain.authorizations import Authorization, authorization_typed_data
from stemma.chain.intents import sign_typed_data
from stemma.chain.licensing import LicenseKind, Purchase
from stemma.chain.sessions import (
    AgentOrder,
    Session,
    agent_order_typed_data,
    kinds_mask,
    session_id,
    session_typed_data,
)

CAP = 20 * DOLLAR
PER_LICENSE = 8 * DOLLAR
PER_PERIOD = 12 * DOLLAR
PERIOD = ONE_HOUR
FUNDS = 100 * DOLLAR


@dataclass(frozen=True)
class Budget:
    """`owner` is the market's buyer, who lets `agent` buy."""

    market: Market
    owner: Any
    agent: Any

    @property
    def vault(self) -> Any:
        return self.market.house["SessionVault"]

    @property
    def at(self) -> dict[str, Any]:
        """Where the vault is."""
        return {"chain_id": self.market.chain.chain_id, "vault": self.vault.address}

    def session(self, **changes) -> Session:
        """A session for a week, with every cap, not opened."""
        session = Session(
            owner=self.owner.address,
            agent=self.agent.address,
            token=self.market.house.usdc.address,
            cap=CAP,
            per_license_cap=PER_LICENSE,
            per_period_cap=PER_PERIOD,
            period=PERIOD,
            kinds=kinds_mask([LicenseKind.STREAM, LicenseKind.PERSONAL]),
            expiry=self.market.now + 7 * ONE_DAY,
        )
        return replace(session, **changes)

    def id(self, session: Session) -> bytes:
        return session_id(session, **self.at)

    def open(self, session: Session) -> bytes:
        """Open a session by its owner; its id."""
        self.vault.open(astuple(session), b"", sender=self.owner)
        return self.id(session)

    def sign(self, session: Session, *, by=None) -> bytes:
        return sign_typed_data((by or self.owner).private_key, session_typed_data(session, **self.at))

    def authorize(self, session: Session, amount: int, **changes) -> tuple:
        """What `openWithAuthorization` takes after the session."""
        authorization = Authorization(
            payer=self.owner.address,
            payee=self.vault.address,
            value=amount,
            valid_after=0,
            valid_before=self.market.now + ONE_HOUR,
            nonce=self.id(session),
        )
        authorization = replace(authorization, **changes)
        typed = authorization_typed_data(authorization, self.market.token_domain)
        signature = sign_typed_data(self.owner.private_key, typed)
        return amount, authorization.valid_after, authorization.valid_before, signature

    def order(self, session: Session, purchase: tuple, max_price: int, **changes) -> AgentOrder:
        order = AgentOrder(self.id(session), Purchase(*purchase), max_price, self.market.now + ONE_HOUR)
        return replace(order, **changes)

    def sign_order(self, order: AgentOrder, *, by=None) -> bytes:
        return sign_typed_data((by or self.agent).private_key, agent_order_typed_data(order, **self.at))

    def by_order(self, session: Session, purchase: tuple, offer: tuple, max_price: int, **changes) -> tuple:
        """What `buyWithOrder` takes, for what `LicenseManager.buy` would take."""
        order = self.order(session, purchase, max_price, **changes)
        return astuple(session), astuple(order), self.sign_order(order), offer
