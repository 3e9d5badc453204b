"""The Postgres launcher: as root and not, below closed folders, after crashes, with long paths."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stack import postgres_folders
from stack.errors import DataFolderUnusable
from stack.ledger import birth
from stack.ports import free_ports
from stack.postgres import ADMIN, PostgresServer, prepare_postgres
from stack.postgres_folders import SOCKET_PATH_LIMIT, outside_folder
from stack.program import Account, RunningProgram

ROOT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as another account")


def prepared(home: Path) -> PostgresServer:
    [port] = free_ports(1)
    return prepare_postgres(home, port, durable=False)


@pytest.fixture(scope="module")
def new_cluster() -> Iterator[Path]:
    """A home with a cluster that was never started: making one takes seconds, copying it does not."""
    folder = Path(tempfile.mkdtemp(prefix="stemma-cluster-"))
    folder.chmod(0o711)
    prepared(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def home_with_cluster(home: Path, new_cluster: Path) -> Path:
    for name in ("postgres", "secrets"):
        subprocess.run(["cp", "-a", str(new_cluster / name), str(home)], check=True)
    return home


def value(server: PostgresServer, query: str) -> object:
    with psycopg.connect(server.url("postgres")) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


@pytest.fixture
def own_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of the test for what root keeps outside of closed folders."""
    folder = Path(tempfile.mkdtemp(prefix="stemma-own-root-"))
    folder.chmod(0o755)
    monkeypatch.setattr(postgres_folders.place_folders, "__kwdefaults__", {"own_root": folder / "stemma"})
    yield folder / "stemma"
    shutil.rmtree(folder)


def modes_upwards(path: Path) -> dict[Path, int]:
    return {folder: stat.S_IMODE(folder.stat().st_mode) for folder in (path, *path.absolute().parents)}


def test_data_stays_between_runs_and_no_folder_above_is_touched(home: Path) -> None:
    before = modes_upwards(home)
    server = prepared(home)
    with RunningProgram.start(server.program()), psycopg.connect(server.url("postgres")) as connection:
        connection.execute("create table kept as select 42 as answer")
    again = prepared(home)
    with RunningProgram.start(again.program()):
        assert value(again, "select answer from kept") == 42
        assert value(again, "show listen_addresses") == "127.0.0.1"
    assert modes_upwards(home) == before
    assert stat.S_IMODE((home / "secrets" / "postgres-admin").stat().st_mode) == 0o600


@as_root
def test_as_root_it_runs_as_nobody(home_with_cluster: Path) -> None:
    with RunningProgram.start(prepared(home_with_cluster).program()) as running:
        assert os.stat(f"/proc/{running.pid}").st_uid == Account.nobody().uid


@as_root
def test_below_a_closed_folder_the_data_is_kept_in_a_place_of_our_own(
    home: Path, own_root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    inner = closed / "home"
    server = prepared(inner)
    outside = outside_folder(inner)
    assert outside is not None
    assert outside.parent == own_root
    assert server.folders.data.is_relative_to(outside)
    assert f"its data is kept in {outside} instead" in capfd.readouterr().err
    with RunningProgram.start(server.program()):
        assert value(server, "select 1") == 1
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    # And it goes on there, even when the folder has been opened since.
    closed.chmod(0o755)
    assert prepared(inner).folders.data == server.folders.data
    assert capfd.readouterr().err == ""


@as_root
def test_binaries_below_a_closed_folder_are_copied_once(
    home: Path, own_root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = postgres_folders.postgres_binaries().parents[1]
    site = home / "closed" / "site-packages"
    site.mkdir(parents=True)
    shutil.copytree(source, site / source.name, symlinks=True)
    shutil.copytree(source.with_name(f"{source.name}.libs"), site / f"{source.name}.libs", symlinks=True)
    (home / "closed").chmod(0o700)
    monkeypatch.setattr(postgres_folders, "postgres_binaries", lambda: site / source.name / "pginstall" / "bin")
    server = prepared(home)
    assert server.folders.binaries.is_relative_to(own_root)
    assert "the Postgres binaries are copied" in capfd.readouterr().err
    with RunningProgram.start(server.program()):
        assert value(server, "select 1") == 1
    assert prepared(home).folders.binaries == server.folders.binaries
    assert len(list(own_root.glob("binaries-*"))) == 1


@as_root
def test_an_ordinary_account_runs_it_itself(home: Path) -> None:
    os.chown(home, Account.nobody().uid, Account.nobody().gid)
    # The virtual environment's own python may lie below a closed folder.
    python = shutil.which("python3.11", path="/usr/bin:/usr/local/bin") or sys.executable
    account = Account.nobody()
    if not postgres_folders._succeeds(account, [python, "-c", "pass"]):
        pytest.skip(f"the account nobody cannot run {python}")
    done = subprocess.run(
        [python, "-c", ORDINARY, str(home)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(part for part in sys.path if part)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ready" in done.stdout


ORDINARY = """
import sys
from pathlib import Path
from stack.ports import free_ports
from stack.postgres import prepare_postgres
from stack.program import RunningProgram

server = prepare_postgres(Path(sys.argv[1]), free_ports(1)[0], durable=False)
assert server.folders.account is None
with RunningProgram.start(server.program()) as running:
    print("ready", running.pid)
"""


def test_a_long_home_gets_a_short_socket_folder(home: Path) -> None:
    deep = home / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = prepared(deep)
    try:
        assert len(str(server.folders.sockets / ".s.PGSQL.65535.lock")) <= SOCKET_PATH_LIMIT
        with RunningProgram.start(server.program()):
            psycopg.connect(
                host=str(server.folders.sockets),
                port=server.port,
                user=ADMIN,
                password=server.password,
                dbname="postgres",
            ).close()
        assert stat.S_IMODE(server.folders.sockets.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(server.folders.sockets)


def test_after_kill_9_it_recovers_what_was_committed(home_with_cluster: Path) -> None:
    [port] = free_ports(1)
    server = prepare_postgres(home_with_cluster, port)
    running = RunningProgram.start(server.program())
    with psycopg.connect(server.url("postgres")) as connection:
        connection.execute("create table kept as select 7 as answer")
    running.kill()
    again = prepare_postgres(home_with_cluster, port)
    with RunningProgram.start(again.program()):
        assert value(again, "select answer from kept") == 7


def test_a_postmaster_that_outlived_its_stack_is_stopped(home_with_cluster: Path) -> None:
    server = prepared(home_with_cluster)
    left_over = RunningProgram.start(server.program())
    again = prepared(home_with_cluster)
    left_over.process.wait(5)
    with RunningProgram.start(again.program()):
        assert value(again, "select 1") == 1


def test_a_stale_pid_file_of_a_number_now_taken_by_somebody_else_is_removed(home_with_cluster: Path) -> None:
    server = prepared(home_with_cluster)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        file = server.folders.data / "postmaster.pid"
        file.write_text(f"{stranger.pid}\n{server.folders.data}\n")
        again = prepared(home_with_cluster)
        assert not file.exists()
        assert birth(stranger.pid) is not None
        with RunningProgram.start(again.program()):
            assert value(again, "select 1") == 1
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupted_first_start_is_begun_again(home_with_cluster: Path) -> None:
    server = prepared(home_with_cluster)
    data = server.folders.data
    data.rename(data.with_name("data.new"))
    (data.with_name("data.new") / "PG_VERSION").unlink()
    with RunningProgram.start(prepared(home_with_cluster).program()):
        pass
    assert not data.with_name("data.new").exists()


@as_root
def test_what_the_servers_account_puts_into_its_folder_leads_root_nowhere(home: Path) -> None:
    """That account may be taken over; root still reads and writes below its folder."""
    folders = prepared(home).folders
    own, precious = folders.data.parent, home / "precious"
    precious.write_text("root's")
    outside = home / "outside"
    outside.mkdir(mode=0o755)

    shutil.rmtree(folders.data)
    (own / "password.new").symlink_to(precious)
    (own / "location").write_text(f"{outside}\n")
    prepared(home)
    assert precious.read_text() == "root's"
    assert precious.stat().st_uid == 0
    assert folders.data.is_dir()

    folders.sockets.rmdir()
    folders.sockets.symlink_to(outside)
    with pytest.raises(DataFolderUnusable, match="no folder of ours"):
        prepared(home)
    assert (outside.stat().st_uid, stat.S_IMODE(outside.stat().st_mode)) == (0, 0o755)
    folders.sockets.unlink()


@as_root
def test_a_place_of_our_own_that_others_can_write_is_refused_and_left_as_it_is(home: Path, own_root: Path) -> None:
    own_root.mkdir()
    own_root.chmod(0o777)
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(DataFolderUnusable, match="writable by root alone"):
        prepared(closed / "home")
    assert stat.S_IMODE(own_root.stat().st_mode) == 0o777


def test_a_lost_password_is_said(home_with_cluster: Path) -> None:
    prepared(home_with_cluster)
    (home_with_cluster / "secrets" / "postgres-admin").unlink()
    with pytest.raises(DataFolderUnusable, match=r"with the password .* is gone"):
        prepared(home_with_cluster)


def test_it_stops_fast_although_somebody_is_connected(home_with_cluster: Path) -> None:
    server = prepared(home_with_cluster)
    running = RunningProgram.start(server.program())
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("select 1")
        began = time.monotonic()
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(5) == 0
        assert time.monotonic() - began < 3
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
