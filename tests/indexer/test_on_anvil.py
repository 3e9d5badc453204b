"""The real command against the real contracts on anvil, with reorgs, rollbacks and kill -9."""

import asyncio
import itertools
import os
import random
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from indexer.migrate import migrate
from stack.ports import free_ports
from stemma.chain.intents import Share
from stemma.storage.opening import open_storage_at
from stemma.works import STEM_KINDS, Kind, stem_id, to_bytes
from tests import warm_start
from tests.indexer.index_dump import dump
from tests.indexer.onchain import CREATOR, Registrar, Song, indexer_process, run_until_head

KILLS = int(os.environ.get("STEMMA_KILLS", "3"))
BUYER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
COLLECTOR = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"


@pytest.fixture
def chain(deployed) -> Registrar:
    return Registrar(deployed.node, deployed.deployments_dir)


def query(url: str, statement: str, *parameters: Any) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement, parameters).fetchall()


def eventually(check: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def index_is_at(database, chain: Registrar) -> bool:
    head = chain.node.rpc("eth_getBlockByNumber", "latest", False)["hash"]
    return query(database.api_url, "select block_hash from catalog.head") == [(bytes.fromhex(head[2:]),)]


def address(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def test_songs_titles_and_documents_reach_the_catalog(database, chain, tmp_path) -> None:
    song = Song(1)
    storage_url = (tmp_path / "storage").as_uri()
    asyncio.run(store_documents(storage_url, song))
    tx_hash = chain.register(song, split=(Share(BUYER, 250_000), Share(COLLECTOR, 1)))
    chain.mint(song, CREATOR)
    vocals = stem_id(song.recording, STEM_KINDS[0])
    chain.mint(song, CREATOR, Kind.VOCALS)
    chain.transfer(vocals, CREATOR, BUYER)
    with indexer_process(database.indexer_url, chain, tmp_path, storage_url=storage_url) as running:
        resolved = "select count(*) from catalog.recordings where metadata_state = 'resolved'"
        eventually(lambda: query(database.api_url, resolved) == [(1,)], "the documents are resolved")
        eventually(lambda: index_is_at(database, chain), "the index is at the head")
        assert running.stop() == 0, running.log.read_text()

    (recording,) = query(
        database.api_url,
        "select recording_id, creator, rights_holder, title_holder, content_hash, title, artist, tags, release_policy,"
        " model_version, duration_ms, tx_hash, credits ->> 'title', manifest -> 'model' ->> 'version', version,"
        " registered_at from catalog.recordings",
    )
    creator = address(CREATOR)
    assert recording[:5] == (to_bytes(song.recording), creator, creator, creator, song.content_hash)
    assert recording[5:9] == ("Song 1", "Anna", ["dub", "test"], "licensed")
    assert recording[9:11] == ("demucs-tiny-synth", 90_000)
    assert recording[11:15] == (address(tx_hash), "Song 1", "demucs-tiny-synth", 0)
    assert recording[15].utcoffset() == timedelta(0)

    stems = query(database.api_url, "select stem_id, rights_holder, title_holder from catalog.stems order by kind")
    assert [stem for stem, *_ in stems] == [to_bytes(stem_id(song.recording, kind)) for kind in STEM_KINDS]
    for kind, (_, rights_holder, _) in zip(STEM_KINDS, stems, strict=True):
        assert rights_holder == chain.rights_holder(stem_id(song.recording, kind))
    assert [title for *_, title in stems] == [address(BUYER), *[None] * 5]
    titles = "select work_id, holder, minter, transfers from catalog.titles order by work_id"
    assert query(database.api_url, titles) == [
        (to_bytes(song.recording), creator, creator, 0),
        (to_bytes(vocals), address(BUYER), creator, 1),
    ]
    slots = query(database.api_url, "select slot, account, ppm from catalog.slots order by slot")
    assert slots == [(0, address(BUYER), 250_000), (1, address(COLLECTOR), 1)]
    assert query(database.api_url, "select count(*) from catalog.attestors where active") == [(1,)]
    events = query(database.api_url, "select event_name, payload from catalog.feed order by seq")
    assert [name for name, _ in events] == [
        *("recording.registered", "separation.committed", "ipnft.minted", "ipnft.minted", "title.transferred")
    ]
    assert events[-1][1] == {"workId": "0x" + to_bytes(vocals).hex(), "from": CREATOR.lower(), "to": BUYER.lower()}


async def store_documents(storage_url: str, song: Song) -> None:
    async with open_storage_at(storage_url) as storage:
        for document in (song.credits, song.manifest):
            await storage.put(document.canonical(), private=False)


def test_a_reorg_and_a_rollback_take_commits_away_and_a_new_commit_comes_back(database, chain, tmp_path) -> None:
    chain.register(Song(1))
    with indexer_process(database.indexer_url, chain, tmp_path) as running:
        eventually(lambda: index_is_at(database, chain), "the first song")
        chain.register(Song(2))
        chain.node.mine(2)
        eventually(lambda: index_is_at(database, chain), "the second song")
        assert query(database.api_url, "select count(*) from catalog.recordings") == [(2,)]

        chain.node.reorg(3)
        eventually(lambda: index_is_at(database, chain), "the reorg")
        songs = query(database.api_url, "select content_hash from catalog.recordings")
        assert songs == [(Song(1).content_hash,)]

        chain.register(Song(2))
        chain.node.mine(1)
        eventually(lambda: index_is_at(database, chain), "the second song again")
        chain.node.rpc("anvil_rollback", 2)
        # So far that may be a node that is behind; the next block shows that it is another, shorter branch.
        chain.register(Song(3))
        eventually(lambda: index_is_at(database, chain), "the third song, on a shorter branch")
        assert running.process.poll() is None, running.log.read_text()
        assert running.stop() == 0
    fresh_equals_grown(database, chain, tmp_path)
    feed = query(database.api_url, "select event_name, reverted from catalog.feed order by seq")
    first, taken = (
        [("recording.registered", False), ("separation.committed", False)],
        [
            ("separation.committed", True),
            ("recording.registered", True),
        ],
    )
    assert feed == [*first, *first, *taken, *first, *taken, *first]


def test_kill_9_in_the_middle_of_a_batch_leaves_no_trace(database, chain, tmp_path) -> None:
    for number in range(5):
        chain.register(Song(number))
    run_until_head(database.indexer_url, chain, tmp_path)
    before = dump(database.admin_url, 1)
    for number in range(5, 8):
        chain.register(Song(number))
    for table in ("logs", "feed", "cursor"):  # the first, a middle and the last statement
        with (
            psycopg.connect(database.admin_url) as blocker,
            indexer_process(database.indexer_url, chain, tmp_path) as running,
        ):
            blocker.execute(f"lock table chain_1.{table} in share mode")
            eventually(lambda: is_stuck(database), f"the indexer waits for {table} in the middle of its transaction")
            running.kill()
            blocker.rollback()
            eventually(lambda: not is_alive(database), "Postgres has noticed that the indexer is gone")
        assert dump(database.admin_url, 1) == before, f"killed while it waited for {table}"
    run_until_head(database.indexer_url, chain, tmp_path)
    assert query(database.api_url, "select count(*) from catalog.recordings") == [(8,)]
    fresh_equals_grown(database, chain, tmp_path)


def is_stuck(database) -> bool:
    return query(database.admin_url, _WRITERS + " and wait_event_type = 'Lock'") == [(1,)]


def is_alive(database) -> bool:
    return query(database.admin_url, _WRITERS) != [(0,)]


_WRITERS = (
    "select count(*) from pg_stat_activity where application_name = 'indexer-writer' and datname = current_database()"
)


def fresh_equals_grown(database, chain: Registrar, folder: Path) -> None:
    migrate(database.admin_url, generation=2)
    run_until_head(database.indexer_url, chain, folder, generation=2)
    grown, fresh = dump(database.admin_url, 1), dump(database.admin_url, 2)
    for table, rows in fresh.items():
        assert grown[table] == rows, f"table {table} differs"


def test_another_chain_behind_the_same_url_ends_the_command(database, chain, tmp_path) -> None:
    chain.register(Song(1))
    run_until_head(database.indexer_url, chain, tmp_path)
    chain.node.rpc("anvil_reset")
    chain.node.mine(30)
    with indexer_process(database.indexer_url, chain, tmp_path) as running:
        code = running.process.wait(timeout=60)
    log = running.log.read_text()
    assert code == 2, log
    assert "another chain" in log.lower(), log


def test_status_and_metrics_say_how_far_the_index_is(database, chain, tmp_path) -> None:
    chain.register(Song(1))
    [port] = free_ports(1)
    with indexer_process(database.indexer_url, chain, tmp_path, metrics_port=port):
        eventually(lambda: index_is_at(database, chain), "the index is at the head")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
            lines = response.read().decode().splitlines()
        status = indexer_command(database.indexer_url, chain, "status")
        assert status.returncode == 0, status.stderr
        assert "lag         0 blocks" in status.stdout
        assert "event       StemRegistry.StemCommitted 6" in status.stdout
        assert "1 recordings from" in status.stdout
        assert "2 pending" in status.stdout
        assert "leader      yes" in status.stdout
    head = float(chain.node.block_number())
    metrics = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(metrics["stemma_indexer_applied_block"]) == head
    assert float(metrics["stemma_indexer_node_head_block"]) == head
    assert float(metrics["stemma_indexer_leading"]) == 1
    assert float(metrics['stemma_indexer_events_total{event="StemRegistry.StemCommitted"}']) == 6
    assert float(metrics["stemma_indexer_stalled_on_write_seconds_total"]) > 0
    eventually(lambda: "no indexer is running" in indexer_status(database).stdout, "nobody leads any more")


def test_status_before_the_first_migration_says_so(database) -> None:
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("drop schema chain_1 cascade")
    status = indexer_status(database)
    assert (status.returncode, status.stdout.strip()) == (1, "Nothing is indexed yet.")


def test_each_database_connection_may_break(database, chain, tmp_path) -> None:
    chain.register(Song(1))
    with indexer_process(database.indexer_url, chain, tmp_path) as running:
        for number, purpose in enumerate(("resolver", "writer"), start=2):
            eventually(lambda: index_is_at(database, chain), "the index is at the head")
            cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s"
            query(database.admin_url, cut + " and datname = current_database()", f"indexer-{purpose}")
            chain.register(Song(number))
        eventually(lambda: index_is_at(database, chain), "the index is at the head again")
        assert running.process.poll() is None, running.log.read_text()
        assert running.stop() == 0, running.log.read_text()


def indexer_status(database) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": database.indexer_url}
    return warm_start.run("indexer", "status", environment=environment)


def test_a_mined_commit_is_visible_soon(database, chain, tmp_path) -> None:
    """From the receipt of a commit to its row in the catalog; the bound leaves room for a loaded machine."""
    delays = []
    with indexer_process(database.indexer_url, chain, tmp_path), psycopg.connect(database.api_url) as reader:
        eventually(lambda: index_is_at(database, chain), "the index is at the head")
        for number in range(15):
            chain.register(Song(number))
            mined = time.monotonic()
            found = "select 1 from catalog.recordings where content_hash = %s"
            while not reader.execute(found, [Song(number).content_hash]).fetchone():
                reader.rollback()
                time.sleep(0.002)
            delays.append(1000 * (time.monotonic() - mined))
    assert sorted(delays)[len(delays) // 2] < 500


def test_verify_finds_what_storage_says_otherwise_and_rebuild_mends_it_beside_the_indexer(
    database, chain, tmp_path
) -> None:
    for number in range(3):
        chain.register(Song(number))
    chain.mint(Song(0), CREATOR)
    chain.transfer(Song(0).recording, CREATOR, BUYER)
    with indexer_process(database.indexer_url, chain, tmp_path) as running:
        eventually(lambda: index_is_at(database, chain), "the index is at the head")
        verified = indexer_command(database.indexer_url, chain, "verify", "--storage")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert "no difference" in verified.stdout
        assert "IPNFT.ownerOf 1" in verified.stdout
        query(database.admin_url, "update chain_1.titles set holder = '\\x01' returning 1")
        damaged = indexer_command(database.indexer_url, chain, "verify", "--storage")
        assert damaged.returncode == 1
        assert f"is 0x{address(BUYER).hex()} on chain, 0x01 in the index" in damaged.stdout
        assert "table titles lacks" in damaged.stdout
        rebuilt = indexer_command(database.admin_url, chain, "rebuild", "titles")
        assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
        chain.register(Song(9))
        eventually(lambda: index_is_at(database, chain), "the indexer goes on in the new tables")
        assert query(database.api_url, "select holder from catalog.titles") == [(address(BUYER),)]
        assert indexer_command(database.indexer_url, chain, "verify", "--storage").returncode == 0
        assert running.stop() == 0, running.log.read_text()


def indexer_command(database_url: str, chain: Registrar, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "RPC_URLS": chain.node.url,
        "DEPLOYMENTS_DIR": str(chain.deployments_dir),
    }
    return warm_start.run("indexer", *arguments, environment=environment)


@pytest.mark.timeout(180 + 60 * KILLS)
def test_a_standby_takes_over_within_seconds_of_a_kill_9_each_time(database, chain, tmp_path) -> None:
    """Two processes; the leader is killed again and again, somewhere in its work, while the chain is reorganized."""
    rng, songs, deployed_at = random.Random(KILLS), itertools.count(), chain.node.block_number()
    with ExitStack() as stack:
        leader = stack.enter_context(indexer_process(database.indexer_url, chain, tmp_path))
        eventually(lambda: index_is_at(database, chain), "the first one leads")
        for number in range(KILLS):
            standby = stack.enter_context(indexer_process(database.indexer_url, chain, tmp_path))
            waiting = standby.log.read_text
            eventually(lambda read=waiting, n=number: read().count("standing by") > n, "the second one stands by")
            for _ in range(rng.randint(1, 3)):
                chain.register(Song(next(songs)))
            mined = chain.node.block_number() - deployed_at
            chain.node.reorg(rng.randint(1, min(mined, rng.choice([1, 4, 20]))))
            chain.register(Song(next(songs)))
            time.sleep(rng.choice([0, rng.random() / 5]))
            leader.kill()
            chain.node.reorg(rng.randint(1, 2))
            chain.register(Song(next(songs)))
            started = time.monotonic()
            eventually(lambda: index_is_at(database, chain), "the standby leads")
            assert time.monotonic() - started < 20  # seconds, on a machine that does much else
            leader = standby
        assert leader.stop() == 0
    fresh_equals_grown(database, chain, tmp_path)
