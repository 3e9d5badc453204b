"""Separations that come in batches: anchored on a real chain, listed in documents, counted where the chain agrees."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from indexer.connections import connect
from indexer.contents import InvalidDocument, read_document
from indexer.gateways import Gateways
from indexer.resolver import Resolver
from stemma.chain import merkle
from stemma.chain.intents import Separation, Stem
from stemma.cid import DAG_PB, RAW, Cid
from stemma.documents import BatchLeaf, BatchManifest, BatchStem
from stemma.storage.opening import open_storage_at
from stemma.storage.storage import Storage
from stemma.works import WorkId, to_bytes, to_hex
from tests.indexer.house_on_chain import ATTESTOR, HouseOnChain
from tests.indexer.onchain import index_until_head

pytestmark = pytest.mark.anyio


@dataclass
class Batch:
    """Separations by a name each, which their hashes are made from."""

    house: HouseOnChain
    separations: list[tuple[WorkId, str]]

    def described(self) -> list[tuple[WorkId, list[Stem], Separation]]:
        return [(recording, *self.house.described(recording, name)) for recording, name in self.separations]

    @property
    def leaves(self) -> list[bytes]:
        return [merkle.batch_leaf(recording, separation) for recording, _, separation in self.described()]

    @property
    def root(self) -> bytes:
        return merkle.root(self.leaves)

    @property
    def document(self) -> BatchManifest:
        return BatchManifest(leaves=[_leaf(*each) for each in self.described()])

    def anchor(self, *, root: bytes | None = None, count: int | None = None) -> "Batch":
        digest = self.document.digest()
        number = len(self.leaves) if count is None else count
        self.house.send(ATTESTOR, "StemRegistry", "anchorBatch", root or self.root, number, digest, RAW)
        return self


def _leaf(recording: WorkId, stems: list[Stem], separation: Separation) -> BatchLeaf:
    return BatchLeaf(
        recording_id=to_hex(recording),
        stems_root=_hex(separation.stems_root),
        model=_hex(separation.model),
        weights_hash=_hex(separation.weights_hash),
        manifest=str(Cid(separation.manifest_codec, separation.manifest_digest)),
        metadata=str(Cid(DAG_PB, separation.metadata_digest)),
        stems=[
            BatchStem(sha256=_hex(stem.sha256_digest), cid=str(Cid(stem.cid_codec, stem.cid_digest))) for stem in stems
        ],
    )


def _hex(digest: bytes) -> str:
    return "0x" + digest.hex()


@pytest.fixture
def house(deployed) -> HouseOnChain:
    return HouseOnChain(deployed.node, deployed.deployments_dir)


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage_at((tmp_path / "storage").as_uri()) as opened:
        yield opened


@pytest.fixture
async def resolve(database, storage):
    """Puts a document into storage and resolves what is due."""
    async with connect(database.indexer_url, "chain_1", "resolver") as connection, Gateways([]) as gateways:
        resolver = Resolver(connection, storage, gateways)

        async def resolve(batch: Batch) -> None:
            await storage.put(batch.document.canonical(), private=False)
            await connection.execute("update content.documents set next_attempt_at = now() where kind = 'batch'")
            while await resolver.resolve_next():
                pass

        yield resolve


def rows(database, query: str, *values: Any) -> list[dict[str, Any]]:
    with psycopg.connect(database.api_url, row_factory=dict_row) as connection:
        return connection.execute(query, values).fetchall()


def stems_root_of(database, recording: WorkId) -> bytes | None:
    query = "select stems_root from catalog.recordings where recording_id = %s"
    return rows(database, query, to_bytes(recording))[0]["stems_root"]


def batch_states(database) -> dict[bytes, str]:
    return {row["root"]: row["metadata_state"] for row in rows(database, "select * from catalog.batches")}


async def test_a_leaf_counts_by_the_first_batch_whatever_is_resolved_first(database, house, tmp_path, resolve) -> None:
    one, two = house.register(1, "one"), house.register(1, "two")
    first = Batch(house, [(one, "one of the first"), (two, "two of the first"), (two, "two once more")]).anchor()
    late = house.register(1, "late")
    second = Batch(house, [(two, "two of the second"), (late, "late"), (one, "one of the second")]).anchor()
    await index_until_head(database.indexer_url, house, tmp_path)
    assert stems_root_of(database, one) is None
    assert set(batch_states(database).values()) == {"pending"}

    await resolve(second)
    assert stems_root_of(database, two) == house.described(two, "two of the second")[1].stems_root
    assert stems_root_of(database, late) == house.described(late, "late")[1].stems_root
    await resolve(first)
    assert stems_root_of(database, one) == house.described(one, "one of the first")[1].stems_root
    assert stems_root_of(database, two) == house.described(two, "two of the first")[1].stems_root
    assert set(batch_states(database).values()) == {"resolved"}

    found = rows(database, "select recording_id, version, batch_root, materialized from catalog.separations")
    expected = {(one, first.root), (two, first.root), (late, second.root)}
    assert {(int.from_bytes(row["recording_id"], "big"), row["batch_root"]) for row in found} == expected
    assert {(row["version"], row["materialized"]) for row in found} == {(0, False)}
    stems = rows(database, "select * from catalog.stems where recording_id = %s order by kind", to_bytes(one))
    assert [row["sha256"] for row in stems] == [
        stem.sha256_digest for stem in house.described(one, "one of the first")[0]
    ]
    assert {row["rights_holder"] for row in stems} == {rows(database, "select * from catalog.recordings")[0]["creator"]}
    wanted = rows_of_admin(database, "select digest from content.documents where kind = 'separation'")
    names = [name for batch in (first, second) for _, name in batch.separations]
    manifests = {house.described(one, name)[1].manifest_digest for name in names}
    assert {digest for (digest,) in wanted} == manifests, "the manifests of the leaves are asked for"


async def test_only_recordings_of_earlier_blocks_that_are_not_separated_on_chain_have_leaves_that_count(
    database, house, tmp_path, resolve
) -> None:
    separated, later = house.register(1, "separated"), house.registration(1, "later").recording_id
    batch = Batch(house, [(separated, "in the batch"), (later, "too early")]).anchor()
    assert house.register(1, "later") == later
    await index_until_head(database.indexer_url, house, tmp_path)
    await resolve(batch)
    assert stems_root_of(database, later) is None
    assert stems_root_of(database, separated) == house.described(separated, "in the batch")[1].stems_root
    house.separate(separated, 1, "separated")
    await index_until_head(database.indexer_url, house, tmp_path)
    assert stems_root_of(database, separated) == house.separations[separated][1].stems_root
    assert [row["batch_root"] for row in rows(database, "select batch_root from catalog.separations")] == [None]


async def test_a_materialized_leaf_says_which_batch_it_came_from(database, house, tmp_path, resolve) -> None:
    recording = house.register(1, "a song")
    batch = Batch(house, [(recording, "a song"), (house.register(1, "other"), "other")]).anchor()
    house.materialize(recording, batch.leaves, *house.described(recording, "a song"))
    await index_until_head(database.indexer_url, house, tmp_path)
    query = "select * from catalog.separations where recording_id = %s"
    for _ in range(2):
        (row,) = rows(database, query, to_bytes(recording))
        assert (row["batch_root"], row["materialized"], row["version"]) == (batch.root, True, 0)
        await resolve(batch)


async def test_a_document_that_is_not_what_the_chain_says_counts_for_nothing(
    database, house, tmp_path, resolve
) -> None:
    recording = house.register(1, "a song")
    false_root = Batch(house, [(recording, "false root")]).anchor(root=b"\x11" * 32)
    false_count = Batch(house, [(recording, "false count")]).anchor(count=2)
    await index_until_head(database.indexer_url, house, tmp_path)
    await resolve(false_root)
    await resolve(false_count)
    assert stems_root_of(database, recording) is None
    assert set(batch_states(database).values()) == {"invalid"}
    assert not rows(database, "select 1 from catalog.separations")


async def test_as_of_a_block_before_the_batch_nothing_is_separated(database, house, tmp_path, resolve) -> None:
    recording = house.register(1, "a song")
    before = house.node.block_number()
    batch = Batch(house, [(recording, "a song")]).anchor()
    await index_until_head(database.indexer_url, house, tmp_path)
    await resolve(batch)
    for block, root in ((before, None), (before + 1, house.described(recording, "a song")[1].stems_root)):
        with psycopg.connect(database.api_url) as connection:
            connection.execute("select set_config('stemma.at_block', %s, true)", (str(block),))
            assert connection.execute("select stems_root from catalog_at.recordings").fetchall() == [(root,)]


@pytest.mark.parametrize(
    "change",
    [
        {"stems_root": "0x" + "00" * 32},
        {"recording_id": "0x" + "ab" * 27 + "01"},
        {"metadata": str(Cid(RAW, bytes(32)))},
        {"manifest": "b" + "a" * 30},
    ],
    ids=["root", "stem", "no-directory", "no-cid"],
)
def test_a_leaf_that_no_separation_could_have_makes_the_document_invalid(house, change) -> None:
    good = Batch(house, [(WorkId(0x100), "a song")]).document
    assert read_document("batch", bytes(32), RAW, good.canonical())
    bad = BatchManifest(leaves=[good.leaves[0].model_copy(update=change)])
    with pytest.raises(InvalidDocument):
        read_document("batch", bytes(32), RAW, bad.canonical())


def rows_of_admin(database, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.admin_url) as connection:
        return connection.execute(query).fetchall()
