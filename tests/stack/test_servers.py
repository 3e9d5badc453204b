"""The embedded servers as every test gets them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg
import pytest
import redis
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from stack.anvil_node import AnvilNode, development_key
from stack.databases import INDEXER_LOGIN, Database, ensure_logins
from stack.postgres import PostgresServer


def test_postgres_is_18_with_passwords_and_a_builtin_utf8_locale(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url("postgres")) as connection:
        row = connection.execute(
            "select current_setting('server_version_num')::int / 10000, current_setting('password_encryption'),"
            " datlocprovider::text, datlocale, pg_encoding_to_char(encoding), current_setting('timezone')"
            " from pg_database where datname = 'postgres'"
        ).fetchone()
    assert row == (18, "scram-sha-256", "b", "C.UTF-8", "UTF8", "UTC")


def test_postgres_refuses_a_wrong_password_on_tcp_and_on_the_socket(postgres: PostgresServer) -> None:
    for host in ("127.0.0.1", str(postgres.folders.sockets)):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=host, port=postgres.port, user="stemma_admin", password="wrong", dbname="postgres")
        psycopg.connect(
            host=host, port=postgres.port, user="stemma_admin", password=postgres.password, dbname="postgres"
        ).close()


def test_a_database_is_fresh_and_its_logins_are_members_of_their_groups(database: Database) -> None:
    for url, group in ((database.indexer_url, "stemma_indexer"), (database.api_url, "stemma_app")):
        with psycopg.connect(url) as connection:
            member = connection.execute("select pg_has_role(current_user, %s, 'member')", [group]).fetchone()
        assert member == (True,)


def test_a_logins_password_reaches_no_log_of_the_server(
    postgres: PostgresServer, session_home: Path, login_passwords: dict[str, str]
) -> None:
    logged = postgres.url("postgres") + "?options=-clog_statement%3Dddl"
    ensure_logins(logged, login_passwords)
    log = (session_home / "postgres.log").read_text()
    assert f'role "{INDEXER_LOGIN}" login password \'SCRAM-SHA-256$' in log
    assert login_passwords[INDEXER_LOGIN] not in log


def test_redis_never_evicts(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.dbsize() == 0


def test_anvil_goes_back_to_snapshots(anvil: AnvilNode) -> None:
    snapshot = anvil.snapshot()
    anvil.mine(3)
    assert anvil.block_number() == 3
    anvil.revert(snapshot)
    assert anvil.block_number() == 0


def test_anvil_verifies_p256_signatures(anvil: AnvilNode) -> None:
    """P256VERIFY at 0x100 came with the hard fork Osaka (EIP-7951)."""
    key = ec.generate_private_key(ec.SECP256R1())
    message = b"a song"
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    point = key.public_key().public_numbers()
    parts = (int.from_bytes(hashlib.sha256(message).digest()), r, s, point.x, point.y)
    data = "0x" + "".join(f"{part:064x}" for part in parts)
    assert anvil.rpc("eth_call", {"to": f"0x{0x100:040x}", "data": data}, "latest") == f"0x{1:064x}"


def test_development_keys_are_the_published_ones() -> None:
    assert development_key(0) == "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
