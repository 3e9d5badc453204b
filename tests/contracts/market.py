"""A market of licenses on a chain: a separated song, a buyer with dollars, and what sellers, buyers and agents sign."""

from dataclasses import astuple, dataclass, replace
from typing import Any

from commits import ONE_HOUR, Commit, digest
from house import House

from stemma.chain.authorizations import (
    Authorization,
    Permit,
    TokenDomain,
    authorization_typed_data,
    permit_typed_data,
)
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
from stemma.works import WorkId, recording_of

DOLLAR = 10**6
PRICE = 5 * DOLLAR
ONE_DAY = 86_400
NO_OFFER = ((ZERO_ADDRESS, 0, 0, 0, b"\0" * 32, 0, 0, 0, 0, ZERO_ADDRESS, 0, 0), ZERO_ADDRESS, b"")
NO_PERMIT = (0, 0, 0, b"\0" * 32, b"\0" * 32)
ALL_WORKS = 0x7F


@dataclass(frozen=True)
class Market:
    """The song belongs to `seller`, who has minted nothing; `buyer` has dollars and the splitter may take them."""

    house: House
    chain: Any
    song: Commit
    seller: Any
    buyer: Any

    @property
    def work(self) -> WorkId:
        return self.song.recording_id

    @property
    def manager(self) -> Any:
        return self.house["LicenseManager"]

    @property
    def at(self) -> dict[str, Any]:
        """Where the license manager is."""
        return {"chain_id": self.chain.chain_id, "manager": self.manager.address}

    @property
    def now(self) -> int:
        return self.chain.blocks.head.timestamp

    @property
    def token_domain(self) -> TokenDomain:
        usdc = self.house.usdc
        return TokenDomain(usdc.name(), usdc.version(), self.chain.chain_id, usdc.address)

    def pass_time(self, seconds: int) -> int:
        """Mine a block so much later; the time that simulated calls now see."""
        time = self.now + seconds
        self.chain.mine(timestamp=time)
        return time

    # -------------------------------------------------------------- titles

    def mint(self, work: int, *, holder=None, to=None) -> None:
        """Let the rights holder mint a title, to itself unless told otherwise."""
        holder = holder or self.seller
        self.house["IPNFT"].mint(work, to or holder, *self.song.title, sender=holder)

    def transfer(self, work: int, *, holder, to) -> None:
        self.house["IPNFT"].transferFrom(holder, to, work, sender=holder)

    # -------------------------------------------------------------- terms

    def terms(self, kind: LicenseKind = LicenseKind.PERSONAL, **changes) -> Terms:
        """Terms in dollars, not published."""
        terms = Terms(kind=kind, token=self.house.usdc.address, legal_digest=digest("legal text"))
        return replace(terms, **changes)

    @property
    def standard_terms(self) -> tuple[Terms, ...]:
        """What is published from the start."""
        exclusive = self.terms(LicenseKind.SYNC, exclusive=True, duration=ONE_DAY)
        return (*(self.terms(kind) for kind in LicenseKind), self.terms(token=ZERO_ADDRESS), exclusive)

    def publish(self, kind: LicenseKind = LicenseKind.PERSONAL, **changes) -> bytes:
        """Publish terms, unless they are standard; their id."""
        terms = self.terms(kind, **changes)
        if terms in self.standard_terms:
            return terms.id
        self.manager.publishTerms(astuple(terms), sender=self.buyer)
        return terms.id

    def attach(self, terms_id: bytes, price: int = PRICE, *, work: int | None = None, holder=None) -> None:
        self.manager.attach(self.work if work is None else work, terms_id, price, sender=holder or self.seller)

    # -------------------------------------------------------------- offers

    def offer(self, terms_id: bytes, **changes) -> Offer:
        """An offer of the song by its seller, valid now, before any title changed hands or anything was revoked."""
        work = changes.get("work", self.work)
        offer = Offer(
            seller=self.seller.address,
            seller_epoch=0,
            work=work,
            title_epoch=recording_of(work) << 32,
            terms_id=terms_id,
            price=PRICE,
            valid_from=self.now - 60,
            valid_until=self.now + ONE_HOUR,
            nonce=1,
        )
        return replace(offer, **changes)

    def offer_now(self, terms_id: bytes, **changes) -> Offer:
        """The same in the epochs in which seller and work are now."""
        offer = self.offer(terms_id, **changes)
        epochs = {
            "seller_epoch": self.manager.sellerEpochOf(offer.seller),
            "title_epoch": self.house["IPNFT"].titleEpoch(offer.work),
        }
        return replace(offer, **epochs | changes)

    def sign(self, offer: Offer, *, by=None, signer: str | None = None) -> tuple:
        """The offer with a signature of the key `by` (the seller's), in the name of `signer` (the key's account)."""
        by = by or self.seller
        signature = sign_typed_data(by.private_key, offer_typed_data(offer, **self.at))
        return (astuple(offer), signer or by.address, signature)

    def basis(self, offer: Offer) -> bytes:
        return offer_digest(offer, **self.at)

    # -------------------------------------------------------------- purchases

    def purchase(self, basis: bytes, **changes) -> Purchase:
        return replace(Purchase(work=self.work, basis=basis, licensee=self.buyer.address, salt=1), **changes)

    def by_offer(self, offer: Offer, *, signed: tuple | None = None, max_price: int | None = None, **changes) -> tuple:
        """What `buy` takes for a purchase by an offer."""
        purchase = self.purchase(self.basis(offer), work=offer.work)
        limit = offer.price if max_price is None else max_price
        return astuple(replace(purchase, **changes)), signed or self.sign(offer), limit

    def at_list_price(self, terms_id: bytes, *, max_price: int = PRICE, **changes) -> tuple:
        """What `buy` takes for a purchase at the attached price."""
        return astuple(self.purchase(terms_id, **changes)), NO_OFFER, max_price

    def license_of(self, purchase: tuple) -> int:
        return license_id(Purchase(*purchase), **self.at)

    def authorize(self, purchase: tuple, value: int, *, by=None, **changes) -> tuple:
        """What `buyWithAuthorization` takes after the offer: the payer's authorization of the splitter."""
        by = by or self.buyer
        authorization = Authorization(
            payer=by.address,
            payee=self.house["RoyaltySplitter"].address,
            value=value,
            valid_after=0,
            valid_before=self.now + ONE_HOUR,
            nonce=purchase_hash(Purchase(*purchase), **self.at),
        )
        authorization = replace(authorization, **changes)
        signature = sign_typed_data(by.private_key, authorization_typed_data(authorization, self.token_domain))
        return authorization.payer, authorization.valid_after, authorization.valid_before, signature

    def order(self, purchase: tuple, max_price: int, **changes) -> Order:
        order = Order(self.buyer.address, Purchase(*purchase), max_price, self.now + ONE_HOUR)
        return replace(order, **changes)

    def sign_order(self, order: Order, *, by=None) -> tuple:
        """What `buyWithOrder` takes first: the order and its signature."""
        signature = sign_typed_data((by or self.buyer).private_key, order_typed_data(order, **self.at))
        return astuple(order), signature

    def permit(self, value: int, *, owner=None, deadline: int | None = None) -> tuple:
        """The owner's next permit for the splitter."""
        owner = owner or self.buyer
        permit = Permit(
            owner=owner.address,
            spender=self.house["RoyaltySplitter"].address,
            value=value,
            nonce=self.house.usdc.nonces(owner),
            deadline=self.now + ONE_HOUR if deadline is None else deadline,
        )
        signature = sign_typed_data(owner.private_key, permit_typed_data(permit, self.token_domain))
        return value, permit.deadline, signature[64], signature[:32], signature[32:64]
