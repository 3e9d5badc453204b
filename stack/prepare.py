"""`stemma prepare`: everything that must be there before the services start. Done once, checked in a moment later.

It reads the settings of the environment, with `DATABASE_URL` the administrator's. Each part is skipped when what it
made is seen to be there: the database carries the digest of the migrations that it has had, the chain the code that the
deployment file names. The topics of Pub/Sub are made by the services that use them.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import unquote, urlsplit

import click

from stack.databases import Database, ensure_database, ensure_logins, logins_work, with_database
from stack.errors import SettingMissing, StackError, WrongChain
from stack.home import ROOT, default_home
from stack.keys import ensure_jwt_key, ensure_login_passwords
from stack.parts import Parts

WAIT_SECONDS = 60.0


@click.command("prepare")
def command() -> None:
    """Migrate the database, make its logins, deploy the contracts: whatever is not done yet."""
    parts = Parts.read(default_home(), env_file=None)
    missing = [name for name in ("DATABASE_URL", "RPC_URLS") if not parts.given.get(name)]
    if missing:
        raise SettingMissing(missing, "a database and a chain are to be prepared")
    ensure_jwt_key(parts.home)
    prepare_database(parts)
    prepare_contracts(parts)


def prepare_database(parts: Parts) -> None:
    """Create the database, the roles and the logins, and run both migration histories."""
    import psycopg

    passwords = ensure_login_passwords(parts.home, parts.given)
    database = Database.of(parts.given["DATABASE_URL"], passwords)
    _wait("Postgres", lambda: _database_answers(database.admin_url))
    digest = _digest_of(
        "indexer/*.py", "indexer/migrations", "indexer/projections", "api/migrat*", "stemma/database", "stemma/catalog"
    )
    if _noted_digest(database.admin_url) == digest and logins_work(database):
        return
    ensure_logins(database.admin_url, passwords)
    migrate(database.admin_url)
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("create schema if not exists stack")
        connection.execute("create table if not exists stack.prepared (digest text not null)")
        connection.execute("delete from stack.prepared")
        connection.execute("insert into stack.prepared values (%s)", [digest])
    _say("the database is migrated")


def migrate(admin_url: str) -> None:
    """Run the migrations of both services, as `stemma indexer migrate` and `stemma api migrate` do."""
    from api.migrations import upgrade as migrate_api
    from indexer.migrate import migrate as migrate_indexer

    migrate_indexer(admin_url)
    migrate_api(admin_url)


def prepare_contracts(parts: Parts) -> None:
    """Deploy on the development chain when needed; on any other chain only look.

    :raises ContractsMissing: another chain does not have them.
    :raises WrongChain: the node is on another chain than the settings say.
    """
    from stack.anvil import answers_chain_id
    from stack.deploy import contracts_in_place, deploy_contracts, refuse_to_deploy
    from stemma.chain.json_rpc import call_blocking

    url = parts.given["RPC_URLS"].split(",")[0].strip()
    _wait("the chain", lambda: answers_chain_id(url))
    # Before anything is signed: the development keys must not be used on a chain that only looks like theirs.
    found = int(call_blocking(url, "eth_chainId"), 16)
    if found != parts.chain_id:
        raise WrongChain(parts.chain_id, found)
    if contracts_in_place(url, parts.deployments_dir, parts.chain_id):
        return
    if not parts.is_development_chain:
        raise refuse_to_deploy(parts.deployments_dir, parts.chain_id)
    _say("the contracts are compiled and deployed (a minute or more, once)")
    deploy_contracts(url, parts.deployments_dir)
    _say("the contracts are deployed")


def _database_answers(admin_url: str) -> bool:
    """Whether the administrator can connect; makes the database when the server is there and it is not."""
    import psycopg

    # Not every server has the database `postgres`, and not every administrator may see it.
    with suppress(psycopg.Error):
        ensure_database(with_database(admin_url, "postgres"), unquote(urlsplit(admin_url).path.lstrip("/")))
    try:
        psycopg.connect(admin_url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _noted_digest(admin_url: str) -> str | None:
    import psycopg

    with psycopg.connect(admin_url) as connection:
        if connection.execute("select to_regclass('stack.prepared')").fetchone() == (None,):
            return None
        row = connection.execute("select digest from stack.prepared").fetchone()
    return str(row[0]) if row else None


def _digest_of(*patterns: str) -> str:
    """SHA-256 over names and contents of the project's Python files that match, folders with all below them."""
    digest = hashlib.sha256()
    roots = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    files = [file for root in roots for file in ([root] if root.is_file() else sorted(root.rglob("*.py")))]
    for file in files:
        digest.update(f"{file.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _wait(what: str, is_there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_there():
        if time.monotonic() > deadline:
            raise StackError(f"{what} did not answer within {WAIT_SECONDS:g} seconds")
        time.sleep(0.05)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
