"""Which parts of the stack are embedded, and the settings that every process gets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stack.anvil import CHAIN_ID, anvil_url
from stack.databases import Database
from stack.errors import SettingMissing, SettingWrong
from stack.home import ROOT
from stack.keys import LOGIN_PASSWORDS
from stack.ports import LOOPBACK
from stack.redis import redis_url

SERVICES = ("api", "api-jobs", "indexer", "worker")
PORT_NAMES = ("postgres", "redis", "anvil", "pubsub", "api", *(f"metrics-{name}" for name in SERVICES))
OF_PREPARE = {"DEPLOYER_PRIVATE_KEY", *LOGIN_PASSWORDS.values()}
"""Secrets that no service needs."""

PATH_SETTINGS = ("GOOGLE_APPLICATION_CREDENTIALS", "JWT_PRIVATE_KEY_FILE", "STEM_MODEL_REPO")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the operator gave; each given part replaces the embedded one, which is then not started."""

    home: Path
    given: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, home: Path, env_file: Path | None = ROOT / ".env") -> Parts:
        """Read the environment and, below it in rank, the `.env` file. Empty values count as absent."""
        from dotenv import dotenv_values

        of_file = dotenv_values(env_file) if env_file is not None and env_file.exists() else {}
        return cls(home, {name: value for source in (of_file, os.environ) for name, value in source.items() if value})

    @property
    def embeds_postgres(self) -> bool:
        return "DATABASE_URL" not in self.given

    @property
    def embeds_redis(self) -> bool:
        return "REDIS_URL" not in self.given

    @property
    def embeds_anvil(self) -> bool:
        return "RPC_URLS" not in self.given

    @property
    def embeds_pubsub(self) -> bool:
        return not {"PUBSUB_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"} & self.given.keys()

    @property
    def chain_id(self) -> int:
        """:raises SettingWrong: `CHAIN_ID` is no number. :raises SettingMissing: it needs a node, and none is given."""
        given = self.given.get("CHAIN_ID", str(CHAIN_ID))
        if not given.isdecimal():
            raise SettingWrong(f"CHAIN_ID is {given!r}, which is no chain id")
        if self.embeds_anvil and int(given) != CHAIN_ID:
            raise SettingMissing(["RPC_URLS"], f"CHAIN_ID is {given} and the embedded chain is {CHAIN_ID}")
        return int(given)

    @property
    def is_development_chain(self) -> bool:
        """Whether the published development keys may be used: nobody's money is on chain 31337."""
        return self.chain_id == CHAIN_ID

    @property
    def deployments_dir(self) -> Path:
        """Deployments on the embedded chain belong to the home folder, as the chain does."""
        if "DEPLOYMENTS_DIR" in self.given:
            return ROOT / self.given["DEPLOYMENTS_DIR"]
        return self.home / "deployments" if self.embeds_anvil else ROOT / "deployments"


def stack_environment(parts: Parts, ports: Mapping[str, int], keys: Mapping[str, str]) -> dict[str, str]:
    """The settings that all processes share, as environment variables.

    :param keys: the development keys by setting name; used on the development chain only.
    :raises SettingMissing: a real chain is given without the keys that sign on it.
    """
    home = parts.home
    api_port = parts.given.get("API_PORT") or str(ports["api"])
    environment = dict(parts.given)
    # The processes work in the home folder; whoever wrote the setting meant the checkout.
    environment |= {name: str(ROOT / environment[name]) for name in PATH_SETTINGS if name in environment}
    defaults = {
        "STORAGE_URL": (home / "storage").as_uri(),
        "API_HOST": LOOPBACK,
        "API_PORT": api_port,
        "PUBLIC_URL": api_origin(parts.given.get("API_HOST", LOOPBACK), api_port),
        "JWT_PRIVATE_KEY_FILE": str(home / "secrets" / "jwt.pem"),
        "STEM_MODEL_REPO": str(home / "models"),
    }
    if parts.is_development_chain:
        defaults |= keys
    for name, value in defaults.items():
        environment.setdefault(name, value)
    missing = [name for name in keys if name not in environment]
    if missing:
        raise SettingMissing(missing, f"RPC_URLS points at chain {parts.chain_id}")
    if parts.embeds_redis:
        environment["REDIS_URL"] = redis_url(ports["redis"])
    if parts.embeds_anvil:
        environment["RPC_URLS"] = anvil_url(ports["anvil"])
    if parts.embeds_pubsub:
        environment["PUBSUB_EMULATOR_HOST"] = f"{LOOPBACK}:{ports['pubsub']}"
    environment["CHAIN_ID"] = str(parts.chain_id)
    environment["DEPLOYMENTS_DIR"] = str(parts.deployments_dir)
    environment["STEMMA_HOME"] = str(home)
    environment["PYTHONUNBUFFERED"] = "1"
    # Nine processes that compile everything they import would take most of a minute to start.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def api_origin(host: str, port: str) -> str:
    """The origin under which this machine reaches an API that listens on `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - read, not bound
        host = LOOPBACK
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def process_environment(
    name: str, shared: Mapping[str, str], database: Database, ports: Mapping[str, int]
) -> dict[str, str]:
    """The environment of one service: the shared settings, its own login and its own metrics port.

    A process gets no key that it does not sign with.
    """
    environment = {name: value for name, value in shared.items() if name not in OF_PREPARE}
    urls = {"indexer": database.indexer_url, "api": database.api_url, "api-jobs": database.api_url}
    environment["DATABASE_URL"] = urls.get(name, "")  # the worker speaks to Pub/Sub and storage alone
    if environment.get("METRICS_PORT") != "0":
        environment["METRICS_PORT"] = str(ports[f"metrics-{name}"])  # one given for all would serve one of them
    node = shared.get("RPC_URLS")
    if name == "indexer" and "anvil" in ports and node == anvil_url(ports["anvil"]):
        environment["RPC_URLS"] = f"{node},{node.replace('http', 'ws', 1)}"  # anvil tells of heads on the same port
    if name != "worker":
        environment.pop("ATTESTOR_PRIVATE_KEY", None)
    if name != "api-jobs":
        environment.pop("RELAYER_PRIVATE_KEY", None)
    if name != "api":
        environment.pop("JWT_PRIVATE_KEY_FILE", None)
    return environment
