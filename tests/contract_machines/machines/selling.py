"""How machines sell: a pool of terms, offers that were signed, and purchases by every way there is."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.contract_machines.machines.machine import DAY, HouseMachine
from tests.contract_machines.reference import messages
from tests.contract_machines.reference.licenses import COMMERCIAL, PERSONAL, REMIX, STREAM, SYNC
from tests.contract_machines.reference.messages import Offer, Order, Permit, Purchase, SignedOffer, Terms
from tests.contract_machines.scenery import FOREVER, content_of

HOUR = 3600
PRICES = st.sampled_from([0, 1, 19, 20, 21, 1_000_000, 5_000_001, 10**20])
TERMS = st.integers(0, 9)
WAYS = st.integers(0, 4)

NO_OFFER = SignedOffer()

_LEGAL = content_of("legal text")


def terms_pool(usdc: int) -> list[Terms]:
    """Terms of every kind; from the eleventh on they are refused."""

    def terms(kind: int, token: int, **changes: int) -> Terms:
        plain = Terms(kind, token, 1, 0, 1, 0, 150, 0, 0, 0, _LEGAL)
        return plain._replace(**changes)

    return [
        terms(STREAM, usdc),
        terms(STREAM, 0, duration=DAY, max_grants=2),
        terms(REMIX, usdc, remix_ppm=10_000, transferable=0),
        terms(REMIX, 0, remix_ppm=700_000, duration=DAY),
        terms(SYNC, usdc, exclusive=1, duration=HOUR),
        terms(SYNC, 0, exclusive=1, duration=DAY),
        terms(SYNC, usdc, max_grants=3),
        terms(COMMERCIAL, usdc, exclusive=1, duration=HOUR, max_grants=1),
        terms(REMIX, usdc, exclusive=1, duration=HOUR, remix_ppm=1),
        terms(PERSONAL, usdc, duration=365 * DAY, territory=999),
        terms(SYNC, usdc, exclusive=1),
        terms(SYNC, usdc, exclusive=1, duration=366 * DAY),
        terms(STREAM, usdc, territory=0),
        terms(STREAM, usdc, territory=1000),
        terms(STREAM, usdc, legal_digest=0),
        terms(STREAM, usdc, remix_ppm=1),
        terms(REMIX, usdc, remix_ppm=800_001),
        terms(STREAM, usdc, duration=36_501 * DAY),
    ]


@dataclass(frozen=True)
class Deal:
    """Something that can be bought: a work under terms, at its list price or by an offer."""

    work: int
    terms_id: int
    offer: SignedOffer = NO_OFFER


class SellingMachine(HouseMachine):
    """A machine whose family sells licenses. The terms of the pool are published before the first example."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = terms_pool(self.usdc)
        self.deals: list[Deal] = []

    @classmethod
    def prepare(cls) -> None:
        """Publish the terms, once for all examples."""
        ada = cls.world.cast.people[0]
        for terms in terms_pool(cls.world.usdc)[:10]:
            cls.world.act("LicenseManager", "publishTerms", ada, terms)

    # ------------------------------------------------------------------ selling

    def set_price(self, sender: int, work: int, terms_id: int, price: int) -> None:
        if self.world.act("LicenseManager", "attach", sender, work, terms_id, price) is None:
            self.deals.append(Deal(work, terms_id))

    def sign_offer(self, offer: Offer, signer: int, key: int) -> None:
        """An offer said to be signed by ``signer``, with the key of ``key``."""
        signature = self.world.sign(key, "LicenseManager", offer.hash())
        self.deals.append(Deal(offer.work, offer.terms, SignedOffer(offer, signer, signature)))

    def deal(self, number: int) -> Deal:
        """The newest are the likeliest to be good."""
        if not self.deals:
            return Deal(self.work(number), self.pool[number % 10].hash())
        return self.deals[-1 - number % min(len(self.deals), 8)]

    # ------------------------------------------------------------------ buying

    def purchase(self, deal: Deal, licensee: int, salt: int, coverage: int = 0, version: int = 0) -> Purchase:
        is_offer = deal.offer.offer.seller != 0
        digest = self.house.digest("LicenseManager", deal.offer.offer.hash())
        basis = digest if is_offer else deal.terms_id
        return Purchase(deal.work, basis, licensee, coverage, version, salt)

    def price_of(self, deal: Deal) -> int:
        """What the deal costs, whether or not it still stands."""
        if deal.offer.offer.seller:
            return deal.offer.offer.price
        listing = self.house.state.listings.get((deal.work, deal.terms_id))
        return listing.price if listing else 1

    def token_of(self, deal: Deal) -> int:
        return int(self.house.state.terms[deal.terms_id].token) if deal.terms_id in self.house.state.terms else 0

    def buy(self, way: int, buyer: int, deal: Deal, purchase: Purchase, slack: int, sender: int) -> None:
        """Buy by one of the ways, paying at most the price and ``slack``."""
        price = self.price_of(deal)
        most = max(price + slack, 0)
        value = 0 if self.token_of(deal) else price
        match way:
            case 0:
                self.world.act("LicenseManager", "buy", buyer, purchase, deal.offer, most, value=value)
            case 1:
                second = purchase._replace(salt=purchase.salt + 1000)
                lists = [purchase, second], [deal.offer, deal.offer], [most, most]
                self.world.act("LicenseManager", "buyMany", buyer, *lists, value=2 * value)
            case 2:
                self._buy_with_authorization(buyer, deal, purchase, price, sender)
            case 3:
                self._buy_with_order(buyer, deal, purchase, most, sender, Permit())
            case _:
                permit = self._permit(buyer, price)
                self._buy_with_order(buyer, deal, purchase, most, sender, permit)

    def _buy_with_authorization(self, buyer: int, deal: Deal, purchase: Purchase, price: int, sender: int) -> None:
        nonce = self.house.manager.license_id(purchase)
        after, before = 0, self.world.chain.now + 100
        message = messages.authorization_hash(buyer, self.house.ledger.address, price, after, before, nonce)
        signature = self.world.sign(buyer, "TestUSDC", message)
        arguments = (purchase, deal.offer, buyer, after, before, signature)
        self.world.act("LicenseManager", "buyWithAuthorization", sender, *arguments)

    def _buy_with_order(
        self, buyer: int, deal: Deal, purchase: Purchase, most: int, sender: int, permit: Permit
    ) -> None:
        order = Order(buyer, purchase, most, self.world.chain.now + 100)
        signature = self.world.sign(buyer, "LicenseManager", order.hash())
        self.world.act("LicenseManager", "buyWithOrder", sender, order, signature, deal.offer, permit)

    def _permit(self, owner: int, value: int) -> Permit:
        nonce = self.house.dollar.permit_nonces.get(owner, 0)
        message = messages.permit_hash(owner, self.house.ledger.address, value, nonce, FOREVER)
        signature = self.world.sign(owner, "TestUSDC", message)
        r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))
        return Permit(value, FOREVER, signature[64], r, s)

    # ------------------------------------------------------------------ the fee

    def set_fee(self, fee_ppm: int) -> None:
        """By the timelock, which takes its time."""
        self.run_in_timelock("LicenseManager", "setFee", fee_ppm)

    def run_in_timelock(self, contract: str, function: str, *arguments: int) -> None:
        """Schedule a call, wait and run it."""
        admin, target = self.cast.staff["admin"], self.house.addresses[contract]
        data = self.world.chain.interfaces[target].call(function, arguments)
        self.house.roles.meanings[target, data] = contract, function, arguments
        self.scenery.numbers += 1
        salt = self.scenery.numbers
        self.world.act("Roles", "schedule", admin, target, 0, data, 0, salt, 2 * DAY)
        self.world.act("Roles", "execute", admin, target, 0, data, 0, salt, after=2 * DAY)
