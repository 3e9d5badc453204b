"""The secrets of a stack on one machine: made on first use, kept in `<home>/secrets`, readable by their owner alone."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from stack.databases import API_LOGIN, INDEXER_LOGIN, LOGINS
from stack.errors import SettingMissing

RELAYER_INDEX = 1
ATTESTOR_INDEX = 2
"""Anvil's development accounts by what the stack uses them for."""

LOGIN_PASSWORDS = {INDEXER_LOGIN: "INDEXER_DATABASE_PASSWORD", API_LOGIN: "API_DATABASE_PASSWORD"}
"""The settings that name the passwords of the database logins."""


def ensure_jwt_key(home: Path) -> Path:
    """The PEM file of the P-256 key that signs access tokens (ES256, RFC 7518)."""
    file = home / "secrets" / "jwt.pem"
    if not file.exists():
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_secret(file, pem.decode())
    return file


def ensure_login_passwords(home: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The passwords of the database logins, by login: those of the operator's settings, else made at random.

    :raises SettingMissing: one is given and the other is not.
    """
    missing = [setting for setting in LOGIN_PASSWORDS.values() if setting not in given]
    if not missing:
        return {login: given[setting] for login, setting in LOGIN_PASSWORDS.items()}
    if len(missing) < len(LOGIN_PASSWORDS):
        raise SettingMissing(missing, "the password of the other login is given")
    file = home / "secrets" / "database-logins.json"
    if not file.exists():
        write_secret(file, json.dumps({login: secrets.token_urlsafe(24) for login in LOGINS}, indent=2) + "\n")
    content: dict[str, str] = json.loads(file.read_text())
    return content


def ensure_development_keys(home: Path) -> dict[str, str]:
    """The keys that sign on the embedded chain, by setting name; published ones, worthless anywhere else."""
    file = home / "secrets" / "development-keys.json"
    if not file.exists():
        from stack.anvil_node import development_key

        keys = {
            "RELAYER_PRIVATE_KEY": development_key(RELAYER_INDEX),
            "ATTESTOR_PRIVATE_KEY": development_key(ATTESTOR_INDEX),
        }
        write_secret(file, json.dumps(keys, indent=2) + "\n")
    content: dict[str, str] = json.loads(file.read_text())
    return content


def ensure_artist_key(home: Path) -> str:
    """The key of the demo's artist, made at random; it signs, and needs no funds."""
    file = home / "secrets" / "artist.key"
    if not file.exists():
        write_secret(file, f"0x{secrets.token_hex(32)}\n")
    return file.read_text().strip()


def write_secret(file: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as out:
        out.write(text)
    draft.replace(file)
