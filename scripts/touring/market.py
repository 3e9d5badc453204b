"""Licenses of the tour: terms, list prices, offers, and the ways to buy with and without an own transaction."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import count
from typing import Any

from scripts.touring.cast import Person
from scripts.touring.chain import ONE_HOUR, TourFailed
from scripts.touring.stage import Bought, Stage
from stemma.chain.authorizations import Authorization, Permit, authorization_typed_data, permit_typed_data
from stemma.chain.intents import sign_typed_data
from stemma.chain.licensing import (
    ZERO_ADDRESS,
    LicenseKind,
    Offer,
    Order,
    Purchase,
    Terms,
    license_id,
    offer_digest,
    offer_typed_data,
    order_typed_data,
    purchase_hash,
)
from stemma.chain.sessions import AgentOrder, Session, agent_order_typed_data, kinds_mask, session_id
from stemma.works import WorkId, kind_byte

NO_OFFER = ((ZERO_ADDRESS, 0, 0, 0, bytes(32), 0, 0, 0, 0, ZERO_ADDRESS, 0, 0), ZERO_ADDRESS, b"")
NO_PERMIT = (0, 0, 0, bytes(32), bytes(32))
ENDLESS = 2**256 - 1


@dataclass(frozen=True)
class Sale:
    """What a buyer wants, and by whose word it is for sale: a signed offer, or the attached price."""

    purchase: Purchase
    offer: tuple[Any, ...]
    kind: LicenseKind
    price: int

    @property
    def word(self) -> str:
        return "list price" if self.offer == NO_OFFER else "offer"


class Market:
    """The acts of sellers, buyers and agents. Prices are dollars' base units."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._chain = stage.chain
        self._manager = stage.chain["LicenseManager"].functions
        self._vault = stage.chain["SessionVault"].functions
        self._at: dict[str, Any] = {"chain_id": stage.chain.id, "manager": stage.chain["LicenseManager"].address}
        self._vault_at: dict[str, Any] = {"chain_id": stage.chain.id, "vault": stage.chain["SessionVault"].address}
        self._splitter = stage.chain["RoyaltySplitter"].address
        self._numbers = count(1)
        self._terms: dict[bytes, Terms] = {}

    # ------------------------------------------------------------------ selling

    def terms(self, kind: LicenseKind, remix_ppm: int = 0) -> bytes:
        """The id of terms in dollars, for ever, which are published if they were not. REMIX terms have a share."""
        digest = bytes.fromhex("7e") * 32
        terms = Terms(kind=kind, token=self._stage.dollars, remix_ppm=remix_ppm, legal_digest=digest)
        if terms.id not in self._terms:
            self._send(self._manager.publishTerms(astuple(terms)))
            self._terms[terms.id] = terms
        return terms.id

    def attach(self, seller: Person, work: WorkId, terms_id: bytes, price: int) -> None:
        """A list price, for everyone."""
        self._chain.send(seller.account, self._manager.attach(work, terms_id, price))

    def listed(self, buyer: Person, work: WorkId, terms_id: bytes, price: int) -> Sale:
        """What is for sale at the list price, which the buyer has read."""
        return Sale(self._purchase(buyer, work, terms_id), NO_OFFER, self._terms[terms_id].kind, price)

    def offered(self, seller: Person, buyer: Person, work: WorkId, terms_id: bytes, price: int) -> Sale:
        """What the seller offers to this buyer, once, for an hour, by its signature."""
        offer = Offer(
            seller=seller.address,
            seller_epoch=self._manager.sellerEpochOf(seller.address).call(),
            work=work,
            title_epoch=self._chain["IPNFT"].functions.titleEpoch(work).call(),
            terms_id=terms_id,
            price=price,
            valid_from=self._chain.now,
            valid_until=self._chain.now + ONE_HOUR,
            licensee=buyer.address,
            nonce=next(self._numbers),
        )
        signature = sign_typed_data(seller.key, offer_typed_data(offer, **self._at))
        purchase = self._purchase(buyer, work, offer_digest(offer, **self._at))
        return Sale(purchase, (astuple(offer), seller.address, signature), self._terms[terms_id].kind, price)

    # ------------------------------------------------------------------ buying in person

    def allow(self, buyer: Person) -> None:
        """The splitter may take the buyer's dollars."""
        self._chain.send(buyer.account, self._chain.usdc.functions.approve(self._splitter, ENDLESS))

    def buy(self, buyer: Person, sale: Sale) -> int:
        """Buy with a transaction of one's own. Returns the license's id."""
        self._chain.send(buyer.account, self._manager.buy(astuple(sale.purchase), sale.offer, sale.price))
        return self._sold(buyer, sale, sale.word)

    def buy_all(self, buyer: Person, sales: Sequence[Sale]) -> list[int]:
        """Buy several, all or none. Returns the licenses' ids."""
        purchases = [astuple(sale.purchase) for sale in sales]
        offers, prices = [sale.offer for sale in sales], [sale.price for sale in sales]
        self._chain.send(buyer.account, self._manager.buyMany(purchases, offers, prices))
        return [self._sold(buyer, sale, f"{sale.word}, several at once") for sale in sales]

    def refused(self, buyer: Person, sale: Sale, error: str) -> str:
        """Why the chain would refuse this purchase; it must be by this error."""
        call = self._manager.buy(astuple(sale.purchase), sale.offer, sale.price)
        return str(self._chain.refusal(buyer.account, call, error).name)

    # ------------------------------------------------------------------ buying by signature

    def buy_by_authorization(self, buyer: Person, sale: Sale) -> int:
        """With one signature over the dollars, whose nonce says what they buy. Returns the license's id."""
        authorization = Authorization(
            payer=buyer.address,
            payee=self._splitter,
            value=sale.price,
            valid_after=0,
            valid_before=self._chain.now + ONE_HOUR,
            nonce=purchase_hash(sale.purchase, **self._at),
        )
        self._send(
            self._manager.buyWithAuthorization(
                astuple(sale.purchase), sale.offer, buyer.address, *self._times_and_signature(buyer, authorization)
            )
        )
        return self._sold(buyer, sale, f"{sale.word}, one signature (EIP-3009)")

    def buy_by_order(self, buyer: Person, sale: Sale, *, with_permit: bool) -> int:
        """With a signed order, and a permit (ERC-2612) where no allowance is. Returns the license's id."""
        order = Order(buyer.address, sale.purchase, sale.price, self._chain.now + ONE_HOUR)
        signature = sign_typed_data(buyer.key, order_typed_data(order, **self._at))
        permit = self._permit(buyer) if with_permit else NO_PERMIT
        self._send(self._manager.buyWithOrder(astuple(order), signature, sale.offer, permit))
        return self._sold(buyer, sale, f"{sale.word}, order{' and permit (ERC-2612)' if with_permit else ''}")

    # ------------------------------------------------------------------ sessions

    def open_session(
        self, owner: Person, agent: Person, *, deposit: int, cap: int, per_license_cap: int, kinds: set[LicenseKind]
    ) -> Session:
        """Deposit and open with one signature over the dollars, whose nonce is the session."""
        session = Session(
            owner=owner.address,
            agent=agent.address,
            token=self._stage.dollars,
            cap=cap,
            per_license_cap=per_license_cap,
            kinds=kinds_mask(kinds),
            expiry=self._chain.now + 24 * ONE_HOUR,
            salt=next(self._numbers),
        )
        authorization = Authorization(
            payer=owner.address,
            payee=self._chain["SessionVault"].address,
            value=deposit,
            valid_after=0,
            valid_before=self._chain.now + ONE_HOUR,
            nonce=session_id(session, **self._vault_at),
        )
        signed = self._times_and_signature(owner, authorization)
        self._send(self._vault.openWithAuthorization(astuple(session), deposit, *signed))
        self._stage.books.deposit(owner.name, self._stage.dollars, deposit)
        return session

    def buy_in_session(self, session: Session, owner: Person, agent: Person, sale: Sale) -> int:
        """The agent's signed order. Returns the license's id."""
        self._send(self._ordered(session, agent, sale))
        self._check_licensee(sale, owner)
        self._stage.books.sell_to_session(owner.name, sale.purchase.work, self._stage.dollars, sale.price)
        return self._note(owner, sale, f"{sale.word}, session")

    def refused_in_session(self, session: Session, agent: Person, sale: Sale, error: str) -> str:
        """Why the vault would refuse this purchase; it must be by this error."""
        relayer = self._stage.cast["Relayer"].account
        return str(self._chain.refusal(relayer, self._ordered(session, agent, sale), error).name)

    def end_session(self, session: Session, owner: Person) -> int:
        """Close it and take back what is left. Returns that."""
        dollars = self._stage.dollars
        left = int(self._vault.balanceOf(owner.address, dollars).call())
        if left != self._stage.books.in_vault[owner.name, dollars]:
            raise TourFailed(f"the vault holds {left} for {owner}, who should have another balance there")
        self._chain.send(owner.account, self._vault.close(astuple(session)))
        self._chain.send(owner.account, self._vault.withdraw(dollars, left, owner.address))
        self._stage.books.deposit(owner.name, dollars, -left)
        return left

    # ------------------------------------------------------------------ parts

    def _purchase(self, buyer: Person, work: WorkId, basis: bytes) -> Purchase:
        coverage = 1 << kind_byte(work)
        return Purchase(work, basis, buyer.address, coverage=coverage, salt=next(self._numbers))

    def _ordered(self, session: Session, agent: Person, sale: Sale) -> Any:
        order = AgentOrder(session_id(session, **self._vault_at), sale.purchase, sale.price, self._chain.now + ONE_HOUR)
        signature = sign_typed_data(agent.key, agent_order_typed_data(order, **self._vault_at))
        return self._vault.buyWithOrder(astuple(session), astuple(order), signature, sale.offer)

    def _times_and_signature(self, payer: Person, authorization: Authorization) -> tuple[int, int, bytes]:
        typed = authorization_typed_data(authorization, self._chain.dollar_domain)
        return authorization.valid_after, authorization.valid_before, sign_typed_data(payer.key, typed)

    def _permit(self, owner: Person) -> tuple[Any, ...]:
        permit = Permit(
            owner=owner.address,
            spender=self._splitter,
            value=ENDLESS,
            nonce=self._chain.usdc.functions.nonces(owner.address).call(),
            deadline=self._chain.now + ONE_HOUR,
        )
        signature = sign_typed_data(owner.key, permit_typed_data(permit, self._chain.dollar_domain))
        return permit.value, permit.deadline, signature[64], signature[:32], signature[32:64]

    def _sold(self, buyer: Person, sale: Sale, way: str) -> int:
        self._check_licensee(sale, buyer)
        self._stage.books.sell(buyer.name, sale.purchase.work, self._stage.dollars, sale.price)
        return self._note(buyer, sale, way)

    def _check_licensee(self, sale: Sale, licensee: Person) -> None:
        """The license is there, under the id that Python has made of the purchase, and it is the licensee's."""
        owner = self._chain["Licenses"].functions.ownerOf(license_id(sale.purchase, **self._at)).call()
        if owner != licensee.address:
            raise TourFailed(f"{licensee} has bought a license which {owner} holds")

    def _note(self, licensee: Person, sale: Sale, way: str) -> int:
        bought = license_id(sale.purchase, **self._at)
        self._stage.licenses.append(Bought(bought, sale.kind, sale.purchase.work, licensee.name, sale.price, way))
        return bought

    def _send(self, call: Any) -> None:
        self._chain.send(self._stage.cast["Relayer"].account, call)
