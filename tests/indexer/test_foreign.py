"""The engine on a contract that is not ours: the example, by the real command, against a node that replays."""

import importlib.util
import os
import subprocess
from collections import Counter
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
from psycopg.rows import dict_row

from indexer.errors import Stop
from indexer.foreign import ENGINE_TABLES, load
from tests import warm_start

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "erc721"
EVENTS, PER_BLOCK = 3_000, 20


@pytest.fixture(scope="session")
def replay_node() -> ModuleType:
    """The benchmarks' node; by its file, because other packages have a module of that name."""
    spec = importlib.util.spec_from_file_location("replay_node", ROOT / "benchmarks" / "replay_node.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def config(tmp_path, replay_node) -> Path:
    """The example, for the replayed contract."""
    text = (EXAMPLE / "indexer.toml").read_text()
    for name in ("transfers.py", "erc721.json"):
        (tmp_path / name).write_text((EXAMPLE / name).read_text())
    path = tmp_path / "indexer.toml"
    path.write_text(text.replace("0x5FbDB2315678afecb367f032d93F642f64180aa3", "0x" + replay_node.ADDRESS.hex()))
    return path


def run(config: Path, database, rpc_url: str, until: int) -> subprocess.CompletedProcess[str]:
    return stemma(config, database, rpc_url, "run", "--until", str(until))


def stemma(config: Path, database, rpc_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": database.admin_url, "RPC_URLS": rpc_url}
    return warm_start.run("indexer", *arguments, "--config", str(config), environment=environment, seconds=120)


@pytest.mark.timeout(400)
def test_the_example_counts_owners_and_balances_and_stops_when_caught_up(database, config, replay_node) -> None:
    replay = replay_node.Replay(EVENTS, PER_BLOCK, seed=1)
    owners: dict[int, str] = {}
    for logs in replay.transfers:
        for _, taker, token in logs:
            owners[token] = taker.hex()
    with replay_node.replaying(EVENTS, PER_BLOCK) as (url, head):
        for until in (head // 2, head, head):  # in two runs, and once more for nothing
            done = run(config, database, url, until)
            assert done.returncode == 0, done.stdout + done.stderr
    with psycopg.connect(database.admin_url, row_factory=dict_row) as connection:
        rows = connection.execute("select token, owner, moves from erc721.owners").fetchall()
        assert {int(row["token"]): row["owner"].hex() for row in rows} == owners
        assert sum(row["moves"] for row in rows) == EVENTS
        balances = connection.execute("select account, balance from erc721.balances where balance <> 0").fetchall()
        assert {row["account"].hex(): row["balance"] for row in balances} == Counter(owners.values())
        (cursor,) = connection.execute("select block_number, chain_id from erc721.cursor").fetchall()
        assert cursor == {"block_number": head, "chain_id": 31337}
        assert connection.execute("select count(*) as n from erc721.logs").fetchall() == [{"n": EVENTS}]
        connection.execute(
            "update erc721.owners set moves = moves + 1 where token = (select min(token) from erc721.owners)"
        )
    found = stemma(config, database, "", "verify")
    assert found.returncode == 1
    assert "table owners has" in found.stdout
    done = stemma(config, database, "", "rebuild", "owners")
    assert done.returncode == 0, done.stdout + done.stderr
    found = stemma(config, database, "", "verify")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("what", ["verify", "rebuild"])
def test_what_never_ran_is_said_to_be_run_first(database, config, what: str) -> None:
    done = stemma(config, database, "http://127.0.0.1:1", what)
    assert done.returncode == 1
    assert "stemma indexer run --config FILE" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("what", ["verify", "run"])
def test_a_configuration_has_no_generations(database, config, what: str) -> None:
    done = stemma(config, database, "http://127.0.0.1:1", what, "--generation", "2")
    assert done.returncode == 2
    assert "--generation" in done.stderr


def test_the_engine_has_the_same_tables_everywhere(database) -> None:
    statement = (
        "select table_name, array_agg(column_name || ' ' || data_type || ' ' || is_nullable order by ordinal_position)"
        " from information_schema.columns where table_schema = %s"
        " and table_name in ('cursor', 'headers', 'logs', 'feed') group by 1 order by 1"
    )
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("create schema elsewhere")
        connection.execute("set local search_path to elsewhere")
        connection.execute(ENGINE_TABLES)
        here, there = (connection.execute(statement, (schema,)).fetchall() for schema in ("chain_1", "elsewhere"))
    assert here == there


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("start_block = 0", "start_block = -1"), "start_block"),
        (('abi = "erc721.json"', 'abi = "missing.json"'), "missing.json"),
        (('address = "0x', 'address = "'), "address"),
        (("start_block", "start_blok"), "start_blok"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_explained(config, change: tuple[str, str], complaint: str) -> None:
    config.write_text(config.read_text().replace(*change))
    with pytest.raises(Stop, match=complaint):
        load(config, {"DATABASE_URL": "postgresql://x/y"})
