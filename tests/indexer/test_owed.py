"""What the catalog says is owed, against the contract once everything that is due has been claimed and settled."""

import random
from collections import Counter
from dataclasses import dataclass, field

import psycopg
import pytest

from stemma.chain.licensing import LicenseKind
from stemma.works import Kind, WorkId, stem_id, to_bytes
from tests.indexer.house_on_chain import NATIVE, HouseOnChain, address
from tests.indexer.onchain import run_until_head

ROUNDS = 3
STEPS = 25
PEOPLE = (1, 3, 4, 5)
TITLE = 255


@dataclass
class Ledger:
    """Works with a past, and random people who pay, claim, settle, draw and hand on."""

    house: HouseOnChain
    rng: random.Random
    holders: dict[WorkId, int] = field(default_factory=dict)
    slots: dict[tuple[WorkId, int], int] = field(default_factory=dict)
    works: list[WorkId] = field(default_factory=list)

    def grow(self) -> None:
        """Two tracks, a remix of one and of the other's drums, and a remix of that remix."""
        share = self.house.publish(LicenseKind.REMIX, remix_ppm=self.rng.randrange(1, 300_000))
        first, second = self._recording("first", []), self._recording("second", [])
        parents = [(first, share), (stem_id(second, Kind.DRUMS), share)]
        third = self._recording("third", parents)
        self._recording("fourth", [(third, share), (stem_id(first, Kind.OTHER), share)])
        self.house.separate(first, 1, "first")
        self.house.mint(first, 1, 4)
        self.holders[first] = 4
        bass = stem_id(first, Kind.BASS)
        self.house.mint(bass, 4, 5)
        self.holders[bass] = 5

    def holder(self, work: WorkId) -> int:
        return self.holders.get(work, self.holders[WorkId(work & ~0xFF)])

    def step(self) -> None:
        work = self.rng.choice(self.works)
        match self.rng.choice(["pay", "pay", "pay", "claim", "claim", "settle", "draw", "draw", "slot", "title"]):
            case "pay":
                self.house.pay(3, work, self.rng.choice([1, 7, self.rng.randrange(1, 10**18)]))
            case "claim" if self.house.tables[WorkId(work & ~0xFF)].entries:
                entries = self.house.tables[WorkId(work & ~0xFF)].entries
                self.house.claim(work, self.rng.choice(entries).work)
            case "settle":
                self.house.send(0, "RoyaltySplitter", "settle", work, NATIVE)
            case "draw":
                self._draw(work)
            case "slot":
                (recording, slot), owner = self.rng.choice(list(self.slots.items()))
                to = self.slots[recording, slot] = self.rng.choice(PEOPLE)
                self.house.send(owner, "RoyaltySplitter", "reassignSlot", recording, slot, address(to))
            case "title":
                title = self.rng.choice([each for each in self.holders if each & 0xFF or each == self.works[0]])
                giver, self.holders[title] = self.holders[title], self.rng.choice(PEOPLE)
                self.house.transfer(title, giver, self.holders[title])

    def take_all_that_is_due(self) -> None:
        for work in self.works:
            for entry in self.house.tables[WorkId(work & ~0xFF)].entries:
                self.house.claim(work, entry.work)
        self.house.send(0, "RoyaltySplitter", "settleMany", self.works, NATIVE)

    def available(self) -> Counter[tuple[bytes, bytes, int]]:
        """What the contract lets each account draw, by (work, account, slot)."""
        found: Counter[tuple[bytes, bytes, int]] = Counter()
        for work in self.works:
            recording = WorkId(work & ~0xFF)
            owners = {slot: owner for (of, slot), owner in self.slots.items() if of == recording}
            for slot, owner in {**owners, TITLE: self.holder(work)}.items():
                amount = self.house.read("RoyaltySplitter", "available", work, NATIVE, slot)
                found[to_bytes(work), bytes.fromhex(address(owner)[2:]), slot] += amount
        return found

    def _recording(self, title: str, parents: list) -> WorkId:
        split = [(self.rng.choice(PEOPLE), self.rng.randrange(1, 300_000)) for _ in range(self.rng.randrange(1, 4))]
        licensed = []
        for work, terms in sorted(parents, key=lambda parent: parent[0]):
            license_id = self.house.grant(self.holder(work), work, terms, 1)
            licensed.append((work, license_id, terms.remix_ppm))
        recording = self.house.register(1, title, split=split, parents=licensed)
        self.holders[recording] = 1
        self.slots |= {(recording, slot): owner for slot, (owner, _) in enumerate(split)}
        self.works += [WorkId(recording | kind) for kind in range(7)]
        return recording

    def _draw(self, work: WorkId) -> None:
        owners = [(slot, owner) for (of, slot), owner in self.slots.items() if of == work & ~0xFF]
        slot, owner = self.rng.choice([*owners, (TITLE, self.holder(work))])
        if self.house.read("RoyaltySplitter", "available", work, NATIVE, slot):
            self.house.send(owner, "RoyaltySplitter", "withdraw", work, NATIVE, slot, address(owner))


@pytest.mark.parametrize("seed", [1, 2])
def test_owed_is_what_can_be_drawn_once_all_is_claimed_and_settled(database, deployed, tmp_path, seed) -> None:
    ledger = Ledger(HouseOnChain(deployed.node, deployed.deployments_dir), random.Random(seed))
    ledger.grow()
    all_dues = 0
    for _ in range(ROUNDS):
        for _ in range(STEPS):
            ledger.step()
        run_until_head(database.indexer_url, ledger.house, tmp_path)
        before = owed(database)
        all_dues += due(database)
        ledger.take_all_that_is_due()
        available = ledger.available()
        assert +before == +available, "before the claims and settlements"
        run_until_head(database.indexer_url, ledger.house, tmp_path)
        assert owed(database) == before, "a claim or a settlement changed what is owed"
        assert due(database) == 0
    assert all_dues > 0


def owed(database) -> Counter[tuple[bytes, bytes, int]]:
    """Read in the three ways that readers may, which must say the same."""
    with psycopg.connect(database.api_url) as connection:
        whole = read_owed(connection, "")
        recordings = connection.execute("select distinct recording_id from catalog.owed").fetchall()
        accounts = connection.execute("select distinct account from catalog.owed").fetchall()
        for column, values in (("recording_id", recordings), ("account", accounts)):
            parts: Counter[tuple[bytes, bytes, int]] = Counter()
            for (value,) in values:
                parts += read_owed(connection, f"where {column} = %s", value)
            assert parts == +whole, f"by {column}"
    return +whole


def read_owed(connection, where: str, *values: bytes) -> Counter[tuple[bytes, bytes, int]]:
    rows = connection.execute(f"select work_id, account, slot, amount from catalog.owed {where}", values)
    found: Counter[tuple[bytes, bytes, int]] = Counter()
    for work_id, account, slot, amount in rows:
        assert amount >= 0
        assert (work_id, account, slot) not in found, "a row twice"
        found[work_id, account, slot] = int(amount)
    return found


def due(database) -> int:
    with psycopg.connect(database.api_url) as connection:
        (row,) = connection.execute("select coalesce(sum(amount), 0) from catalog.dues").fetchall()
    return int(row[0])
