"""Royalty tables: the chain and the Python reference make the same tables, roots, proofs and refusals."""

import pytest
from commits import digest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from isolation import isolated
from nodes import Reverted
from remixes import Family
from reverting import decode_error, reverts, simulate

from stemma.chain.intents import Parent, SigningDomain
from stemma.chain.royalties import MAX_STACK_PPM, Entry, RoyaltyTable, TableRefused, parents_recordings, remix_table
from stemma.works import Kind, recording_id

differential = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

works = st.integers(0, 12).map(lambda n: n << 8) | st.integers(0, 2**224 - 1) | st.just(2**224 - 1)
ppms = st.integers(1, 400_000)
tables = st.dictionaries(works, ppms, max_size=40).map(
    lambda shares: RoyaltyTable(tuple(Entry(work, shares[work]) for work in sorted(shares)))
)


class TestLibrary:
    @given(table=tables)
    @differential
    def test_root(self, probe, table):
        assert probe.tableRoot(table.words) == table.root

    @given(a=tables, b=tables)
    @differential
    def test_merge_adds(self, probe, a, b):
        shares = dict(a.entries)
        for work, ppm in b.entries:
            shares[work] = shares.get(work, 0) + ppm
        assert probe.merge(a.words, b.words) == [Entry(work, shares[work]).word for work in sorted(shares)]

    @given(table=tables, data=st.data())
    @differential
    def test_order(self, probe, table, data):
        assert probe.firstDisorder(table.words) == len(table.words)
        if len(table.words) > 1:
            place = data.draw(st.integers(1, len(table.words) - 1))
            wrong = list(table.words)
            wrong[place] = data.draw(st.sampled_from([wrong[place - 1], wrong[place - 1] + 1, wrong[place - 1] >> 40]))
            assert probe.firstDisorder(wrong) == place

    @given(table=tables.filter(lambda table: table.entries), data=st.data())
    @differential
    def test_proofs(self, probe, table, data):
        entry = data.draw(st.sampled_from(table.entries))
        assert probe.climb(entry.leaf, table.proof(entry.work)) == table.root


@pytest.fixture(scope="session")
def generous(project, admin):
    return admin.deploy(project.GenerousLicenses)


@pytest.fixture(scope="session")
def ancestry(project, admin, roles, ipnft, splitter, generous):
    """A registry in which every license fits and grants the ppm that its id says."""
    return admin.deploy(project.StemRegistry, roles, ipnft, splitter, generous)


@pytest.fixture
def family(ancestry, chain, creator, attestor) -> Family:
    domain = SigningDomain(chain_id=chain.chain_id, registry=ancestry.address)
    return Family(ancestry, domain, creator, attestor, chain.pending_timestamp)


def entries(*parents: tuple[int, int]) -> list[Entry]:
    return [Entry(work, ppm) for work, ppm in sorted(parents)]


def remix(family: Family, title: str, *parents: tuple[int, int]):
    chosen = entries(*parents)
    return family.remix(title, chosen, [entry.ppm for entry in chosen])


class TestFixed:
    def test_track_has_none(self, ancestry, family):
        track = family.track("Track")
        assert tuple(ancestry.tableOf(track)) == (bytes(32), 0, 0)
        assert ancestry.stackOf(track | Kind.BASS) == 0
        assert not ancestry.isEntry(track, 0, 0, [])

    def test_one_parent(self, ancestry, family):
        track = family.track("Track")
        work, receipt = remix(family, "Remix", (track, 100_000))
        table = RoyaltyTable((Entry(track, 100_000),))
        assert tuple(ancestry.tableOf(work | Kind.DRUMS)) == (table.root, 100_000, 1)
        assert receipt.decode_logs(ancestry.ParentFixed) == [
            ancestry.ParentFixed(recordingId=work, parentId=track, licenseId=100_000, ppm=100_000)
        ]
        assert receipt.decode_logs(ancestry.RoyaltyEntry) == [
            ancestry.RoyaltyEntry(recordingId=work, ancestorId=track, ppm=100_000)
        ]
        assert receipt.decode_logs(ancestry.RoyaltyTableFixed) == [
            ancestry.RoyaltyTableFixed(recordingId=work, root=table.root, stackPpm=100_000, ancestorCount=1)
        ]

    def test_a_license_may_grant_nothing(self, ancestry, family):
        track = family.track("Track")
        work, receipt = remix(family, "Remix", (track, 0))
        assert tuple(ancestry.tableOf(work)) == (bytes(32), 0, 0)
        [parent] = receipt.decode_logs(ancestry.ParentFixed)
        assert (parent.parentId, parent.ppm) == (track, 0)
        assert receipt.decode_logs(ancestry.RoyaltyEntry) == []
        assert receipt.decode_logs(ancestry.RoyaltyTableFixed) == [
            ancestry.RoyaltyTableFixed(recordingId=work, root=bytes(32), stackPpm=0, ancestorCount=0)
        ]

    def test_diamond_sums(self, ancestry, family):
        track = family.track("Track")
        left, _ = remix(family, "Left", (track, 100_000))
        right, _ = remix(family, "Right", (track, 50_000), (track | Kind.VOCALS, 10_000))
        work, _ = remix(family, "Both", (left, 20_000), (right | Kind.BASS, 30_000))
        table = family.tables[work]
        assert table.ppm_of(track) == 150_000
        assert table.stack_ppm == 210_000
        assert tuple(ancestry.tableOf(work)) == (table.root, 210_000, 4)

    def test_two_stems_of_one_recording_inherit_its_table_once(self, ancestry, family):
        track = family.track("Track")
        parent, _ = remix(family, "Parent", (track, 100_000))
        work, _ = remix(family, "Child", (parent | Kind.VOCALS, 1), (parent | Kind.DRUMS, 2), (parent, 3))
        assert family.tables[work].ppm_of(track) == 100_000
        assert ancestry.tableOf(work).root == family.tables[work].root

    def test_parent_that_is_an_ancestor_too(self, ancestry, family):
        track = family.track("Track")
        parent, _ = remix(family, "Parent", (track, 100_000))
        work, _ = remix(family, "Child", (track, 7), (parent, 3))
        assert family.tables[work].ppm_of(track) == 100_007
        assert ancestry.tableOf(work).root == family.tables[work].root

    def test_preview_says_the_same(self, ancestry, family):
        track = family.track("Track")
        parent, _ = remix(family, "Parent", (track, 100_000))
        chosen = entries((track | Kind.VOCALS, 7), (parent, 3))
        preview = ancestry.previewTable([e.work for e in chosen], [e.ppm for e in chosen], family.tables_of(chosen))
        work, _ = remix(family, "Child", *chosen)
        assert preview.entries == family.tables[work].words
        assert preview.table == ancestry.tableOf(work)

    def test_entries_are_proved(self, ancestry, family):
        parents = [family.track(f"Track {n}") for n in range(5)]
        work, _ = remix(family, "Remix", *((parent, 1000 + n) for n, parent in enumerate(parents)))
        table = family.tables[work]
        for entry in table.entries:
            proof = table.proof(entry.work)
            assert ancestry.isEntry(work | Kind.OTHER, entry.work, entry.ppm, proof)
            assert not ancestry.isEntry(work, entry.work, entry.ppm + 1, proof)
            assert not ancestry.isEntry(work, entry.work | 1, entry.ppm, proof)

    @pytest.mark.parametrize("view", ["tableOf", "stackOf"])
    def test_unknown_work(self, ancestry, family, view):
        with reverts("UnknownWork"):
            simulate(getattr(ancestry, view), family.track("Track") | 7)

    def test_entry_of_unknown_work(self, ancestry):
        with reverts("UnknownWork"):
            simulate(ancestry.isEntry, 256, 256, 1, [])


class TestRefused:
    """Everything that registration refuses of a remix' parents and tables; the preview refuses the same."""

    @pytest.fixture
    def refused(self, ancestry, family):
        def refused(error: str, chosen, tables=None, **arguments) -> None:
            tables = family.tables_of(chosen) if tables is None else tables
            with reverts(error, **arguments):
                simulate(ancestry.previewTable, [e.work for e in chosen], [e.ppm for e in chosen], tables)
            registration = family.registration("Remix", [Parent(e.work, e.ppm) for e in chosen])
            with reverts(error, **arguments):
                simulate(ancestry.registerAttested, *family.arguments(registration, tables), sender=family.creator)

        return refused

    @pytest.fixture
    def track(self, family) -> int:
        return family.track("Track")

    def test_seventeen_parents(self, refused):
        refused("TooManyParents", [Entry(n << 8, 1) for n in range(17)], [], count=17, cap=16)

    def test_unknown_parent(self, refused, track):
        unknown = recording_id(digest("never registered"))
        for work in (unknown, unknown | Kind.BASS, track | 7):
            refused("UnknownWork", [Entry(work, 1)], [[]], work=work)

    def test_itself(self, refused):
        refused("UnknownWork", [Entry(recording_id(digest("Remix")), 1)], [[]])

    def test_a_parent_twice(self, refused, track):
        refused("ParentsNotAscending", [Entry(track, 1), Entry(track, 1)], [[]], index=1)

    def test_descending_parents(self, refused, track):
        refused("ParentsNotAscending", [Entry(track | 2, 1), Entry(track | 1, 1)], [[]], index=1)

    def test_wrong_count_of_tables(self, refused, family, track):
        other = family.track("Other track")
        two = entries((track, 1), (other, 1))
        refused("WrongTableCount", two, [[]], given=1, expected=2)
        refused("WrongTableCount", two, [[], [], []], given=3, expected=2)
        refused("WrongTableCount", entries((track, 1), (track | 1, 1)), [[], []], given=2, expected=1)

    def test_tables_without_parents(self, ancestry, family):
        with reverts("WrongTableCount", given=1, expected=0):
            arguments = family.arguments(family.registration("Track"), [[]])
            simulate(ancestry.registerAttested, *arguments, sender=family.creator)

    def test_forged_tables(self, refused, family, track):
        ancestors = [family.track(f"Ancestor {n}") for n in range(3)]
        parent, _ = remix(family, "Parent", *((ancestor, 100 + n) for n, ancestor in enumerate(ancestors)))
        words = family.tables[parent].words
        expected = {"recordingId": parent, "expected": family.tables[parent].root}
        for forged in ([], words[:2], words[1:], [*words, words[-1] + (1 << 32)], [words[0] - 1, *words[1:]]):
            refused("TableMismatch", [Entry(parent, 1)], [forged], **expected)
        refused("TableMismatch", [Entry(track, 1)], [[words[0]]], expected=bytes(32))

    def test_tables_in_another_order_with_the_same_root(self, refused, family):
        """The tree sorts pairs, so that a root alone does not tell their order."""
        ancestors = [family.track(f"Ancestor {n}") for n in range(4)]
        parent, _ = remix(family, "Parent", *((ancestor, 100) for ancestor in ancestors))
        a, b, c, d = family.tables[parent].words
        refused("EntriesNotAscending", [Entry(parent, 1)], [[b, a, c, d]], recordingId=parent, index=1)
        refused("EntriesNotAscending", [Entry(parent, 1)], [[c, d, a, b]], recordingId=parent, index=2)

    def test_stack(self, refused, family, track):
        refused("StackTooHigh", [Entry(track, MAX_STACK_PPM + 1)], stackPpm=800_001, cap=800_000)
        parent, _ = remix(family, "Parent", (track, MAX_STACK_PPM))
        refused("StackTooHigh", [Entry(parent, 1)], stackPpm=800_001)

    def test_sums_do_not_overflow(self, refused, family):
        top = 2**32 - 1
        chosen = entries(*((family.track(f"Track {n}"), top) for n in range(3)))
        refused("StackTooHigh", chosen, stackPpm=3 * top)

    def test_a_preview_needs_a_ppm_for_each(self, ancestry, track):
        with reverts("WrongPpmCount", given=0, expected=1):
            simulate(ancestry.previewTable, [track], [], [[]])

    def test_ancestors(self, ancestry, refused, family):
        tracks = [family.track(f"Track {n}") for n in range(10)]
        halves = []
        for half in (tracks[:5], tracks[5:]):
            level = []
            for n, lead in enumerate(half):
                stems = [(lead | kind, 10) for kind in (1, 2, 3)]
                whole = [(other, 10) for other in half]
                level.append(remix(family, f"First {lead} {n}", *stems, *whole)[0])
            works = [(work | kind, 10) for work in level for kind in (0, 1, 2)]
            halves.append(remix(family, f"Second {half[0]}", *works)[0])
        # 5 tracks, 15 of their stems and 15 works of the first remixes: 35 in each half; four stems fill up.
        more = [family.track(f"More {n}") for n in range(10)]
        last = [remix(family, f"Third {n}", *((more[n] | kind, 1) for kind in range(7)))[0] for n in range(7)]
        chosen = entries(*((work, 1) for work in (*halves, *last)))
        work, receipt = remix(family, "All", *chosen)
        assert ancestry.tableOf(work).ancestorCount == 2 * 35 + 7 * 7 + 9 == 128
        assert len(receipt.decode_logs(ancestry.RoyaltyEntry)) == 128
        refused("TooManyAncestors", entries(*chosen, (more[8], 1)), count=129, cap=128)
        refused("TooManyAncestors", [Entry(work, 1)], count=129, cap=128)


class TestAgainstReference:
    """Random family trees: each remix has the reference's table, or is refused with the reference's error."""

    @given(data=st.data())
    @settings(differential, max_examples=5)
    def test_family_tree(self, ancestry, chain, creator, attestor, data):
        domain = SigningDomain(chain_id=chain.chain_id, registry=ancestry.address)
        family = Family(ancestry, domain, creator, attestor, chain.pending_timestamp)
        name = data.draw(st.binary(min_size=8, max_size=8)).hex()
        with isolated():
            works = [family.track(f"{name} {n}") for n in range(2)]
            for generation in range(4):
                shares = st.tuples(
                    st.sampled_from(works), st.sampled_from([0, 0, 1, 3, 6]), st.sampled_from([0, 1, 9_999, 250_000])
                )
                picks = data.draw(st.lists(shares, min_size=1, max_size=4, unique_by=lambda pick: pick[0] | pick[1]))
                chosen = entries(*((work | kind, ppm) for work, kind, ppm in picks))
                try:
                    expected = remix_table(chosen, family.tables)
                except TableRefused as refusal:
                    self.refuses(ancestry, family, chosen, refusal.error)
                    continue
                work, _ = remix(family, f"{name} remix {generation}", *chosen)
                assert tuple(ancestry.tableOf(work)) == (expected.root, expected.stack_ppm, len(expected.entries))
                for entry in expected.entries[:2]:
                    assert ancestry.isEntry(work, entry.work, entry.ppm, expected.proof(entry.work))
                works.append(work)

    @given(data=st.data())
    @settings(differential, max_examples=15)
    def test_preview(self, ancestry, family, data):
        works = [family.track(f"Track {n}") for n in range(3)] if not family.tables else list(family.tables)
        if len(works) == 3:
            works.append(remix(family, "First", (works[0], 300_000), (works[1] | 2, 5))[0])
            works.append(remix(family, "Second", (works[0], 100_000), (works[3], 60_000))[0])
        shares = st.tuples(st.sampled_from(works), st.integers(0, 6), st.integers(0, 300_000) | st.just(2**32 - 1))
        picks = data.draw(st.lists(shares, min_size=1, max_size=17, unique_by=lambda pick: pick[0] | pick[1]))
        chosen = entries(*((work | kind, ppm) for work, kind, ppm in picks))
        try:
            expected = remix_table(chosen, family.tables)
        except TableRefused as refusal:
            self.refuses(ancestry, family, chosen, refusal.error)
            return
        found = ancestry.previewTable([e.work for e in chosen], [e.ppm for e in chosen], family.tables_of(chosen))
        assert found.entries == expected.words
        assert tuple(found.table) == (expected.root, expected.stack_ppm, len(expected.entries))

    @staticmethod
    def refuses(ancestry, family, chosen, error) -> None:
        tables = [family.tables[recording].words for recording in parents_recordings(chosen)]
        with pytest.raises(Reverted) as caught:
            simulate(ancestry.previewTable, [e.work for e in chosen], [e.ppm for e in chosen], tables)
        assert decode_error(caught.value.data)[0] == error
