"""`stemma up` with the real services: ready, continued where it stopped, refused twice, parts replaced by real ones.

The last file of its folder, since it stops the stack that they share.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import soundfile

from stack.anvil import anvil_url
from stack.anvil_node import AnvilNode
from stack.databases import Database
from stack.demo.artist import Artist
from stack.errors import StackError
from stack.home import locked_home
from stack.keys import write_secret
from stack.ledger import Ledger, birth
from stack.pubsub_program import stemma_command
from stack.running import RunningStack, running_stack
from stem_worker.synth.song import make_song
from tests.end_to_end.journeys import end_of, upload_signed

pytestmark = [pytest.mark.timeout(300)]


def read(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_every_part_runs_and_the_api_answers(stack: RunningStack) -> None:
    assert list((stack.home / "deployments").glob("*.json")), "the contracts were not deployed on the bare chain"
    for name in ("postgres", "redis", "anvil", "pubsub", "api", "api-jobs", "indexer", "worker"):
        assert birth(stack.pid(name)) is not None
    assert "paths" in read(f"{stack.api_url}/openapi.json")
    with urllib.request.urlopen(stack.urls["catalog"], timeout=10) as answer:
        assert answer.status == 200


def test_a_process_gets_its_own_login_and_only_the_keys_it_signs_with(stack: RunningStack) -> None:
    keys = {"RELAYER_PRIVATE_KEY", "ATTESTOR_PRIVATE_KEY"}
    held = {name: keys & stack.environment(name).keys() for name in ("api", "api-jobs", "indexer", "worker")}
    assert held == {
        "api": set(),
        "api-jobs": {"RELAYER_PRIVATE_KEY"},
        "indexer": set(),
        "worker": {"ATTESTOR_PRIVATE_KEY"},
    }
    assert "stemma_indexer_login:" in stack.environment("indexer")["DATABASE_URL"]
    assert "stemma_api_login:" in stack.environment("api")["DATABASE_URL"]
    assert stack.environment("worker")["DATABASE_URL"] == ""


def test_secrets_are_for_their_owner_alone(stack: RunningStack) -> None:
    files = [*(stack.home / "secrets").iterdir(), stack.home / "run" / "ready.json"]
    assert len(files) >= 5
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}


def test_a_second_up_on_the_same_home_is_refused_with_a_clear_sentence(
    stack: RunningStack, plain_environment: dict[str, str]
) -> None:
    command = stemma_command("up", "--home", str(stack.home), "--env-file", os.devnull)
    done = subprocess.run(command, env=plain_environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"already running on {stack.home} (process {stack.supervisor_pid}); stop it first" in done.stderr
    assert birth(stack.pid("api")) is not None


def test_a_running_stack_can_be_joined(stack: RunningStack) -> None:
    with running_stack(stack.home, join=True) as joined:
        assert joined.api_url == stack.api_url
    assert birth(stack.pid("api")) is not None


def test_a_starting_stack_is_waited_for_and_joined(tmp_path: Path) -> None:
    ready = tmp_path / "run" / "ready.json"
    ready.parent.mkdir()
    facts = {"urls": {"API": "http://127.0.0.1:1"}, "pid": os.getpid(), "environments": {}}
    becoming_ready = threading.Timer(0.5, lambda: write_secret(ready, json.dumps(facts)))
    with locked_home(tmp_path):
        becoming_ready.start()
        with running_stack(tmp_path, join=True) as joined:
            assert joined.api_url == "http://127.0.0.1:1"
            assert joined.is_joined
    becoming_ready.join()
    assert ready.exists()
    assert not (tmp_path / "up.log").exists()


def test_commands_run_with_the_settings_of_a_process(stack: RunningStack, plain_environment: dict[str, str]) -> None:
    def say(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = stemma_command("exec", "--home", str(stack.home), *arguments)
        return subprocess.run(command, env=plain_environment, capture_output=True, text=True, check=False, timeout=60)

    status = say("indexer", "stemma", "indexer", "status")
    assert status.returncode == 0, status.stderr
    assert status.stdout.split()[:2] == ["chain", "31337"]
    verified = say("prepare", "stemma", "indexer", "verify", "--storage")
    assert verified.returncode == 0, verified.stderr
    missing = say("worker", "no-such-command")
    assert (missing.returncode, "no-such-command cannot be run" in missing.stderr) == (2, True)


def test_a_killed_service_is_started_again_and_a_held_one_stays_down(stack: RunningStack) -> None:
    old = stack.kill("indexer")
    assert stack.wait_for_restart("indexer", old) != old
    with stack.held_down("indexer"):
        time.sleep(2)
        with pytest.raises(StackError, match="indexer does not run"):
            stack.pid("indexer")
    assert birth(stack.pid("indexer")) is not None


def test_a_second_run_continues_where_the_first_stopped(
    stack: RunningStack, plain_environment: dict[str, str], tmp_path: Path
) -> None:
    node = AnvilNode(anvil_url(stack.ports["anvil"]))
    asyncio.run(put_a_song_into_the_catalog(stack, tmp_path))
    node.mine(3)
    shown = catalog_at(stack, node.block_number())
    assert shown
    chain = [node.rpc("eth_getBlockByNumber", hex(number), True) for number in range(node.block_number() + 1)]
    ports = stack.ports
    pids = [entry.pid for entry in Ledger(stack.home / "run").entries()]
    assert stack.stop() == 0
    assert [pid for pid in pids if birth(pid) is not None] == []
    with running_stack(stack.home, environment=plain_environment) as again:
        assert again.ports == ports
        assert catalog_at(again, len(chain) - 1) == shown
        assert chain == [node.rpc("eth_getBlockByNumber", hex(number), True) for number in range(len(chain))]
        assert again.log_file is not None
        log = again.log_file.read_text()
        assert "migrated" not in log
        assert "deployed" not in log
        supervisor = again.supervisor_pid
        pids = [entry.pid for entry in Ledger(stack.home / "run").entries()]
        os.kill(supervisor, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while any(birth(pid) is not None for pid in pids):
            assert time.monotonic() < deadline, "orphans"
            time.sleep(0.1)


async def put_a_song_into_the_catalog(stack: RunningStack, folder: Path) -> None:
    song = make_song(400_000, 3)
    soundfile.write(folder / "song.flac", song.mix.T, song.sample_rate, subtype="PCM_16")
    artist = Artist.at(stack.api_url, "0x" + secrets.token_hex(32))
    await artist.sign_in()
    assert (
        await end_of(artist, str((await upload_signed(artist, folder / "song.flac"))["uploadId"]))
    ).stage == "indexed"
    await artist.close()


def catalog_at(stack: RunningStack, block: int) -> Any:
    """The catalog's first page once it is as of that block."""
    deadline = time.monotonic() + 30
    while (page := read(stack.urls["catalog"]))["asOf"]["block"] < block:
        assert time.monotonic() < deadline, f"the index stands at {page['asOf']}"
        time.sleep(0.05)
    return page["items"]


def test_given_parts_are_used_and_not_started(
    make_stack_home: Any,
    plain_environment: dict[str, str],
    database: Database,
    redis_url: str,
    pubsub: str,
    deployed: Any,
    login_passwords: dict[str, str],
    tmp_path: Path,
) -> None:
    env_file = tmp_path / "given.env"
    env_file.write_text(
        f"REDIS_URL={redis_url}\nPUBSUB_EMULATOR_HOST={pubsub}\nDATABASE_URL=postgresql://nobody@nowhere\n"
    )
    given = {
        "DATABASE_URL": database.admin_url,  # the environment outranks the file
        "RPC_URLS": deployed.node.url,
        "DEPLOYMENTS_DIR": str(deployed.deployments_dir),
        "STORAGE_URL": (tmp_path / "files").as_uri(),
        "PUBSUB_PROJECT": "given",
    }
    home = make_stack_home()
    # Logins belong to the whole server, which other tests use.
    write_secret(home / "secrets" / "database-logins.json", json.dumps(login_passwords))
    with running_stack(home, environment=plain_environment | given, env_file=env_file) as stack:
        assert {entry.name for entry in Ledger(home / "run").entries()} == {"api", "api-jobs", "indexer", "worker"}
        environment = stack.environment("api")
        assert environment["REDIS_URL"] == redis_url
        assert environment["PUBSUB_EMULATOR_HOST"] == pubsub
        assert environment["STORAGE_URL"] == given["STORAGE_URL"]
        assert "paths" in read(f"{stack.api_url}/openapi.json")
    assert not (home / "postgres").exists()
    assert not (home / "redis").exists()
    assert not (home / "anvil").exists()
