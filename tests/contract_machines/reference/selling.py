"""Who may sell what, and the purchase itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tests.contract_machines.reference.licenses import REMIX
from tests.contract_machines.reference.messages import Offer, Order, Permit, Purchase, SignedOffer, Terms
from tests.contract_machines.reference.part import Part
from tests.contract_machines.reference.rules import PPM, Doubts, Refused, refuse_if
from tests.contract_machines.reference.state import Delegation, Exclusivity, Listing, Snapshot
from tests.contract_machines.reference.words import ANCESTORS_CAP, RECORDING, STACK_CAP, kind_of, recording_of

if TYPE_CHECKING:
    from tests.contract_machines.reference.calls import Call

DAY = 86_400
ANY_WORK = 0
CANCELLED = 2**32 - 1
FEE_CAP = 50_000
LONGEST_OFFER = 30 * DAY
LONGEST_EXCLUSIVE = 365 * DAY
LONGEST = 36_500 * DAY


class Deal(NamedTuple):
    """What a purchase comes to."""

    seller: int
    price: int
    terms: Terms
    terms_id: int
    snapshot: Snapshot


class LicenseManager(Part):
    """Terms, attachments, offers, delegations, exclusivity, and all the ways to buy."""

    # ------------------------------------------------------------------ terms and sellers

    def publish_terms(self, call: Call, terms: Terms) -> None:
        terms_id = terms.hash()
        if terms_id in self.state.terms:
            return
        too_long = terms.duration > (LONGEST_EXCLUSIVE if terms.exclusive else LONGEST)
        refuse_if(
            InvalidTerms=too_long
            or (terms.exclusive and terms.duration == 0)
            or not 0 < terms.territory < 1000
            or terms.legal_digest == 0
            or terms.remix_ppm > (STACK_CAP if terms.kind == REMIX else 0)
        )
        self.state.terms[terms_id] = terms
        self.emit("TermsPublished", terms_id, *terms)

    def attach(self, call: Call, work: int, terms_id: int, price: int) -> None:
        doubts = Doubts()
        doubts.ask(self._check_holder, work, call.sender)
        doubts.ask(refuse_if, UnknownTerms=terms_id not in self.state.terms)
        doubts.settle()
        epoch = self.house.titles.epoch(work)
        granted = self._listing(work, terms_id).granted
        self.state.listings[work, terms_id] = Listing(price, epoch, 1, granted)
        self.emit("TermsAttached", work, terms_id, call.sender, epoch, price)

    def detach(self, call: Call, work: int, terms_id: int) -> None:
        listing = self._listing(work, terms_id)
        doubts = Doubts()
        doubts.ask(self._check_holder, work, call.sender)
        doubts.ask(refuse_if, NotAttached=not listing.attached)
        doubts.settle()
        self.state.listings[work, terms_id] = Listing(0, 0, 0, listing.granted)
        self.emit("TermsDetached", work, terms_id, call.sender)

    def delegate_signer(self, call: Call, signer: int, work: int, terms_id: int, floor_price: int, expiry: int) -> None:
        refuse_if(ZeroAddress=signer == 0)
        epoch = self.seller_epoch(call.sender)
        self.state.delegations[call.sender, epoch, signer, work, terms_id] = Delegation(floor_price, expiry)
        self.emit("SignerDelegated", call.sender, signer, work, terms_id, epoch, floor_price, expiry)

    def revoke_delegation(self, call: Call, signer: int, work: int, terms_id: int) -> None:
        epoch = self.seller_epoch(call.sender)
        del self.state.delegations[call.sender, epoch, signer, work, terms_id]
        self.emit("DelegationRevoked", call.sender, signer, work, terms_id, epoch)

    def cancel_offer(self, call: Call, nonce: int) -> None:
        self.state.offers_used[call.sender, nonce] = CANCELLED
        self.emit("OfferCancelled", call.sender, nonce)

    def revoke_all(self, call: Call) -> None:
        epoch = self.seller_epoch(call.sender) + 1
        self.state.seller_epochs[call.sender] = epoch
        self.emit("SellerEpochRaised", call.sender, epoch)

    # ------------------------------------------------------------------ purchases

    def buy(self, call: Call, purchase: Purchase, offer: SignedOffer, max_price: int) -> int:
        license_id, deal = self._sell(purchase, offer, max_price, call.sender)
        refuse_if(WrongValue=call.value != (0 if deal.terms.token else deal.price))
        self._collect(call.sender, purchase.work, deal, license_id)
        return license_id

    def buy_many(
        self,
        call: Call,
        purchases: Sequence[Purchase],
        offers: Sequence[SignedOffer],
        max_prices: Sequence[int],
    ) -> None:
        refuse_if(LengthMismatch=not len(purchases) == len(offers) == len(max_prices))
        value = 0
        for purchase, offer, max_price in zip(purchases, offers, max_prices, strict=True):
            license_id, deal = self._sell(purchase, offer, max_price, call.sender)
            value += 0 if deal.terms.token else deal.price
            refuse_if(WrongValue=value > call.value)
            self._collect(call.sender, purchase.work, deal, license_id)
        refuse_if(WrongValue=value != call.value)

    def buy_with_authorization(
        self,
        call: Call,
        purchase: Purchase,
        offer: SignedOffer,
        payer: int,
        valid_after: int,
        valid_before: int,
        signature: bytes,
    ) -> None:
        license_id, deal = self._sell(purchase, offer, 2**256, payer)
        refuse_if(NothingToPay=deal.price == 0, NativeNotPossible=deal.terms.token == 0)
        self.house.ledger.collect_with_authorization(
            payer,
            purchase.work,
            deal.terms.token,
            deal.price,
            self._fee(deal.price),
            license_id,
            valid_after,
            valid_before,
            signature,
        )

    def buy_with_order(self, call: Call, order: Order, signature: bytes, offer: SignedOffer, permit: Permit) -> None:
        doubts = Doubts()
        doubts.ask(
            refuse_if,
            DeadlinePassed=self.now > order.deadline,
            InvalidSignature=not self.house.is_signed(order.payer, self.digest(order.hash()), signature),
        )
        sale = doubts.ask(self._sell, order.purchase, offer, order.max_price, order.payer)
        doubts.settle()
        license_id, deal = sale
        refuse_if(NativeNotPossible=deal.terms.token == 0 and deal.price != 0)
        if deal.price and permit.deadline and deal.terms.token:
            self.house.dollar.try_permit(order.payer, self.house.ledger.address, permit)
        self._collect(order.payer, order.purchase.work, deal, license_id)

    def grant_many(self, call: Call, work: int, terms_id: int, licensees: Sequence[int], salt: int) -> None:
        self._check_holder(work, call.sender)
        for number, licensee in enumerate(licensees):
            purchase = Purchase(work, terms_id, licensee, 0, 0, salt + number)
            snapshot = self._snapshot(work, terms_id)
            license_id = self.license_id(purchase)
            granted = self._grant(license_id, licensee, snapshot)
            self.emit("LicenseSold", license_id, work, call.sender, call.sender, terms_id, 0, 0, granted)

    # ------------------------------------------------------------------ the fee

    def set_fee(self, call: Call, fee_ppm: int) -> None:
        is_timelock = call.sender == self.house.addresses["Roles"]
        refuse_if(
            FeeTooHigh=fee_ppm > FEE_CAP,
            NotGuardian=not is_timelock and not self.house.roles.is_guardian(call.sender),
            FeeNotLower=not is_timelock and fee_ppm >= self.fee_ppm,
        )
        self.state.settings["feePpm"] = fee_ppm
        self.emit("FeeChanged", fee_ppm)

    # ------------------------------------------------------------------ what others ask

    @property
    def fee_ppm(self) -> int:
        return int(self.state.settings.get("feePpm", 0))

    def seller_epoch(self, seller: int) -> int:
        return int(self.state.seller_epochs.get(seller, 0))

    def license_id(self, purchase: Purchase) -> int:
        return self.digest(purchase.hash())

    def ask(self, purchase: Purchase, signed: SignedOffer) -> tuple[int, int, int]:
        """Kind, token and price of a purchase, whatever else may speak against it.

        Raises:
            Refused: there are no such terms, or no such price.
        """
        listed = signed.offer.seller == 0
        terms_id = purchase.basis if listed else signed.offer.terms
        price = self._attached_price(purchase.work, terms_id) if listed else signed.offer.price
        terms = self.state.terms.get(terms_id)
        if terms is None:
            raise Refused("UnknownTerms")
        return terms.kind, terms.token, price

    # ------------------------------------------------------------------ internal

    def _sell(self, purchase: Purchase, signed: SignedOffer, max_price: int, payer: int) -> tuple[int, Deal]:
        deal = self._deal(purchase, signed, max_price)
        license_id = self.license_id(purchase)
        if signed.offer.seller:
            key = signed.offer.seller, signed.offer.nonce
            self.state.offers_used[key] = self.state.offers_used.get(key, 0) + 1
            used = self.state.offers_used[key]
            self.emit("OfferUsed", signed.offer.seller, license_id, purchase.basis, signed.offer.nonce, used)
        granted = self._grant(license_id, purchase.licensee, deal.snapshot)
        fee = self._fee(deal.price)
        self.emit("LicenseSold", license_id, purchase.work, payer, deal.seller, deal.terms_id, deal.price, fee, granted)
        return license_id, deal

    def _deal(self, purchase: Purchase, signed: SignedOffer, max_price: int) -> Deal:
        listed = signed.offer.seller == 0
        terms_id = purchase.basis if listed else signed.offer.terms
        doubts = Doubts()
        if listed:
            seller = doubts.ask(self.house.titles.holder, purchase.work)
            price = doubts.ask(self._attached_price, purchase.work, terms_id)
        else:
            doubts.ask(self._check_offer, purchase, signed)
            seller, price = signed.offer.seller, signed.offer.price
        snapshot = doubts.ask(self._snapshot, purchase.work, terms_id)
        doubts.ask(
            refuse_if,
            PriceTooHigh=(price or 0) > max_price,
            CoverageTooSmall=snapshot and purchase.coverage & ~snapshot.coverage,
            VersionTooLow=snapshot and purchase.version > snapshot.version,
            LicenseExists=self.license_id(purchase) in self.state.license_owners,
            ERC721InvalidReceiver=purchase.licensee == 0,
        )
        doubts.settle()
        return Deal(seller, price, self.state.terms[terms_id], terms_id, snapshot)

    def _check_offer(self, purchase: Purchase, signed: SignedOffer) -> None:
        offer = signed.offer
        digest = self.digest(offer.hash())
        used = self.state.offers_used.get((offer.seller, offer.nonce), 0)
        refuse_if(
            UnknownWork=not self.house.registry.exists(offer.work),
            WrongBasis=purchase.basis != digest,
            WrongWork=purchase.work != offer.work,
            WrongLicensee=offer.licensee not in {0, purchase.licensee},
            FeeTooHigh=self.fee_ppm > offer.max_fee_ppm,
            OfferNotYetValid=self.now < offer.valid_from,
            OfferExpired=self.now > offer.valid_until,
            OfferTooLong=offer.valid_until - offer.valid_from > LONGEST_OFFER,
            StaleSeller=offer.seller_epoch != self.seller_epoch(offer.seller),
            OfferUsedUp=used >= offer.uses,
            InvalidSignature=not self.house.is_signed(signed.signer, digest, signed.signature),
            **self._not_delegated(offer, signed.signer),
            **self._not_current(offer),
        )

    def _not_current(self, offer: Offer) -> dict[str, bool]:
        if not self.house.registry.exists(offer.work):
            return {}
        return {
            "NotRightsHolder": offer.seller != self.house.titles.holder(offer.work),
            "StaleTitle": offer.title_epoch != self.house.titles.epoch(offer.work),
        }

    def _not_delegated(self, offer: Offer, signer: int) -> dict[str, bool]:
        """A signer that is not the seller needs a delegation: of this work, or else of any."""
        if signer == offer.seller:
            return {}
        epoch = self.seller_epoch(offer.seller)
        for work in (offer.work, ANY_WORK):
            delegation = self.state.delegations.get((offer.seller, epoch, signer, work, offer.terms), Delegation())
            if self.now <= delegation.expiry:
                return {"BelowFloor": offer.price < delegation.floor_price}
        return {"NotDelegated": True}

    def _attached_price(self, work: int, terms_id: int) -> int:
        listing = self._listing(work, terms_id)
        refuse_if(NotAttached=not listing.attached)
        refuse_if(StaleTitle=listing.title_epoch != self.house.titles.epoch(work))
        return listing.price

    def _snapshot(self, work: int, terms_id: int) -> Snapshot:
        terms = self.state.terms.get(terms_id)
        unknown = not self.house.registry.exists(work)
        flagged = self.house.disputes.is_flagged(work)
        if terms is None or unknown:
            refuse_if(UnknownTerms=terms is None, UnknownWork=unknown, RecordingFlagged=flagged)
        coverage = self.house.titles.coverage(work)
        table = self.house.registry.table(work)
        no_room = table.stack_ppm + terms.remix_ppm > STACK_CAP or table.ancestor_count >= ANCESTORS_CAP
        refuse_if(
            RecordingFlagged=flagged,
            GrantsUsedUp=terms.max_grants and self._listing(work, terms_id).granted >= terms.max_grants,
            ExclusivelyLicensed=self._is_taken(recording_of(work), terms.kind, coverage),
            NoRoomForRemix=terms.kind == REMIX and no_room,
        )
        expires_at = self.now + terms.duration if terms.duration else 0
        version = self.house.titles.version(work)
        return Snapshot(
            work,
            coverage,
            terms.kind,
            terms.transferable,
            terms_id,
            version,
            self.now,
            expires_at,
            terms.remix_ppm,
        )

    def _is_taken(self, recording: int, kind: int, coverage: int) -> bool:
        running = self.state.exclusivities.get((recording, kind), Exclusivity())
        by_recording = running.until > self.now and running.coverage & coverage
        by_stems = any(until > self.now and coverage >> stem & 1 for stem, until in enumerate(running.stem_until, 1))
        return bool(by_recording or by_stems)

    def _grant(self, license_id: int, licensee: int, snapshot: Snapshot) -> int:
        work, terms_id = snapshot.work, snapshot.terms
        listing = self._listing(work, terms_id)
        granted = listing.granted + 1
        self.state.listings[work, terms_id] = listing._replace(granted=granted)
        if self.state.terms[terms_id].exclusive:
            self._exclude(snapshot)
        self.house.licenses.grant(license_id, licensee, snapshot)
        return granted

    def _exclude(self, snapshot: Snapshot) -> None:
        key = recording_of(snapshot.work), snapshot.kind
        running = self.state.exclusivities.get(key, Exclusivity())
        until = snapshot.expires_at
        if kind_of(snapshot.work) == RECORDING:
            running = running._replace(until=until, coverage=snapshot.coverage)
        else:
            stems = list(running.stem_until)
            stems[kind_of(snapshot.work) - 1] = until
            running = running._replace(stem_until=tuple(stems))
        self.state.exclusivities[key] = running
        self.emit("ExclusivityGranted", key[0], snapshot.kind, snapshot.work, snapshot.coverage, until)

    def _collect(self, payer: int, work: int, deal: Deal, license_id: int) -> None:
        if deal.price == 0:
            return
        token = deal.terms.token
        if token == 0:
            self.house.move_native(self.address, self.house.ledger.address, deal.price)
        self.house.ledger.collect(payer, work, token, deal.price, self._fee(deal.price), license_id)

    def _fee(self, price: int) -> int:
        return price * self.fee_ppm // PPM

    def _listing(self, work: int, terms_id: int) -> Listing:
        listing: Listing = self.state.listings.get((work, terms_id), Listing())
        return listing

    def _check_holder(self, work: int, account: int) -> None:
        refuse_if(NotRightsHolder=self.house.titles.holder(work) != account)
