"""Registration by every path, ancestry up to its caps, separations, batches and titles."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.contract_machines.machines.machine import DAY, PEOPLE, RECORDINGS, WORKS, HouseMachine
from tests.contract_machines.reference import messages
from tests.contract_machines.reference.licenses import STREAM
from tests.contract_machines.reference.messages import Parent, Purchase, Registration, Separation, Share, Stem
from tests.contract_machines.reference.words import (
    entry,
    hash_words,
    merged_table,
    proof_of,
    recording_of,
    recording_of_content,
    root_of,
)
from tests.contract_machines.scenery import FOREVER, RAW, content_of, remix_terms, separation_of

NAMES = st.integers(0, 6)
SALTS = st.integers(0, 1)
PPMS = st.sampled_from([0, 1, 7, 1_000, 99_999, 100_000, 300_000, 700_000, 800_000])
FLAWS = st.sampled_from(
    ["", "", "", "", "", "", "key", "late", "codec", "royalty", "slots", "sum", "empty slot", "many slots"]
)
TABLE_FLAWS = st.sampled_from(["", "", "", "", "short", "none", "order", "more", "double", "zero"])
LICENSE_FLAWS = st.sampled_from(
    ["", "", "", "", "", "unknown", "other work", "other holder", "kind", "expired", "used"]
)
HONEST = st.sampled_from([True, True, True, False])
GROVE = 19
BOUGHS = 8


class AncestryMachine(HouseMachine):
    """Where recordings come from."""

    grove: ClassVar[list[int]] = []
    """133 works of tracks that nobody else has."""
    boughs: ClassVar[list[int]] = []
    """Remixes of sixteen of them each."""
    crown: ClassVar[int] = 0
    """A remix of seven boughs: 119 ancestors."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[int, list[int], list[tuple[int, tuple[Stem, ...], Separation]]]] = []
        self.used_licenses: list[Parent] = []

    @classmethod
    def prepare(cls) -> None:
        world, scenery = cls.world, cls.scenery
        people = world.cast.people
        tracks = [scenery.register(f"tree {number}", people[number % 5]) for number in range(GROVE)]
        cls.grove = [track | kind for track in tracks for kind in range(7)]
        cls.boughs = [
            scenery.remix(f"bough {number}", people[0], dict.fromkeys(cls.grove[16 * number : 16 * number + 16], 1))
            for number in range(BOUGHS)
        ]
        cls.crown = scenery.remix("crown", people[1], dict.fromkeys(cls.boughs[:7], 1))

    # ------------------------------------------------------------------ registration

    @rule(who=PEOPLE, name=NAMES, salt=SALTS)
    def commit(self, who: int, name: int, salt: int) -> None:
        commitment = hash_words(self.person(who), content_of(f"new {name}"), salt)
        self.world.act("StemRegistry", "commit", self.person(5), commitment)

    @rule(who=PEOPLE, name=NAMES, salt=SALTS, flaw=FLAWS, sends=st.booleans(), parents=st.lists(WORKS, max_size=2))
    def register_committed(self, who: int, name: int, salt: int, flaw: str, sends: bool, parents: list[int]) -> None:
        creator = self.person(who)
        registration = self._registration(name, creator, flaw, parents)
        sender, signature = self._consent(registration, flaw, sends)
        tables = self.scenery.tables_for(registration.parents)
        self._register("registerCommitted", sender, registration, signature, tables, salt)

    @rule(who=PEOPLE, name=NAMES)
    def register_in_the_block_of_the_commitment(self, who: int, name: int) -> None:
        """As whoever reads a registration out of the mempool would."""
        creator = self.person(who)
        registration = self.scenery.registration(f"new {name}", creator)
        salt = 1000 + self.scenery.numbers
        self.scenery.numbers += 1
        commitment = hash_words(creator, registration.content_hash, salt)
        self.world.act("StemRegistry", "commit", creator, commitment)
        self.world.act_in_vain("StemRegistry", "registerCommitted", creator, registration, b"", (), salt)

    @rule(who=PEOPLE, name=NAMES, flaw=FLAWS, sends=st.booleans(), attestor=HONEST, late=st.integers(0, 4))
    def register_attested(self, who: int, name: int, flaw: str, sends: bool, attestor: bool, late: int) -> None:
        registration = self._registration(name, self.person(who), flaw, [])
        sender, signature = self._consent(registration, flaw, sends)
        deadline = self.world.chain.now + (100 if late else -100)
        message = messages.origin_hash(registration.creator, registration.content_hash, deadline)
        attestation = self.world.sign(self._attestor(attestor), "StemRegistry", message)
        self._register("registerAttested", sender, registration, signature, (), deadline, attestation)

    @rule(
        who=PEOPLE,
        name=NAMES,
        flaw=FLAWS,
        attestor=HONEST,
        damage=st.sampled_from(["", "", "", "", "stems", "codec", "version", "attestation"]),
    )
    def register_and_commit(self, who: int, name: int, flaw: str, attestor: bool, damage: str) -> None:
        registration = self._registration(name, self.person(who), flaw, [])
        sender, signature = self._consent(registration, flaw, sends=False)
        recording = recording_of_content(registration.content_hash)
        stems, separation = self._damaged(*separation_of(recording, f"new {name}"), damage)
        creator = self.person(3) if damage == "attestation" else registration.creator
        message = messages.attestation_hash(creator, registration.content_hash, separation, FOREVER)
        attestation = self.world.sign(self._attestor(attestor), "StemRegistry", message)
        arguments = (registration, signature, (), stems, separation, FOREVER, attestation)
        if self._register("registerAndCommit", sender, *arguments):
            self.scenery.separations[recording] = separation

    # ------------------------------------------------------------------ remixes

    @rule(
        who=PEOPLE,
        name=NAMES,
        shares=st.dictionaries(WORKS, PPMS, min_size=1, max_size=4),
        table_flaw=TABLE_FLAWS,
        license_flaw=LICENSE_FLAWS,
        order=st.sampled_from([True, True, True, True, False]),
    )
    def remix(
        self, who: int, name: int, shares: dict[int, int], table_flaw: str, license_flaw: str, order: bool
    ) -> None:
        """A remix of works of the family and of new recordings."""
        works = {self.work(number): ppm for number, ppm in shares.items()}
        self._remix(self.person(who), name, works, table_flaw, license_flaw, order)

    @rule(who=PEOPLE, name=NAMES, count=st.integers(0, 11), extra=st.booleans())
    def remix_of_crown(self, who: int, name: int, count: int, extra: bool) -> None:
        """Around 128 ancestors."""
        works = [self.crown, *self.grove[112 : 112 + count]] + ([self.boughs[7]] if extra else [])
        self._remix(self.person(who), name, dict.fromkeys(works, 1), "", "", True)

    @rule(who=PEOPLE, name=NAMES, count=st.integers(15, 17))
    def remix_of_many(self, who: int, name: int, count: int) -> None:
        """Around 16 parents."""
        self._remix(self.person(who), name, dict.fromkeys(self.grove[:count], 2), "", "", True)

    @rule(who=PEOPLE, work=WORKS)
    def remix_twice_with_one_license(self, who: int, work: int) -> None:
        creator = self.person(who)
        parent = self._licensed(self.work(work), 2, creator)
        for _ in range(2):
            self.scenery.numbers += 1
            self._register_remix(creator, f"remix {self.scenery.numbers}", [parent])

    @rule(works=st.dictionaries(WORKS, PPMS, min_size=1, max_size=5))
    def preview(self, works: dict[int, int]) -> None:
        """The chain merges tables as the reference does, or refuses what is over the caps."""
        shares = sorted({self.work(number): ppm for number, ppm in works.items()}.items())
        parents = [Parent(work, 0) for work, _ in shares]
        known = self.house.registry.full_tables
        distinct = sorted({recording_of(work) for work, _ in shares})
        table = merged_table(shares, [dict(known.get(recording, ())) for recording in distinct])
        columns = [work for work, _ in shares], [ppm for _, ppm in shares], self.scenery.tables_for(parents)
        reads = [(self.house.registry.address, "previewTable", columns)]
        [answer] = self.world.chain.read_many(reads)
        if len(table) > 128 or sum(table.values()) > 800_000:
            assert isinstance(answer, Exception), "a preview over the caps"
        else:
            assert answer[0] == tuple(entry(*pair) for pair in table.items()), "a preview is not the merged table"

    # ------------------------------------------------------------------ separations

    @rule(
        recording=RECORDINGS,
        version=st.sampled_from([0, 0, 0, 1, -1]),
        attestor=HONEST,
        holder=HONEST,
        damage=st.sampled_from(["", "", "", "stems", "codec"]),
    )
    def separate(self, recording: int, version: int, attestor: bool, holder: bool, damage: str) -> None:
        """The next version, or one that is not its turn."""
        target = self.recording(-1 - recording)
        kept = self.house.state.recordings[target]
        turn = kept.version + 1 if kept.separation_root else 0
        name = f"{target} version {turn + version}"
        stems, separation = self._damaged(*separation_of(target, name, max(turn + version, 0)), damage)
        content = self.contents[target]
        message = messages.attestation_hash(kept.creator, content, separation, FOREVER)
        attestation = self.world.sign(self._attestor(attestor), "StemRegistry", message)
        consent = messages.version_hash(target, separation)
        signer = self.house.titles.holder(target) if holder else self.cast.people[3]
        arguments = (content, stems, separation, FOREVER, attestation, self.world.sign(signer, "StemRegistry", consent))
        if self.world.act("StemRegistry", "commitSeparation", self.person(4), *arguments) is None:
            self.scenery.separations[target] = separation

    @rule(recordings=st.lists(RECORDINGS, min_size=1, max_size=5, unique=True), who=HONEST, again=st.booleans())
    def anchor(self, recordings: list[int], who: bool, again: bool) -> None:
        """A batch over recordings, separated or not, and one that is not registered yet."""
        unborn = recording_of_content(content_of("new 0"))
        targets = [self.recording(-1 - number) for number in recordings] + [unborn]
        separated = [(target, *separation_of(target, f"{target} batch")) for target in targets]
        leaves = [messages.batch_leaf(target, separation) for target, _, separation in separated]
        batch = (root_of(leaves), leaves, separated)
        if again and self.batches:
            batch = self.batches[-1]
        arguments = (batch[0], len(batch[1]), content_of("batch manifest"), RAW)
        if self.world.act("StemRegistry", "anchorBatch", self._attestor(who), *arguments) is None:
            self.batches.append(batch)

    @rule(number=st.integers(0, 5), leaf=st.integers(0, 5), flaw=st.sampled_from(["", "", "", "proof", "root", "leaf"]))
    def materialize(self, number: int, leaf: int, flaw: str) -> None:
        if not self.batches:
            return
        root, leaves, separated = self.batches[-1 - number % len(self.batches)]
        at = leaf % len(leaves)
        recording, stems, separation = separated[at]
        proof = proof_of(leaves, (at + 1) % len(leaves) if flaw == "proof" else at)
        if flaw == "leaf":
            separation = separation._replace(model=separation.model ^ 1)
        arguments = (root ^ (flaw == "root"), recording, stems, separation, proof)
        if self.world.act("StemRegistry", "materialize", self.person(2), *arguments) is None:
            self.scenery.separations[recording] = separation

    @rule(who=PEOPLE, name=NAMES)
    def materialize_what_came_after(self, who: int, name: int) -> None:
        """A batch over a recording that is registered only then."""
        creator = self.person(who)
        registration = self.scenery.registration(f"new {name}", creator)
        recording = recording_of_content(registration.content_hash)
        stems, separation = separation_of(recording, f"{recording} too early")
        root = messages.batch_leaf(recording, separation)
        arguments = (root, 1, content_of("batch manifest"), RAW)
        self.world.act("StemRegistry", "anchorBatch", self.cast.staff["attestor"], *arguments)
        message = messages.origin_hash(creator, registration.content_hash, FOREVER)
        attestation = self.world.sign(self.cast.staff["attestor"], "StemRegistry", message)
        self._register("registerAttested", creator, registration, b"", (), FOREVER, attestation)
        self.world.act("StemRegistry", "materialize", creator, root, recording, stems, separation, ())

    # ------------------------------------------------------------------ titles

    @rule(work=WORKS, to=PEOPLE, honest=HONEST, wrong=st.sampled_from([0, 0, 0, 1]))
    def mint(self, work: int, to: int, honest: bool, wrong: int) -> None:
        target = self.work(-1 - work)
        separation = self.scenery.separations.get(recording_of(target), separation_of(target, "none")[1])
        sender = self.house.titles.holder(target) if honest else self.person(1)
        arguments = (target, self.person(to), separation.stems_root, separation.metadata_digest ^ wrong)
        self.world.act("IPNFT", "mint", sender, *arguments)

    @rule(work=WORKS, to=PEOPLE)
    def sell_title(self, work: int, to: int) -> None:
        self.hand_title_on(self.work(-1 - work), self.person(to))

    @rule(number=st.integers(0, 15), holder=HONEST, sends=st.booleans(), old=st.sampled_from([False, False, True]))
    def adopt(self, number: int, holder: bool, sends: bool, old: bool) -> None:
        titles = list(self.house.state.title_owners)
        if not titles:
            return
        work = titles[-1 - number % len(titles)]
        separation = self.scenery.separations[recording_of(work)]
        digest = separation.metadata_digest ^ old
        version = self.house.state.recordings[recording_of(work)].version
        owner = self.house.titles.holder(work)
        signer = owner if holder else self.person(1)
        signature = self.world.sign(signer, "IPNFT", messages.adoption_hash(work, version, digest))
        sender = owner if sends else self.person(4)
        self.world.act("IPNFT", "adopt", sender, work, separation.stems_root, digest, signature)

    @rule(wait=st.sampled_from([1, 99, 100, 101, DAY]))
    def wait(self, wait: int) -> None:
        self.world.chain.now += wait

    # ------------------------------------------------------------------ internal

    def _register(self, function: str, sender: int, registration: Registration, *rest: object) -> bool:
        done = self.world.act("StemRegistry", function, sender, registration, *rest) is None
        if done:
            self.recordings.append(recording_of_content(registration.content_hash))
            self.used_licenses += registration.parents
        return done

    def _registration(self, name: int, creator: int, flaw: str, parents: list[int]) -> Registration:
        split = {
            "slots": [Share(creator, 500_000), Share(self.person(1), 500_000)],
            "sum": [Share(creator, 999_999), Share(self.person(1), 2)],
            "empty slot": [Share(creator, 5), Share(0, 5)],
            "many slots": [Share(creator, 1)] * 17,
        }.get(flaw, [Share(self.person(2), 1)] if name % 2 else [])
        licensed = [self._licensed(self.work(work), 5, creator) for work in dict.fromkeys(parents)]
        registration = self.scenery.registration(f"new {name}", creator, split, licensed)
        changes: dict[str, int] = {
            "late": {"deadline": self.world.chain.now},
            "codec": {"credits_codec": 0x12},
            "royalty": {"resale_royalty_ppm": 100_001},
        }.get(flaw, {"resale_royalty_ppm": 100_000})
        return registration._replace(**changes)

    def _consent(self, registration: Registration, flaw: str, sends: bool) -> tuple[int, bytes]:
        """Who sends a registration, and with which signature."""
        if sends and flaw != "key":
            return registration.creator, b""
        signer = self.cast.people[3] if flaw == "key" else registration.creator
        return self.person(5), self.world.sign(signer, "StemRegistry", registration.hash())

    def _attestor(self, is_one: bool) -> int:
        return self.cast.staff["attestor"] if is_one else self.cast.people[2]

    def _licensed(self, work: int, ppm: int, creator: int) -> Parent:
        """A work and a REMIX license of it, just granted; an unknown license if it cannot be."""
        self.scenery.numbers += 1
        terms = remix_terms(ppm)
        number = self.scenery.numbers
        self.world.act("LicenseManager", "publishTerms", creator, terms)
        holder = self.house.titles.holder(work)
        self.world.act("LicenseManager", "grantMany", holder, work, terms.hash(), (creator,), number)
        return Parent(work, self.house.manager.license_id(Purchase(work, terms.hash(), creator, 0, 0, number)))

    def _remix(
        self, creator: int, name: int, works: dict[int, int], table_flaw: str, license_flaw: str, in_order: bool
    ) -> None:
        parents = sorted(self._licensed(work, ppm, creator) for work, ppm in works.items())
        parents[0] = self._flawed(parents[0], creator, license_flaw)
        self._register_remix(creator, f"new {name}", parents, table_flaw, in_order)

    def _register_remix(
        self, creator: int, title: str, parents: list[Parent], table_flaw: str = "", in_order: bool = True
    ) -> None:
        registration = self.scenery.registration(title, creator, (), parents)
        tables = _flawed_tables([list(table) for table in self.scenery.tables_for(parents)], table_flaw)
        if not in_order:
            registration = registration._replace(parents=registration.parents[::-1])
        recording = recording_of_content(registration.content_hash)
        stems, separation = separation_of(recording, title)
        arguments = list(self.scenery.attested(registration, stems, separation))
        arguments[2] = tables
        if self._register("registerAndCommit", creator, *arguments):
            self.scenery.separations[recording] = separation

    def _flawed(self, parent: Parent, creator: int, flaw: str) -> Parent:
        """A parent with something wrong about its license."""
        match flaw:
            case "unknown":
                return Parent(parent.work, parent.license ^ 1)
            case "other work":
                return Parent(parent.work, self._licensed(self.grove[0], 1, creator).license)
            case "other holder":
                stranger = self.person(1) if creator != self.person(1) else self.person(2)
                return self._licensed(parent.work, 1, stranger)
            case "kind" | "expired":
                return self._licensed_otherwise(parent.work, creator, flaw)
            case "used" if self.used_licenses:
                return self.used_licenses[-1]
        return parent

    def _licensed_otherwise(self, work: int, creator: int, flaw: str) -> Parent:
        """A license that is none for remixes, or no longer."""
        self.scenery.numbers += 1
        number = self.scenery.numbers
        terms = remix_terms(0)
        terms = terms._replace(kind=STREAM) if flaw == "kind" else terms._replace(duration=10)
        self.world.act("LicenseManager", "publishTerms", creator, terms)
        holder = self.house.titles.holder(work)
        self.world.act("LicenseManager", "grantMany", holder, work, terms.hash(), (creator,), number)
        if flaw == "expired":
            self.world.chain.now += 9  # so that its first second without validity is the next block's
        return Parent(work, self.house.manager.license_id(Purchase(work, terms.hash(), creator, 0, 0, number)))

    def _damaged(
        self, stems: tuple[Stem, ...], separation: Separation, damage: str
    ) -> tuple[tuple[Stem, ...], Separation]:
        match damage:
            case "stems":
                return (*stems[:5], stems[5]._replace(sha256_digest=1)), separation
            case "codec":
                return stems, separation._replace(manifest_codec=0x71)
            case "version":
                return stems, separation._replace(version=1)
        return stems, separation


def _flawed_tables(tables: list[list[int]], flaw: str) -> list[list[int]]:
    """Tables with something wrong about the longest of them."""
    longest = max(tables, key=len) if tables else []
    match flaw:
        case "short":
            longest[-1:] = []
        case "none":
            tables[-1:] = []
        case "order":
            longest.reverse()
        case "more":
            tables.append([])
        case "double":
            longest.extend(longest[-1:])
        case "zero":
            longest.append(entry(2**224 - 1, 0))
    return tables
