"""All programs of one stack, made from what is embedded and what is given."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass, field, replace
from pathlib import Path

from stack.anvil import anvil_program, anvil_url
from stack.chain_keeper import ChainKeeper
from stack.databases import Database
from stack.errors import SettingMissing
from stack.keys import ensure_development_keys, ensure_jwt_key, ensure_login_passwords, write_secret
from stack.parts import PORT_NAMES, SERVICES, Parts, api_origin, process_environment, stack_environment
from stack.ports import assign_ports
from stack.postgres import prepare_postgres
from stack.program import Program
from stack.pubsub_program import pubsub_program, stemma_command
from stack.redis import redis_program


@dataclass(frozen=True, slots=True)
class Plan:
    """What `stemma up` starts: first the servers and the preparation, then the services."""

    home: Path
    servers: tuple[Program, ...]
    prepare: Program
    services: tuple[Program, ...]
    urls: dict[str, str]
    environments: dict[str, dict[str, str]] = field(repr=False)
    chain_keeper: ChainKeeper | None = None

    def note_ready(self) -> None:
        """Tell programs that use the stack what it is: `<home>/run/ready.json`, for its owner's eyes."""
        content = {"pid": os.getpid(), "urls": self.urls, "environments": self.environments}
        write_secret(self.home / "run" / "ready.json", json.dumps(content))

    def note_stopping(self) -> None:
        (self.home / "run" / "ready.json").unlink(missing_ok=True)


def plan_stack(parts: Parts) -> Plan:
    """Choose ports, make what is missing (secrets, the Postgres cluster) and lay out every program.

    :raises StackError: something is not installed or a setting is missing.
    """
    home = parts.home
    home.mkdir(parents=True, exist_ok=True)
    ports = assign_ports(home / "ports.json", PORT_NAMES)
    ensure_jwt_key(home)
    shared = stack_environment(parts, ports, ensure_development_keys(home))
    servers: list[Program] = []
    keeper: ChainKeeper | None = None
    admin_url = parts.given.get("DATABASE_URL")
    if parts.embeds_postgres:
        postgres = prepare_postgres(home, ports["postgres"])
        servers.append(postgres.program())
        admin_url = postgres.url()
    if admin_url is None:
        raise SettingMissing(["DATABASE_URL"], "there is no database")
    if parts.embeds_redis:
        servers.append(redis_program(home / "redis", ports["redis"]))
    if parts.embeds_anvil:
        state = home / "anvil" / "state.json"
        servers.append(anvil_program(state, ports["anvil"]))
        keeper = ChainKeeper(anvil_url(ports["anvil"]), state)
    if parts.embeds_pubsub:
        servers.append(pubsub_program(home / "pubsub.sqlite", ports["pubsub"]))
    database = Database.of(admin_url, ensure_login_passwords(home, parts.given))
    environments = {name: process_environment(name, shared, database, ports) for name in SERVICES}
    environments["prepare"] = {**shared, "DATABASE_URL": admin_url}
    api = api_origin(shared["API_HOST"], shared["API_PORT"])
    return Plan(
        home=home,
        servers=tuple(servers),
        prepare=_stemma_program("prepare", home, environments["prepare"]),
        services=tuple(
            replace(_stemma_program(name, home, environments[name]), is_ready=lambda: _answers(f"{api}/readyz"))
            if name == "api"
            else _stemma_program(name, home, environments[name])
            for name in SERVICES
        ),
        urls={"API": api, "openapi": f"{api}/openapi.json", "catalog": f"{api}/catalog"},
        environments=environments,
        chain_keeper=keeper,
    )


_ARGUMENTS = {"indexer": ("indexer", "run")}


def _stemma_program(name: str, home: Path, environment: dict[str, str]) -> Program:
    """A process of ours. It works in the home folder, so that it reads no `.env` beside what the stack gives it."""
    return Program(
        name=name,
        argv=stemma_command(*_ARGUMENTS.get(name, (name,))),
        environment=environment,
        folder=home,
        is_ready=lambda: True,
        ready_seconds=60.0,
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
