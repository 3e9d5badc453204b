"""A family tree of recordings that every machine begins with, and how more recordings are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.contract_machines.reference import messages
from tests.contract_machines.reference.licenses import REMIX
from tests.contract_machines.reference.messages import Parent, Purchase, Registration, Separation, Share, Stem, Terms
from tests.contract_machines.reference.words import (
    entry,
    keccak_int,
    recording_of,
    recording_of_content,
    root_of,
    table_proof,
)
from tests.contract_machines.world import World

RAW, DAG_PB = 0x55, 0x70
FOREVER = 2**63
PLENTY = 10**42
NO_END = 2**256 - 1
VOCALS, DRUMS, BASS, GUITAR, PIANO, OTHER = range(1, 7)


@dataclass(frozen=True)
class Edge:
    """An ancestor's share of what a recording and its stems receive."""

    recording: int
    ancestor: int
    ppm: int
    proof: tuple[int, ...]


def content_of(name: str) -> int:
    """The SHA-256, as it were, of a file."""
    return keccak_int(name.encode())


def stems_of(name: str) -> tuple[Stem, ...]:
    """Six stems which nobody else has."""
    return tuple(Stem(content_of(f"{name} {kind}"), content_of(f"{name} {kind} cid"), RAW) for kind in range(6))


def separation_of(recording: int, name: str, version: int = 0) -> tuple[tuple[Stem, ...], Separation]:
    """A separation of a recording; another name gives another one."""
    stems = stems_of(name)
    root = root_of([messages.stem_leaf(recording | kind, stem) for kind, stem in enumerate(stems, 1)])
    digests = [content_of(f"{name} {what}") for what in ("model", "weights", "manifest", "metadata")]
    return stems, Separation(version, root, *digests[:3], RAW, digests[3])


class Scenery:
    """Makes recordings in a world. Every separation made is remembered, for minting: recording -> the newest."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.separations: dict[int, Separation] = {}
        self.contents: dict[int, int] = {}
        """recording -> contentHash."""
        self.numbers = 0

    # ------------------------------------------------------------------ one recording

    def registration(
        self, name: str, creator: int, split: Sequence[Share] = (), parents: Sequence[Parent] = ()
    ) -> Registration:
        ordered = tuple(sorted(parents))
        self.contents[recording_of_content(content_of(name))] = content_of(name)
        return Registration(creator, content_of(name), content_of("credits"), RAW, 0, tuple(split), ordered, FOREVER)

    def tables_for(self, parents: Sequence[Parent]) -> tuple[tuple[int, ...], ...]:
        """What a registration must show of its parents' tables."""
        distinct = sorted({recording_of(parent.work) for parent in parents})
        tables = self.world.house.registry.full_tables
        return tuple(tuple(entry(*pair) for pair in tables.get(recording, ())) for recording in distinct)

    def register(self, name: str, creator: int, split: Sequence[Share] = (), parents: Sequence[Parent] = ()) -> int:
        """A registered and separated recording, sent by its creator."""
        registration = self.registration(name, creator, split, parents)
        recording = recording_of_content(registration.content_hash)
        stems, separation = separation_of(recording, name)
        arguments = self.attested(registration, stems, separation)
        self.world.must("StemRegistry", "registerAndCommit", creator, *arguments)
        self.separations[recording] = separation
        return recording

    def attested(self, registration: Registration, stems: Sequence[Stem], separation: Separation) -> tuple[object, ...]:
        """The arguments of registerAndCommit, to be sent by the creator."""
        creator, content = registration.creator, registration.content_hash
        message = messages.attestation_hash(creator, content, separation, FOREVER)
        attestation = self.world.sign(self.world.cast.staff["attestor"], "StemRegistry", message)
        return registration, b"", self.tables_for(registration.parents), stems, separation, FOREVER, attestation

    def remix(self, name: str, creator: int, shares: dict[int, int], split: Sequence[Share] = ()) -> int:
        """A remix of works, each at a share of its revenue: work -> ppm. The works' holders grant the licenses."""
        parents = [Parent(work, self.license(work, ppm, creator)) for work, ppm in shares.items()]
        return self.register(name, creator, split, parents)

    def license(self, work: int, ppm: int, licensee: int) -> int:
        """A REMIX license, granted by the work's holder."""
        world = self.world
        terms_id = self.publish(remix_terms(ppm))
        holder = world.house.titles.holder(work)
        self.numbers += 1
        world.must("LicenseManager", "grantMany", holder, work, terms_id, (licensee,), self.numbers)
        return world.house.manager.license_id(Purchase(work, terms_id, licensee, 0, 0, self.numbers))

    def publish(self, terms: Terms) -> int:
        """The id of terms, which are published."""
        if terms.hash() not in self.world.house.state.terms:
            self.world.must("LicenseManager", "publishTerms", self.world.cast.people[0], terms)
        return terms.hash()

    def mint(self, work: int, to: int) -> None:
        """The title of a work, minted by its holder."""
        separation = self.separations[recording_of(work)]
        holder = self.world.house.titles.holder(work)
        self.world.must("IPNFT", "mint", holder, work, to, separation.stems_root, separation.metadata_digest)

    # ------------------------------------------------------------------ who is owed

    def edges(self, recordings: Sequence[int]) -> list[Edge]:
        """Every entry of these recordings' royalty tables."""
        found = []
        for recording in recordings:
            table = dict(self.world.house.registry.full_tables.get(recording, ()))
            found += [Edge(recording, work, ppm, table_proof(table, work)) for work, ppm in table.items()]
        return found


@dataclass(frozen=True)
class Family:
    """The recordings of the family tree.

    ``anthem`` is a track without split; ``ballad`` has three slots, one of a single ppm; ``choir`` sixteen slots that
    leave its title nothing, and its creator is a contract account. ``remix`` comes of the anthem and the ballad's
    vocals; ``mashup`` of three stems of the anthem; ``grandchild`` of both; ``last`` of the grandchild and the choir,
    near the cap.
    """

    anthem: int
    ballad: int
    choir: int
    remix: int
    mashup: int
    grandchild: int
    last: int

    @property
    def recordings(self) -> tuple[int, ...]:
        return (self.anthem, self.ballad, self.choir, self.remix, self.mashup, self.grandchild, self.last)


def build_family(scenery: Scenery) -> Family:
    """Register the family, and give everyone dollars and allowances."""
    world = scenery.world
    cast = world.cast
    ada, ben, cleo, dan, eve, _ = cast.people
    splitter, vault = world.house.ledger.address, world.house.vault.address
    for account in cast.everyone:
        world.must("TestUSDC", "mint", account, account, PLENTY)
        for spender in (splitter, vault):
            world.must("TestUSDC", "approve", account, spender, NO_END)
    anthem = scenery.register("anthem", ada)
    ballad = scenery.register("ballad", ben, [Share(ada, 333_333), Share(cleo, 1), Share(ben, 250_000)])
    choir = scenery.register("choir", cast.wallet, [Share(cast.everyone[at % 7], 62_500) for at in range(16)])
    remix = scenery.remix("remix", cleo, {anthem: 100_001, ballad | VOCALS: 7})
    mashup = scenery.remix(
        "mashup",
        dan,
        {anthem | DRUMS: 333_333, anthem | BASS: 250_000, anthem | OTHER: 3},
        [Share(eve, 600_000)],
    )
    grandchild = scenery.remix("grandchild", ada, {remix: 50_000, mashup: 11, remix | VOCALS: 1})
    last = scenery.remix("last", eve, {grandchild: 1, choir | BASS: 61_111})
    return Family(anthem, ballad, choir, remix, mashup, grandchild, last)


def remix_terms(ppm: int) -> Terms:
    """Plain REMIX terms at a share of a remix' revenue."""
    return Terms(REMIX, 0, 1, 0, 1, 1, 1, 0, ppm, 0, content_of("legal text"))
