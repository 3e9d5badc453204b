"""What the house's acts cost in gas: steady state, real checks on, ERC-20 as in the tests, each act proven right.

Steady state: the accounts, the work and its ledger have been used before. What is new by nature is new: a license, a
remix, an offer's nonce (the first of a word, which costs the most), a separation. The calls are sent as a relayer would
send them, with signatures; the chain follows the rules of Osaka.

Usage: `python -m benchmarks.gas [--accept]`; --accept writes .gas-snapshot.json, against which `make test` compares.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.contract_machines.compiler import ROOT, Artifact, Sources, compiled
from tests.contract_machines.reference import messages
from tests.contract_machines.reference.licenses import STREAM
from tests.contract_machines.reference.messages import (
    AgentOrder,
    Offer,
    Parent,
    Purchase,
    Session,
    SignedOffer,
    Terms,
)
from tests.contract_machines.reference.words import root_of, table_proof
from tests.contract_machines.scenery import FOREVER, RAW, Family, Scenery, build_family, content_of, separation_of
from tests.contract_machines.world import CONTRACTS, World, running_world

SNAPSHOT = ROOT / ".gas-snapshot.json"
TITLE = 255
DOLLAR = 1_000_000
BOUNDS = {
    "commitSeparation6": 100_000,
    "batchPerStem": 250,
    "registerRemix1": 220_000,
    "registerRemix32": 340_000,
    "pay": 66_000,
    "claim128": 58_000,
    "withdraw": 68_000,
    "grantWithOffer": 250_000,
    "sessionPurchase": 300_000,
}
"""Gas at most."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accept", action="store_true", help="write the snapshot")
    options = parser.parse_args()
    figures = measure(compiled(Sources.of_repository(), CONTRACTS))
    for key, gas in figures.items():
        print(f"{key:20}{gas:>10,} of at most {BOUNDS[key]:>8,}")
    if options.accept:
        write(SNAPSHOT, figures)
    print(json.dumps(figures))


def measure(artifacts: Mapping[str, Artifact]) -> dict[str, int]:
    """The figures by key, on a chain of their own."""
    with running_world(artifacts) as world:
        scenery = Scenery(world)
        scene = Scene(world, scenery, build_family(scenery))
        figures = dict(scene.figures())
        world.check()
        return {key: figures[key] for key in BOUNDS}


def write(path: Path, figures: Mapping[str, int]) -> None:
    path.write_text(json.dumps(figures, indent=2) + "\n")


class Scene:
    """Where the acts happen, after each has happened before."""

    def __init__(self, world: World, scenery: Scenery, family: Family) -> None:
        self.world = world
        self.scenery = scenery
        self.family = family
        self.relayer = world.cast.staff["deployer"]
        self.creator, self.buyer, self.agent = world.cast.people[:3]
        self.usdc = world.usdc
        self.terms = Terms(STREAM, self.usdc, 1, 0, 1, 1, 1, 0, 0, 0, content_of("legal text"))

    def figures(self) -> Iterator[tuple[str, int]]:
        yield "commitSeparation6", self._commit_separation()
        yield "batchPerStem", self._batch_per_stem()
        yield "registerRemix1", self._register_remix([self.family.anthem])
        crown = self.works_with_ancestors(31)
        yield "registerRemix32", self._register_remix([crown])
        yield "pay", self._pay()
        yield "claim128", self._claim()
        yield "withdraw", self._withdraw()
        scenery_id = self.scenery.publish(self.terms)
        yield "grantWithOffer", self._grant_with_offer(scenery_id)
        yield "sessionPurchase", self._session_purchase(scenery_id)

    # ------------------------------------------------------------------ registry

    def _commit_separation(self) -> int:
        recording = self._register_attested("unseparated")
        stems, separation = separation_of(recording, "unseparated")
        content = content_of("unseparated")
        message = messages.attestation_hash(self.creator, content, separation, FOREVER)
        arguments = (content, stems, separation, FOREVER, self._attested(message), b"")
        return self.world.measure("StemRegistry", "commitSeparation", self.relayer, *arguments)

    def _batch_per_stem(self) -> int:
        """Rounded up."""
        recordings = range(0, 64 * 256, 256)
        leaves = [messages.batch_leaf(r, separation_of(r, f"batch {r}")[1]) for r in recordings]
        arguments = (root_of(leaves), 64, content_of("batch manifest"), RAW)
        gas = self.world.measure("StemRegistry", "anchorBatch", self.world.cast.staff["attestor"], *arguments)
        return -(-gas // (64 * 6))

    def _register_remix(self, works: list[int]) -> int:
        parents = [Parent(work, self.scenery.license(work, 20_000, self.creator)) for work in works]
        self._register_attested(f"remix of {works}", parents)
        return self.world.gas

    def works_with_ancestors(self, count: int) -> int:
        """A remix whose table has so many entries, of tracks that are its creator's own."""
        tracks = [self.scenery.register(f"track {count} {n}", self.creator) for n in range(count // 7 + 2)]
        works = [track | kind for track in tracks for kind in range(7)]
        boughs: list[int] = []
        while count > 16:
            # A bough adds itself and its parents to whoever takes it.
            size = min(count - 16 + len(boughs), 16)
            boughs.append(
                self.scenery.remix(f"bough {count} {len(boughs)}", self.creator, dict.fromkeys(works[:size], 1))
            )
            works, count = works[size:], count - size - 1
        shares = dict.fromkeys([*boughs, *works[:count]], 1)
        return self.scenery.remix(f"crown {count} {len(boughs)} {len(works)}", self.creator, shares)

    def _register_attested(self, name: str, parents: list[Parent] | None = None) -> int:
        """By a relayer, with the creator's and the attestor's signatures."""
        registration = self.scenery.registration(name, self.creator, (), parents or [])
        consent = self.world.sign(self.creator, "StemRegistry", registration.hash())
        origin = messages.origin_hash(self.creator, registration.content_hash, FOREVER)
        tables = self.scenery.tables_for(registration.parents)
        arguments = (registration, consent, tables, FOREVER, self._attested(origin))
        self.world.measure("StemRegistry", "registerAttested", self.relayer, *arguments)
        return max(self.world.house.state.recordings, key=list(self.world.house.state.recordings).index)

    def _attested(self, message: int) -> bytes:
        return self.world.sign(self.world.cast.staff["attestor"], "StemRegistry", message)

    # ------------------------------------------------------------------ money

    def _pay(self) -> int:
        arguments = (self.family.anthem, self.usdc, 5 * DOLLAR, 1)
        self.world.measure("RoyaltySplitter", "pay", self.buyer, *arguments)
        return self.world.measure("RoyaltySplitter", "pay", self.buyer, *arguments)

    def _claim(self) -> int:
        """Out of a table of 128 ancestors, into an income that others have gone into before."""
        crown = self.works_with_ancestors(128)
        table = dict(self.world.house.registry.full_tables[crown])
        assert len(table) == 128
        ancestor = sorted(table)[64]
        gas = 0
        for _ in range(2):
            self.world.must("RoyaltySplitter", "pay", self.buyer, crown, self.usdc, 10_000 * DOLLAR, 1)
            claim = (crown, ancestor, table[ancestor], table_proof(table, ancestor), self.usdc)
            gas = self.world.measure("RoyaltySplitter", "claim", self.relayer, *claim)
        return gas

    def _withdraw(self) -> int:
        """Of a titled work, to an account that has dollars."""
        work, holder = self.family.anthem, self.buyer
        self.scenery.mint(work, holder)
        gas = 0
        for _ in range(2):
            self.world.must("RoyaltySplitter", "pay", self.buyer, work, self.usdc, 5 * DOLLAR, 1)
            self.world.must("RoyaltySplitter", "settle", self.relayer, work, self.usdc)
            gas = self.world.measure("RoyaltySplitter", "withdraw", holder, work, self.usdc, TITLE, holder)
        return gas

    # ------------------------------------------------------------------ licenses

    def _grant_with_offer(self, terms_id: int) -> int:
        gas = 0
        for nonce in (0, 8):
            offer = self._offer(terms_id, nonce)
            purchase = self._purchase(offer, nonce)
            gas = self.world.measure("LicenseManager", "buy", self.buyer, purchase, offer, 2 * DOLLAR)
        return gas

    def _session_purchase(self, terms_id: int) -> int:
        """By the agent's signed order, on an offer."""
        world, vault = self.world, self.world.house.vault
        session = Session(
            self.buyer, self.agent, self.usdc, 500 * DOLLAR, 5 * DOLLAR, 100 * DOLLAR, 86_400, 31, FOREVER, 1
        )
        world.must("SessionVault", "deposit", self.buyer, self.buyer, self.usdc, 1_000 * DOLLAR)
        world.must("SessionVault", "open", self.buyer, session, b"")
        gas = 0
        for nonce in (16, 24):
            offer = self._offer(terms_id, nonce)
            order = AgentOrder(vault.session_id(session), self._purchase(offer, nonce), 2 * DOLLAR, FOREVER)
            signature = world.sign(self.agent, "SessionVault", order.hash())
            gas = world.measure("SessionVault", "buyWithOrder", self.relayer, session, order, signature, offer)
        return gas

    def _offer(self, terms_id: int, nonce: int) -> SignedOffer:
        world, work = self.world, self.family.ballad
        now = world.chain.now
        seller = world.house.titles.holder(work)
        offer = Offer(
            seller,
            world.house.manager.seller_epoch(seller),
            work,
            world.house.titles.epoch(work),
            terms_id,
            DOLLAR,
            now,
            now + 86_400,
            50_000,
            self.buyer,
            nonce,
            1,
        )
        return SignedOffer(offer, seller, world.sign(seller, "LicenseManager", offer.hash()))

    def _purchase(self, offer: SignedOffer, salt: int) -> Purchase:
        digest = self.world.house.digest("LicenseManager", offer.offer.hash())
        return Purchase(offer.offer.work, digest, self.buyer, 1, 0, salt)


if __name__ == "__main__":
    main()
