"""What a scripted chain tells of rights: ancestry, batches, terms, licenses, money, sessions, flags.

Each transaction is one that the contracts could have made as far as the index is concerned: what must exist exists,
what is told once is told once. Amounts and totals are drawn at random; that they add up is for real contracts to show.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

TOKENS = [bytes(20), b"\xdc" * 20]
AMOUNT = 2**128
Told = tuple[str, str, dict[str, Any]]
"""A contract, one of its events, and its values."""


@dataclass
class Rights:
    """What the events so far amount to, so that the next ones make sense."""

    terms: list[bytes] = field(default_factory=list)
    attached: list[tuple[int, bytes]] = field(default_factory=list)
    licenses: list[int] = field(default_factory=list)
    sessions: list[bytes] = field(default_factory=list)
    slots: list[tuple[int, int]] = field(default_factory=list)

    def copy(self) -> "Rights":
        return Rights(*(list(each) for each in vars(self).values()))


class RightsScript:
    """Draws transactions; ``account`` gives one of a few accounts, so that the same rows change again and again."""

    def __init__(self, rng: random.Random, account: Callable[[], bytes]) -> None:
        self.rng = rng
        self.account = account

    def transaction(self, rights: Rights, recordings: list[int]) -> list[Told]:
        """The events of one transaction; none when what was drawn makes no sense yet."""
        kinds: dict[str, Callable[[Rights, int], Iterator[Told]]] = {
            "terms": self._terms,
            "attachment": self._attachment,
            "license": self._license,
            "license again": self._license,
            "session": self._session,
            "money": self._money,
            "money again": self._money,
            "seller": self._seller,
            "batch": self._batch,
            "slot": self._slot,
            "flag": self._flag,
            "rule": self._rule,
            "title": self._title,
        }
        if not recordings:
            return []
        work = self.rng.choice(recordings) | self.rng.randrange(7)
        return list(kinds[self.rng.choice(list(kinds))](rights, work))

    def ancestry(self, rights: Rights, recordings: list[int], recording: int) -> Iterator[Told]:
        """What a remix' registration tells of its parents."""
        parents = sorted({self.rng.choice(recordings) | self.rng.randrange(7) for _ in range(self.rng.randint(1, 3))})
        for parent in parents:
            license_id = self.rng.choice(rights.licenses)
            yield "Licenses", "LicenseConsumed", {"licenseId": license_id, "workId": parent, "remixId": recording}
            values = {"recordingId": recording, "parentId": parent, "licenseId": license_id, "ppm": 100}
            yield "StemRegistry", "ParentFixed", values
        for ancestor in parents:
            values = {"recordingId": recording, "ancestorId": ancestor, "ppm": self.rng.randint(1, 200_000)}
            yield "StemRegistry", "RoyaltyEntry", values
        values = {"recordingId": recording, "root": self._hash(), "stackPpm": 1, "ancestorCount": len(parents)}
        yield "StemRegistry", "RoyaltyTableFixed", values

    def _terms(self, rights: Rights, work: int) -> Iterator[Told]:
        rights.terms.append(self._hash())
        flags = ("transferable", "exclusive", "commercialUse", "attribution")
        yield (
            "LicenseManager",
            "TermsPublished",
            {
                "termsId": rights.terms[-1],
                "kind": self.rng.randrange(5),
                "token": self._token(),
                "territory": self.rng.randrange(2**16),
                "maxGrants": self.rng.randrange(2**32),
                "remixPpm": self.rng.randrange(800_000),
                "duration": self.rng.randrange(2**32),
                "legalDigest": self._hash(),
                **{name: self.rng.random() < 0.5 for name in flags},
            },
        )

    def _attachment(self, rights: Rights, work: int) -> Iterator[Told]:
        if rights.attached and self.rng.random() < 0.4:
            work, terms = self.rng.choice(rights.attached)
            yield "LicenseManager", "TermsDetached", {"workId": work, "termsId": terms, "holder": self.account()}
        elif rights.terms:
            rights.attached.append((work, self.rng.choice(rights.terms)))
            yield (
                "LicenseManager",
                "TermsAttached",
                {
                    "workId": work,
                    "termsId": rights.attached[-1][1],
                    "holder": self.account(),
                    "titleEpoch": work << 32 | self.rng.randrange(2),
                    "price": self._amount(),
                },
            )

    def _license(self, rights: Rights, work: int) -> Iterator[Told]:
        if rights.licenses and self.rng.random() < 0.3:
            moved = {"from": self.account(), "to": self.account(), "tokenId": self.rng.choice(rights.licenses)}
            yield "Licenses", "Transfer", moved
        elif rights.terms:
            yield from self._sale(rights, work, self._token())

    def _sale(self, rights: Rights, work: int, token: bytes) -> Iterator[Told]:
        license_id, terms, licensee = self.rng.randrange(2**256), self.rng.choice(rights.terms), self.account()
        rights.licenses.append(license_id)
        price, fee = self._amount(), self.rng.randrange(1000)
        if self.rng.random() < 0.5:
            used = {"seller": self.account(), "licenseId": license_id, "offerDigest": self._hash()}
            yield "LicenseManager", "OfferUsed", used | {"nonce": self.rng.randrange(4), "used": self.rng.randrange(9)}
        if self.rng.random() < 0.3:
            values = {"recordingId": work & ~0xFF, "kind": 2, "workId": work, "coverage": 0x7F}
            yield "LicenseManager", "ExclusivityGranted", values | {"until": self.rng.randrange(2**32)}
        yield "Licenses", "Transfer", {"from": bytes(20), "to": licensee, "tokenId": license_id}
        yield (
            "Licenses",
            "LicenseGranted",
            {
                "licenseId": license_id,
                "workId": work,
                "licensee": licensee,
                "termsId": terms,
                "kind": self.rng.randrange(5),
                "coverage": self.rng.randrange(128),
                "version": self.rng.randrange(2**32),
                "expiresAt": self.rng.choice([0, self.rng.randrange(2**33)]),
                "remixPpm": 5,
                "transferable": self.rng.random() < 0.5,
            },
        )
        sold = {"licenseId": license_id, "workId": work, "payer": self.account(), "seller": self.account()}
        sold |= {"termsId": terms, "price": price, "fee": fee, "granted": self.rng.randrange(2**32)}
        yield "LicenseManager", "LicenseSold", sold
        yield "RoyaltySplitter", "FeeCredited", {"token": token, "workId": work, "amount": fee, "fees": fee}
        yield self._paid(work, token, license_id.to_bytes(32, "big"))

    def _session(self, rights: Rights, work: int) -> Iterator[Told]:
        draw = self.rng.random()
        owner, token = self.account(), self._token()
        if draw < 0.2:
            values = {"owner": owner, "token": token, "payer": self.account()}
            yield "SessionVault", "Deposited", values | {"amount": self._amount(), "balance": self._amount()}
        elif draw < 0.3:
            values = {"owner": owner, "token": token, "to": self.account()}
            yield "SessionVault", "VaultWithdrawn", values | {"amount": self._amount(), "balance": self._amount()}
        elif draw < 0.5:
            rights.sessions.append(self._hash())
            values = {"sessionId": rights.sessions[-1], "owner": owner, "agent": self.account(), "token": token}
            values |= {name: self._amount() for name in ("cap", "perLicenseCap", "perPeriodCap")}
            values |= {"period": self.rng.randrange(2**64), "kinds": 31, "expiry": self.rng.randrange(2**64)}
            yield "SessionVault", "SessionOpened", values | {"salt": self.rng.randrange(2**256)}
        elif draw < 0.6:
            closed = self.rng.choice([*rights.sessions, self._hash()])
            rights.sessions = [each for each in rights.sessions if each != closed]
            values = {"sessionId": closed, "owner": owner, "spent": self._amount()}
            yield "SessionVault", "SessionClosed", values
        elif rights.sessions and rights.terms:
            yield from self._sale(rights, work, token)
            yield (
                "SessionVault",
                "SessionPurchased",
                {
                    "sessionId": self.rng.choice(rights.sessions),
                    "licenseId": rights.licenses[-1],
                    "workId": work,
                    "window": self.rng.randrange(2**40),
                    **{name: self._amount() for name in ("price", "spent", "windowSpent", "balance")},
                },
            )

    def _money(self, rights: Rights, work: int) -> Iterator[Told]:
        token, other = self._token(), (work & ~0xFF) | self.rng.randrange(7)
        totals = {"amount": self._amount(), "income": self._amount()}
        yield from (
            [self._paid(work, token, self._hash())],
            [
                self._paid(work, token, self._hash()),
                (
                    *("RoyaltySplitter", "Claimed"),
                    {"descendant": work, "ancestor": other, "token": token, "moved": self._amount()} | totals,
                ),
            ],
            [
                (
                    *("RoyaltySplitter", "Settled"),
                    {"workId": work, "token": token, "ownMoved": self._amount()} | totals,
                )
            ],
            [
                (
                    *("RoyaltySplitter", "Withdrawn"),
                    {"workId": work, "token": token, "to": self.account(), "slot": slot}
                    | {"amount": self._amount(), "drawn": self._amount()},
                )
                for slot in (0, 255)
            ],
        )[self.rng.randrange(4)]

    def _seller(self, rights: Rights, work: int) -> Iterator[Told]:
        holder, signer, epoch = self.account(), self.account(), self.rng.randrange(3)
        delegation = {"holder": holder, "signer": signer, "workId": self.rng.choice([0, work]), "termsId": bytes(32)}
        yield (
            ("LicenseManager", "OfferCancelled", {"seller": holder, "nonce": self.rng.randrange(4)}),
            ("LicenseManager", "SellerEpochRaised", {"seller": holder, "sellerEpoch": epoch}),
            (
                *("LicenseManager", "SignerDelegated"),
                delegation | {"sellerEpoch": epoch, "floorPrice": self._amount(), "expiry": self.rng.randrange(2**64)},
            ),
            ("LicenseManager", "DelegationRevoked", delegation | {"sellerEpoch": epoch}),
        )[self.rng.randrange(4)]

    def _batch(self, rights: Rights, work: int) -> Iterator[Told]:
        yield "StemRegistry", "CommitmentMade", {"commitment": self._hash()}
        values = {"root": self._hash(), "attestor": self.account(), "count": self.rng.randrange(1, 2**32)}
        yield "StemRegistry", "BatchAnchored", values | {"manifestDigest": self._hash(), "manifestCodec": 0x55}

    def _slot(self, rights: Rights, work: int) -> Iterator[Told]:
        if rights.slots:
            recording, slot = self.rng.choice(rights.slots)
            values = {"recordingId": recording, "from": self.account(), "to": self.account(), "slot": slot}
            yield "RoyaltySplitter", "SlotReassigned", values

    def _flag(self, rights: Rights, work: int) -> Iterator[Told]:
        name = self.rng.choice(["Flagged", "FlagLifted"])
        values = {"recordingId": work & ~0xFF, "arbiter": self.account(), "until": self.rng.randrange(2**64)}
        reason = {"reason": self._hash()} if name == "Flagged" else {}
        yield "Disputes", name, values | {"count": self.rng.randint(1, 3)} | reason

    def _rule(self, rights: Rights, work: int) -> Iterator[Told]:
        token = self._token()
        yield (
            ("RoyaltySplitter", "TokenAccepted", {"token": token}),
            ("RoyaltySplitter", "TokenStopped", {"token": token}),
            ("RoyaltySplitter", "FeeRecipientChanged", {"recipient": self.account()}),
            ("LicenseManager", "FeeChanged", {"feePpm": self.rng.randrange(50_000)}),
            (
                *("RoyaltySplitter", "FeesWithdrawn"),
                {"token": token, "to": self.account(), "amount": self._amount(), "drawn": self._amount()},
            ),
            ("RoyaltySplitter", "NonceUsed", {"account": self.account(), "nonce": self.rng.randrange(2**256)}),
            ("RoyaltySplitter", "ReceiverCreated", {"workId": self.rng.randrange(2**224), "receiver": self.account()}),
        )[self.rng.randrange(7)]

    def _title(self, rights: Rights, work: int) -> Iterator[Told]:
        yield "Roles", "RoleGranted", {"role": bytes(32), "account": self.account(), "sender": self.account()}

    def _paid(self, work: int, token: bytes, reference: bytes) -> Told:
        values = {"workId": work, "token": token, "payer": self.account(), "paymentReference": reference}
        return "RoyaltySplitter", "Paid", values | {"amount": self._amount(), "received": self._amount()}

    def _amount(self) -> int:
        return self.rng.randrange(AMOUNT)

    def _hash(self) -> bytes:
        return self.rng.randbytes(32)

    def _token(self) -> bytes:
        return self.rng.choice(TOKENS)
