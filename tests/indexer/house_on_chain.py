"""The eight contracts on a real anvil: any function by its ABI, and what the stories on a chain are told with."""

import hashlib
import time
from dataclasses import astuple
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from eth_account import Account
from eth_hash.auto import keccak

from stack.anvil_node import AnvilNode, development_key
from stemma.chain import intents, merkle
from stemma.chain.abi import load_abi
from stemma.chain.deployments import load_deployment
from stemma.chain.licensing import ZERO_ADDRESS, LicenseKind, Offer, Purchase, Terms, offer_digest, offer_typed_data
from stemma.chain.royalties import Entry, RoyaltyTable, parents_recordings, remix_table
from stemma.cid import RAW
from stemma.works import STEM_KINDS, WorkId

NATIVE = ZERO_ADDRESS
FOREVER = 2**63
ADMIN, ATTESTOR, GUARDIAN, ARBITER = 0, 2, 6, 7
TWO_DAYS = 48 * 3600
NO_OFFER = ((NATIVE, 0, 0, 0, bytes(32), 0, 0, 0, 0, NATIVE, 0, 0), NATIVE, b"")


@cache
def key(account: int) -> str:
    return development_key(account)


@cache
def address(account: int) -> str:
    return str(Account.from_key(key(account)).address)


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


class HouseOnChain:
    """Accounts are numbers of anvil's development accounts; every transaction is mined at once."""

    def __init__(self, node: AnvilNode, deployments_dir: Path) -> None:
        self.node = node
        self.deployments_dir = deployments_dir
        self.deployment = load_deployment(deployments_dir, node.chain_id)
        self.tables: dict[WorkId, RoyaltyTable] = {}
        self.separations: dict[WorkId, tuple[list[intents.Stem], intents.Separation]] = {}
        self._salts = iter(range(1, 10**9))

    # ---------------------------------------------------------------- any function

    def at(self, contract: str) -> str:
        return self.deployment.contracts[contract].address

    def send(self, account: int, contract: str, function: str, *arguments: Any, value: int = 0) -> None:
        """Call a function by a transaction, which must succeed."""
        data = calldata(contract, function, arguments)
        self.send_raw(account, self.at(contract), data, value=value)

    def send_raw(self, account: int, to: str, data: bytes, *, value: int = 0) -> None:
        transaction = {"from": address(account), "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        tx_hash = self.node.rpc("eth_sendTransaction", transaction | {"gas": hex(8_000_000)})
        for _ in range(500):
            if receipt := self.node.rpc("eth_getTransactionReceipt", tx_hash):
                assert receipt["status"] == "0x1", self.node.rpc("eth_call", transaction, "latest")
                return
            time.sleep(0.005)
        raise AssertionError(f"transaction {tx_hash} was not mined")

    def read(self, contract: str, function: str, *arguments: Any, block: int | str = "latest") -> Any:
        """What a view returns: one value, or a tuple of several; addresses as bytes."""
        call = {"to": self.at(contract), "data": "0x" + calldata(contract, function, arguments).hex()}
        at = hex(block) if isinstance(block, int) else block
        answer = bytes.fromhex(self.node.rpc("eth_call", call, at)[2:])
        values = tuple(map(plain, decode(_types(_function(contract, function)["outputs"]), answer)))
        return values[0] if len(values) == 1 else values

    def wait(self, seconds: int) -> None:
        self.node.rpc("evm_increaseTime", seconds)
        self.node.mine(1)

    @property
    def now(self) -> int:
        return int(self.node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    # ---------------------------------------------------------------- registering

    def registration(self, creator: int, title: str, split: Any = (), parents: Any = ()) -> intents.Registration:
        shares = tuple(intents.Share(address(account), ppm) for account, ppm in split)
        return intents.Registration(
            *(address(creator), digest(title), digest(f"{title} credits"), RAW, 50_000, FOREVER, shares),
            tuple(intents.Parent(*parent) for parent in parents),
        )

    def register(self, creator: int, title: str, *, split: Any = (), parents: Any = ()) -> WorkId:
        """Register by a commitment: the creator sends, nobody attests. ``parents``: (work, license, ppm)."""
        registration = self.registration(creator, title, split, [parent[:2] for parent in parents])
        entries = [Entry(work, ppm) for work, _, ppm in parents]
        tables = [self.tables[recording].words for recording in parents_recordings(entries)]
        salt = digest(f"{title} salt")
        commitment = intents.commitment(registration.creator, registration.content_hash, salt)
        self.send(creator, "StemRegistry", "commit", commitment)
        self.send(creator, "StemRegistry", "registerCommitted", as_struct(registration), b"", tables, salt)
        self.tables[registration.recording_id] = remix_table(entries, self.tables)
        return registration.recording_id

    def described(
        self, recording: WorkId, name: str, version: int = 0
    ) -> tuple[list[intents.Stem], intents.Separation]:
        """A separation as a worker might have made it."""
        stems = [intents.Stem(digest(f"{name} {k}"), digest(f"{name} {k} cid"), RAW) for k in STEM_KINDS]
        separation = intents.Separation(
            stems_root=merkle.stems_root(recording, stems),
            model=intents.model_hash("demucs-tiny-synth"),
            weights_hash=digest("weights"),
            manifest_digest=digest(f"{name} manifest"),
            manifest_codec=RAW,
            metadata_digest=digest(f"{name} metadata"),
            version=version,
        )
        return stems, separation

    def separate(self, recording: WorkId, creator: int, title: str, *, version: int = 0) -> None:
        """Commit an attested separation; the creator, who must hold the rights, sends it."""
        stems, separation = self.described(recording, f"{title} {version}", version)
        content_hash, domain = digest(title), self.deployment.signing_domain
        attestation = intents.attestation_typed_data(address(creator), content_hash, separation, FOREVER, domain)
        self.send(
            creator,
            *("StemRegistry", "commitSeparation", content_hash, [astuple(stem) for stem in stems]),
            *(as_tuple(separation), FOREVER, intents.sign_typed_data(key(ATTESTOR), attestation), b""),
        )
        self.separations[recording] = (stems, separation)

    def materialize(self, recording: WorkId, leaves: list[bytes], stems: Any, separation: Any) -> None:
        proof = merkle.proof(leaves, leaves.index(merkle.batch_leaf(recording, separation)))
        structs = ([astuple(stem) for stem in stems], as_tuple(separation))
        self.send(0, "StemRegistry", "materialize", merkle.root(leaves), recording, *structs, proof)
        self.separations[recording] = (stems, separation)

    def mint(self, work: WorkId, holder: int, to: int) -> None:
        _, separation = self.separations[WorkId(work & ~0xFF)]
        digests = (separation.stems_root, separation.metadata_digest)
        self.send(holder, "IPNFT", "mint", work, address(to), *digests)

    def transfer(self, work: WorkId, holder: int, to: int) -> None:
        self.send(holder, "IPNFT", "transferFrom", address(holder), address(to), work)

    # ---------------------------------------------------------------- licenses

    def publish(self, kind: LicenseKind, **changes: Any) -> Terms:
        terms = Terms(**{"kind": kind, "token": NATIVE, "legal_digest": digest("legal text")} | changes)
        self.send(0, "LicenseManager", "publishTerms", astuple(terms))
        return terms

    def grant(self, holder: int, work: WorkId, terms: Terms, licensee: int) -> int:
        """A license for nothing; its id."""
        salt = next(self._salts)
        purchase = (work, terms.id, address(licensee), 0, 0, salt)
        self.send(holder, "LicenseManager", "grantMany", work, terms.id, [address(licensee)], salt)
        return int.from_bytes(self.read("LicenseManager", "purchaseHash", purchase), "big")

    def purchase(self, work: WorkId, basis: bytes, licensee: int) -> Purchase:
        return Purchase(work, basis, address(licensee), 0, 0, next(self._salts))

    def offer(self, seller: int, work: WorkId, terms: Terms, price: int, nonce: int) -> tuple[Offer, bytes]:
        """An offer to anyone, with the seller's signature."""
        offer = Offer(
            seller=address(seller),
            seller_epoch=self.read("LicenseManager", "sellerEpochOf", address(seller)),
            work=work,
            title_epoch=self.read("IPNFT", "titleEpoch", work),
            terms_id=terms.id,
            price=price,
            valid_from=0 if self.now < 30 * 86400 else self.now - 10,
            valid_until=self.now + 86_400,
            nonce=nonce,
            uses=3,
        )
        return offer, intents.sign_typed_data(key(seller), offer_typed_data(offer, **self.manager))

    def buy_offered(self, buyer: int, offer: Offer, signature: bytes) -> None:
        purchase = self.purchase(offer.work, offer_digest(offer, **self.manager), buyer)
        signed = (astuple(offer), offer.seller, signature)
        self.send(buyer, "LicenseManager", "buy", astuple(purchase), signed, offer.price, value=offer.price)

    @property
    def manager(self) -> dict[str, Any]:
        return {"chain_id": self.node.chain_id, "manager": self.at("LicenseManager")}

    # ---------------------------------------------------------------- money

    def pay(self, payer: int, work: WorkId, amount: int, reference: bytes = bytes(32)) -> None:
        self.send(payer, "RoyaltySplitter", "pay", work, NATIVE, amount, reference, value=amount)

    def claim(self, descendant: WorkId, ancestor: WorkId, token: str = NATIVE) -> None:
        table = self.tables[WorkId(descendant & ~0xFF)]
        claim = (descendant, ancestor, table.ppm_of(ancestor), table.proof(ancestor))
        self.send(0, "RoyaltySplitter", "claim", *claim, token)

    # ---------------------------------------------------------------- the timelock

    def after_two_days(self, contract: str, function: str, *arguments: Any) -> None:
        """Schedule a call by the timelock, wait, and execute it."""
        data = calldata(contract, function, arguments)
        call = (self.at(contract), 0, data, bytes(32), digest(f"{next(self._salts)}"))
        self.send(ADMIN, "Roles", "schedule", *call, TWO_DAYS)
        self.wait(TWO_DAYS + 1)
        self.send(ADMIN, "Roles", "execute", *call)


def calldata(contract: str, function: str, arguments: Any) -> bytes:
    types = _types(_function(contract, function)["inputs"])
    return keccak(f"{function}({','.join(types)})".encode())[:4] + encode(types, arguments)


def as_tuple(separation: intents.Separation) -> tuple[Any, ...]:
    s = separation
    return (
        *(s.version, s.stems_root, s.model, s.weights_hash, s.manifest_digest, s.manifest_codec),
        s.metadata_digest,
    )


def as_struct(r: intents.Registration) -> tuple[Any, ...]:
    split, parents = ([astuple(each) for each in several] for several in (r.split, r.parents))
    return (
        *(r.creator, r.content_hash, r.credits_digest, r.credits_codec, r.resale_royalty_ppm),
        *(split, parents, r.deadline),
    )


def plain(value: Any) -> Any:
    """Addresses as bytes, structs as tuples."""
    if isinstance(value, tuple | list):
        return tuple(map(plain, value))
    is_address = isinstance(value, str) and len(value) == 42 and value.startswith("0x")
    return bytes.fromhex(value[2:]) if is_address else value


@cache
def _function(contract: str, name: str) -> dict[str, Any]:
    found = [each for each in load_abi(contract) if each["type"] == "function" and each["name"] == name]
    return min(found, key=lambda each: len(each["inputs"]))


def _types(entries: list[dict[str, Any]]) -> list[str]:
    return [_type(entry) for entry in entries]


def _type(entry: dict[str, Any]) -> str:
    name = str(entry["type"])
    if name.startswith("tuple"):
        return f"({','.join(_types(entry['components']))}){name.removeprefix('tuple')}"
    return name
