"""Terms, list prices, offers, delegations, exclusivity and remixes, while titles change hands."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.contract_machines.machines.machine import DAY, PEOPLE, RECORDINGS, WAITS, WORKS
from tests.contract_machines.machines.selling import PRICES, TERMS, WAYS, SellingMachine
from tests.contract_machines.reference import messages
from tests.contract_machines.reference.licenses import REMIX
from tests.contract_machines.reference.messages import Offer, Parent
from tests.contract_machines.reference.words import recording_of, recording_of_content
from tests.contract_machines.scenery import FOREVER, separation_of

DEALS = st.integers(0, 7)
COVERAGES = st.sampled_from([0, 0, 0, 1, 0b10, 0b111_1111])
HONEST = st.sampled_from([True, True, True, False])


class LicenseMachine(SellingMachine):
    """Who may sell what to whom, and what it is afterwards."""

    @initialize(fee=st.sampled_from([0, 10_000, 50_000]))
    def choose_fee(self, fee: int) -> None:
        if fee:
            self.set_fee(fee)

    # ------------------------------------------------------------------ terms and prices

    @rule(number=st.integers(0, 17))
    def publish(self, number: int) -> None:
        self.world.act("LicenseManager", "publishTerms", self.person(1), self.pool[number])

    @rule(work=WORKS, terms=TERMS, price=PRICES, who=PEOPLE, honest=HONEST)
    def attach(self, work: int, terms: int, price: int, who: int, honest: bool) -> None:
        sender = self.house.titles.holder(self.work(work)) if honest else self.person(who)
        self.set_price(sender, self.work(work), self.pool[terms].hash(), price)

    @rule(work=WORKS, terms=TERMS, price=PRICES)
    def attach_family(self, work: int, terms: int, price: int) -> None:
        """A recording and one of its stems under the same terms."""
        for one in (self.work(work), recording_of(self.work(work))):
            self.set_price(self.house.titles.holder(one), one, self.pool[terms].hash(), price)

    @rule(number=DEALS, who=PEOPLE, honest=HONEST)
    def detach(self, number: int, who: int, honest: bool) -> None:
        deal = self.deal(number)
        sender = self.house.titles.holder(deal.work) if honest else self.person(who)
        self.world.act("LicenseManager", "detach", sender, deal.work, deal.terms_id)

    # ------------------------------------------------------------------ offers

    @rule(
        work=WORKS,
        terms=TERMS,
        price=PRICES,
        licensee=st.sampled_from([None, None, 0, 1]),
        nonce=st.integers(0, 2),
        uses=st.integers(1, 2),
        signer=st.sampled_from(["seller", "seller", "delegate", "stranger"]),
        flaw=st.sampled_from(["", "", "", "", "epoch", "title", "early", "late", "long", "fee", "stranger"]),
    )
    def offer(
        self,
        work: int,
        terms: int,
        price: int,
        licensee: int | None,
        nonce: int,
        uses: int,
        signer: str,
        flaw: str,
    ) -> None:
        """Sign an offer, with at most one flaw."""
        target, now = self.work(work), self.world.chain.now
        holder = self.house.titles.holder(target)
        seller = self.person(2) if flaw == "stranger" else holder
        start = {"early": now + 200, "late": now - 100}.get(flaw, now)
        end = {"late": now, "long": start + 30 * DAY + 1}.get(flaw, start + 3 * DAY)
        offer = Offer(
            seller=seller,
            seller_epoch=self.house.manager.seller_epoch(seller) + (flaw == "epoch"),
            work=target,
            title_epoch=self.house.titles.epoch(target) + (flaw == "title"),
            terms=self.pool[terms].hash(),
            price=price,
            valid_from=start,
            valid_until=end,
            max_fee_ppm=0 if flaw == "fee" else 50_000,
            licensee=0 if licensee is None else self.person(licensee),
            nonce=nonce,
            uses=uses,
        )
        key = {"seller": seller, "delegate": self.person(5), "stranger": self.person(4)}[signer]
        self.sign_offer(offer, seller if signer == "stranger" else key, key)

    @rule(
        work=WORKS,
        any_work=st.booleans(),
        terms=TERMS,
        floor=PRICES,
        hours=st.sampled_from([-1, 2, 100]),
        to_nobody=st.booleans(),
    )
    def delegate(self, work: int, any_work: bool, terms: int, floor: int, hours: int, to_nobody: bool) -> None:
        holder = self.house.titles.holder(self.work(work))
        signer = 0 if to_nobody and any_work else self.person(5)
        expiry = self.world.chain.now + hours * 3600
        named = 0 if any_work else self.work(work)
        arguments = (signer, named, self.pool[terms].hash(), floor, expiry)
        self.world.act("LicenseManager", "delegateSigner", holder, *arguments)

    @rule(number=DEALS, any_work=st.booleans(), floor=PRICES)
    def delegate_for_offer(self, number: int, any_work: bool, floor: int) -> None:
        """What an offer that is signed by a delegate lacks."""
        offer = self.deal(number).offer
        if offer.signer not in {0, offer.offer.seller}:
            named = 0 if any_work else offer.offer.work
            arguments = (offer.signer, named, offer.offer.terms, floor, FOREVER)
            self.world.act("LicenseManager", "delegateSigner", offer.offer.seller, *arguments)

    @rule(work=WORKS, any_work=st.booleans(), terms=TERMS)
    def revoke_delegation(self, work: int, any_work: bool, terms: int) -> None:
        holder = self.house.titles.holder(self.work(work))
        named = 0 if any_work else self.work(work)
        arguments = (self.person(5), named, self.pool[terms].hash())
        self.world.act("LicenseManager", "revokeDelegation", holder, *arguments)

    @rule(who=PEOPLE, nonce=st.integers(0, 2))
    def cancel_offer(self, who: int, nonce: int) -> None:
        self.world.act("LicenseManager", "cancelOffer", self.person(who), nonce)

    @rule(who=PEOPLE)
    def revoke_all(self, who: int) -> None:
        self.world.act("LicenseManager", "revokeAll", self.person(who))

    # ------------------------------------------------------------------ purchases

    @rule(
        number=DEALS,
        way=WAYS,
        buyer=PEOPLE,
        licensee=st.integers(0, 2),
        coverage=COVERAGES,
        version=st.sampled_from([0, 0, 0, 1]),
        salt=st.integers(0, 3),
        slack=st.sampled_from([0, 0, 5, -1]),
    )
    def buy_something(
        self,
        number: int,
        way: int,
        buyer: int,
        licensee: int,
        coverage: int,
        version: int,
        salt: int,
        slack: int,
    ) -> None:
        deal = self.deal(number)
        purchase = self.purchase(deal, self.person(licensee), salt, coverage, version)
        self.buy(way, self.person(buyer), deal, purchase, slack, self.person(3))

    @rule(number=DEALS, flaw=st.integers(0, 3))
    def buy_wrongly(self, number: int, flaw: int) -> None:
        """By somebody else's offer, with too much coin, for nobody, or another work."""
        deal = self.deal(number)
        purchase = self.purchase(deal, self.person(1), 9)
        price = self.price_of(deal)
        value = 0 if self.token_of(deal) else price
        match flaw:
            case 0:
                purchase = purchase._replace(basis=purchase.basis ^ 1)
            case 1:
                value += 1
            case 2:
                purchase = purchase._replace(licensee=0)
            case _:
                purchase = purchase._replace(work=recording_of(deal.work) | 7)
        self.world.act("LicenseManager", "buy", self.person(1), purchase, deal.offer, price, value=value)

    @rule(
        work=WORKS,
        terms=TERMS,
        licensees=st.lists(PEOPLE, max_size=3),
        salt=st.integers(0, 2),
        honest=HONEST,
    )
    def grant_many(self, work: int, terms: int, licensees: list[int], salt: int, honest: bool) -> None:
        target = self.work(work)
        sender = self.house.titles.holder(target) if honest else self.person(0)
        accounts = [self.person(licensee) for licensee in licensees]
        arguments = (target, self.pool[terms].hash(), accounts, salt)
        self.world.act("LicenseManager", "grantMany", sender, *arguments)

    @rule(work=WORKS, terms=TERMS, price=PRICES, way=WAYS, buyer=PEOPLE, salt=st.integers(0, 3))
    def sell_at_once(self, work: int, terms: int, price: int, way: int, buyer: int, salt: int) -> None:
        """Attach and buy, so that much is sold."""
        target = self.work(work)
        self.set_price(self.house.titles.holder(target), target, self.pool[terms].hash(), price)
        deal = self.deal(0)
        purchase = self.purchase(deal, self.person(buyer), salt)
        self.buy(way, self.person(buyer), deal, purchase, 0, self.person(3))

    # ------------------------------------------------------------------ licenses

    @rule(number=st.integers(0, 31), to=PEOPLE, honest=HONEST)
    def hand_license_on(self, number: int, to: int, honest: bool) -> None:
        owners = self.house.state.license_owners
        license_id = list(owners)[-1 - number % len(owners)]
        sender = owners[license_id] if honest else self.person(0)
        self.world.act("Licenses", "transferFrom", sender, owners[license_id], self.person(to), license_id)

    @rule(number=st.integers(0, 31), parents=st.integers(1, 3), name=st.integers(0, 5), honest=HONEST)
    def remix(self, number: int, parents: int, name: int, honest: bool) -> None:
        """Register a remix with licenses that its creator holds (or that somebody holds)."""
        state = self.house.state
        licenses = [key for key, snapshot in state.snapshots.items() if snapshot.kind == REMIX]
        licenses = [key for key in licenses if honest is False or key not in state.remixes] or licenses
        first = licenses[-1 - number % len(licenses)]
        creator = state.license_owners[first] if honest else self.person(0)
        of_creator = [key for key in licenses if state.license_owners[key] == creator]
        chosen = {state.snapshots[key].work: key for key in (first, *of_creator[: parents - 1])}
        registration = self.scenery.registration(
            f"remix {name}", creator, (), [Parent(*pair) for pair in chosen.items()]
        )
        recording = recording_of_content(registration.content_hash)
        stems, separation = separation_of(recording, f"remix {name}")
        arguments = self.scenery.attested(registration, stems, separation)
        if self.world.act("StemRegistry", "registerAndCommit", creator, *arguments) is None:
            self.scenery.separations[recording] = separation
            self.recordings.append(recording)

    # ------------------------------------------------------------------ what happens meanwhile

    @rule(work=WORKS, to=PEOPLE)
    def mint(self, work: int, to: int) -> None:
        self.mint_title(self.work(work), self.person(to), self.house.titles.holder(self.work(work)))

    @rule(number=DEALS, to=PEOPLE)
    def mint_what_is_sold(self, number: int, to: int) -> None:
        work = self.deal(number).work
        self.mint_title(work, self.person(to), self.house.titles.holder(work))

    @rule(number=DEALS, to=PEOPLE)
    def sell_title(self, number: int, to: int) -> None:
        self.hand_title_on(self.deal(number).work, self.person(to))

    @rule(recording=RECORDINGS, honest=HONEST)
    def separate_again(self, recording: int, honest: bool) -> None:
        """The next version of a separation, with the rights holder's signature."""
        target = self.recording(recording)
        version = self.house.state.recordings[target].version + 1
        name = f"{target} version {version}"
        stems, separation = separation_of(target, name, version)
        content = self.contents[target]
        creator = self.house.registry.creator(target)
        attested = messages.attestation_hash(creator, content, separation, FOREVER)
        attestation = self.world.sign(self.cast.staff["attestor"], "StemRegistry", attested)
        holder = self.house.titles.holder(target) if honest else self.cast.people[4]
        agreed = self.world.sign(holder, "StemRegistry", messages.version_hash(target, separation))
        arguments = (content, stems, separation, FOREVER, attestation, agreed)
        if self.world.act("StemRegistry", "commitSeparation", self.person(3), *arguments) is None:
            self.scenery.separations[target] = separation

    @rule(number=st.integers(0, 7), signed=st.booleans())
    def adopt(self, number: int, signed: bool) -> None:
        titles = list(self.house.state.title_owners) or [self.work(number)]
        work = titles[number % len(titles)]
        separation = self.scenery.separations[recording_of(work)]
        version = self.house.state.recordings[recording_of(work)].version
        message = messages.adoption_hash(work, version, separation.metadata_digest)
        holder = self.house.titles.holder(work) if signed else self.person(4)
        arguments = (work, separation.stems_root, separation.metadata_digest)
        self.world.act("IPNFT", "adopt", self.person(3), *arguments, self.world.sign(holder, "IPNFT", message))

    @rule(fee=st.sampled_from([0, 5_000, 50_000, 50_001]), sender=st.sampled_from(["guardian", "admin"]))
    def lower_fee(self, fee: int, sender: str) -> None:
        self.world.act("LicenseManager", "setFee", self.cast.staff[sender], fee)

    @rule(wait=WAITS)
    def wait(self, wait: int) -> None:
        self.world.chain.now += wait
