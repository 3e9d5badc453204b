"""Ceilings of gas and code size, a little above what was measured: whoever raises one does it knowingly."""

import pytest
from commits import digest
from remixes import Family

from stemma.chain import merkle
from stemma.chain.intents import Share
from stemma.chain.licensing import LicenseKind
from stemma.chain.royalties import Entry
from stemma.cid import RAW
from stemma.works import Kind

EIP_170_BYTES = 24_576


@pytest.mark.parametrize(("contract", "ceiling"), [("Roles", 7_300), ("StemRegistry", 17_700), ("IPNFT", 10_500)])
def test_code_size(project, contract, ceiling):
    size = len(getattr(project, contract).contract_type.runtime_bytecode.to_bytes())
    assert size <= ceiling < EIP_170_BYTES


def test_register_and_commit(registry, relayer, commit):
    assert registry.registerAndCommit(*commit.arguments, sender=relayer).gas_used <= 138_000


def test_register_and_commit_for_a_contract_account(registry, relayer, wallet, commit):
    commit = commit.registering(creator=wallet.address)
    assert registry.registerAndCommit(*commit.arguments, sender=relayer).gas_used <= 148_000


def test_register_and_commit_with_sixteen_slots(registry, relayer, commit, accounts):
    commit = commit.registering(split=tuple(Share(accounts[i % 10].address, 62_500) for i in range(16)))
    assert registry.registerAndCommit(*commit.arguments, sender=relayer).gas_used <= 612_000


def test_commit_separation(registry, relayer, commit):
    """Of an existing recording, six stems."""
    registry.registerAttested(*commit.origin_arguments, sender=relayer)
    assert registry.commitSeparation(*commit.separation_arguments(), sender=relayer).gas_used <= 99_500


def test_batch(registry, attestor, make_song):
    """A root over 64 recordings of six stems each, per stem."""
    root = merkle.root([make_song(f"Song {number}").batch_leaf for number in range(64)])
    receipt = registry.anchorBatch(root, 64, digest("manifest"), RAW, sender=attestor)
    assert receipt.gas_used / (64 * 6) <= 142


def test_mint(ipnft, creator, registered):
    arguments = (creator, *registered.title)
    assert ipnft.mint(registered.recording_id, *arguments, sender=creator).gas_used <= 111_000
    assert ipnft.mint(registered.recording_id | Kind.VOCALS, *arguments, sender=creator).gas_used <= 117_000


class TestRemix:
    """By a relayer, with the creator's and the attestor's signatures; each parent's license is consumed."""

    PPM = 20_000

    @pytest.fixture
    def remix(self, registry, chain, domain, market, licenses, stranger, attestor, relayer):
        """Registers a remix of works that are the remixer's own; what it cost."""
        family = Family(registry, domain, stranger, attestor, chain.pending_timestamp, sender=relayer)
        terms = market.publish(LicenseKind.REMIX, remix_ppm=self.PPM)

        def remix(title: str, *works: int) -> tuple[int, int]:
            ids = []
            for work in sorted(works):
                receipt = market.manager.grantMany(work, terms, [stranger], 1, sender=stranger)
                ids += [log.licenseId for log in receipt.decode_logs(licenses.LicenseGranted)]
            entries = [Entry(work, self.PPM) for work in sorted(works)]
            work, receipt = family.remix(title, entries, ids)
            return work, receipt.gas_used

        remix.track = family.track
        return remix

    def test_one_parent(self, remix):
        _, gas = remix("Remix", remix.track("Track"))
        assert gas <= 157_000

    def test_table_of_32_ancestors(self, registry, remix):
        tracks = [remix.track(f"Track {n}") for n in range(5)]
        works = [track | kind for track in tracks for kind in range(7)]
        first, _ = remix("First", *works[:16])
        second, _ = remix("Second", first, *works[16:30])
        third, gas = remix("Third", second)
        assert registry.tableOf(third).ancestorCount == 32
        assert gas <= 316_000
