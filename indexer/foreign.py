"""The engine on contracts that are not ours, from a small file: `stemma indexer run --config FILE`.

The file names endpoints, a first block, contracts with their ABIs, and a Python file with the tables and projections.
Everything lives in one schema of the database, made at the first run; `examples/erc721` is a whole one.
"""

import asyncio
import importlib.util
import os
import tomllib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from indexer.apply import Writer
from indexer.connections import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, asked_urls, connect, telling
from indexer.engine import Engine
from indexer.errors import Stop
from indexer.journal import make_journal, require_journalable
from indexer.layout import LAYOUTS, layouts
from indexer.leader import lead
from indexer.past import past_views
from indexer.progress import CatchUp
from indexer.projection import Contract, Projections, Router
from indexer.rpc import Node
from indexer.source import Source
from indexer.tables import State

_log = structlog.get_logger(__name__)

ENGINE_TABLES = """
create table cursor (
    singleton boolean primary key default true check (singleton),
    chain_id bigint not null,
    genesis_hash bytea not null,
    contracts jsonb not null,
    block_number bigint not null,
    block_hash bytea not null,
    block_time timestamptz not null,
    safe_block bigint not null,
    finalized_block bigint not null,
    history_block bigint not null
);
create table headers (
    number bigint primary key,
    hash bytea not null,
    parent_hash bytea not null,
    time timestamptz not null
);
create table logs (
    block_number bigint not null,
    log_index integer not null,
    tx_index integer not null,
    block_time timestamptz not null,
    block_hash bytea not null,
    tx_hash bytea not null,
    address bytea not null,
    topic0 bytea,
    topic1 bytea,
    topic2 bytea,
    topic3 bytea,
    data bytea not null,
    primary key (block_number, log_index)
);
create table feed (
    seq bigint generated always as identity primary key,
    event_name text not null,
    reverted boolean not null,
    block_number bigint not null,
    block_hash bytea not null,
    block_time timestamptz not null,
    tx_hash bytea not null,
    log_index integer not null,
    payload jsonb not null
);
create index feed_block on feed (block_number);
"""
"""What the migrations of `chain_<n>` make for the engine; a test holds the two together."""
ADVICE = "`stemma indexer run --config FILE` makes all tables where there is no schema: drop it to begin anew"
"""What to do where tables are missing."""


class ContractConfig(BaseModel):
    """A contract to follow; ``abi`` is a file beside the configuration."""

    model_config = ConfigDict(extra="forbid")

    name: str
    address: str = Field(pattern="^0x[0-9a-fA-F]{40}$")
    abi: Path


class Config(BaseModel):
    """The file's contents."""

    model_config = ConfigDict(extra="forbid")

    rpc_urls: list[str] = Field(default_factory=list)
    database_url: str = ""
    database_schema: str = Field(alias="schema", pattern="^[a-z_][a-z0-9_]{0,50}$")
    start_block: NonNegativeInt = 0
    projections: Path
    contracts: list[ContractConfig] = Field(min_length=1)
    chain_id: PositiveInt | None = None
    journal_blocks: NonNegativeInt = 0
    check_blooms: bool = True


@dataclass(frozen=True, slots=True)
class Foreign:
    """Contracts that are not ours, ready to be indexed."""

    config: Config
    contracts: Sequence[Contract]
    projections: Projections
    tables: str

    @property
    def lock(self) -> int:
        """The number that stands for the schema where one process leads: negative, unlike a generation."""
        return -(zlib.crc32(self.config.database_schema.encode()) & 0x3FFFFFFF) - 1


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Foreign:
    """Read a configuration and what it names; DATABASE_URL and RPC_URLS of the environment go before it.

    Raises:
        Stop: a file is missing or malformed; the detail says which and what is wrong.
    """
    try:
        config = Config.model_validate(tomllib.loads(path.read_text("utf-8")))
        contracts = [
            Contract(each.name, bytes.fromhex(each.address[2:]), _abi(path.parent / each.abi))
            for each in config.contracts
        ]
        module = _module(path.parent / config.projections)
    except (OSError, tomllib.TOMLDecodeError, ValidationError, msgspec.DecodeError, SyntaxError) as error:
        raise Stop(f"{path} cannot be used: {error}") from error
    tables, projections = getattr(module, "TABLES", None), getattr(module, "projections", None)
    if not isinstance(tables, str) or not isinstance(projections, Projections):
        raise Stop(f"{config.projections} must have `TABLES`, a string of SQL, and `projections`")
    urls = [url.strip() for url in environment.get("RPC_URLS", "").split(",") if url.strip()]
    config = config.model_copy(
        update={
            "rpc_urls": urls or config.rpc_urls,
            "database_url": environment.get("DATABASE_URL") or config.database_url,
        }
    )
    if not config.rpc_urls or not config.database_url:
        raise Stop(f"name endpoints (rpc_urls in {path}, or RPC_URLS) and a database (DATABASE_URL)")
    return Foreign(config, contracts, projections, tables)


async def make_schema(foreign: Foreign) -> Literal["made", "there"]:
    """Make the schema with the engine's and the projections' tables, their journals and their past, unless it is there.

    Raises:
        Stop: a projection's table is missing or cannot be journaled, or the SQL is refused.
    """
    schema = foreign.config.database_schema
    async with await AsyncConnection.connect(foreign.config.database_url) as db:
        await db.execute("select pg_advisory_xact_lock(%s)", (foreign.lock,))
        there = await (await db.execute("select to_regnamespace(%s)", (schema,))).fetchone()
        if there and there[0]:
            return "there"
        await db.execute(SQL("create schema {}").format(Identifier(schema)))
        await db.execute(SQL("set local search_path to {}").format(Identifier(schema)))
        try:
            await db.execute(ENGINE_TABLES)
            await db.execute(foreign.tables.encode())
        except psycopg.Error as error:
            raise Stop(f"the tables of {foreign.config.projections} cannot be made: {error}") from error
        found = layouts(await (await db.execute(LAYOUTS, (schema,))).fetchall())
        for table in foreign.projections.tables:
            if table.name not in found:
                raise Stop(f"{foreign.config.projections} fills table {table.name}, which its TABLES do not make")
            if isinstance(table, State):
                await db.execute(make_journal(schema, require_journalable(table, found[table.name])))
        for statement in past_views(schema, foreign.projections.tables, found):
            await db.execute(statement)
    return "made"


async def run_foreign(foreign: Foreign, *, until: int | None = None) -> None:
    """Index contracts that are not ours for ever, or until a block is applied.

    Raises:
        Stop: the indexer must not go on by itself.
    """
    config, router = foreign.config, Router(foreign.contracts, foreign.projections)
    pause, bar = FIRST_PAUSE_SECONDS, CatchUp()
    while True:
        try:
            await make_schema(foreign)
            async with (
                connect(config.database_url, config.database_schema, "writer") as writing,
                Node(asked_urls(config.rpc_urls), chain_id=config.chain_id) as node,
                telling(config.rpc_urls) as heads,
            ):
                await lead(writing, foreign.lock)
                source = Source(node, router.topics, checks_blooms=config.check_blooms, heads=heads)
                engine = Engine(
                    node,
                    source,
                    Writer(writing, router, advice=ADVICE),
                    first_block=config.start_block,
                    journal_blocks=config.journal_blocks,
                    on_applied=bar.applied,
                )
                return await engine.run(until)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            _log.warning("the database is away: trying again", because=str(error).strip(), seconds=pause)
        finally:
            bar.close()
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _abi(path: Path) -> list[dict[str, Any]]:
    """An ABI, alone or in an artifact of a compiler."""
    found = msgspec.json.decode(path.read_bytes())
    entries: list[dict[str, Any]] = found["abi"] if isinstance(found, dict) and "abi" in found else found
    return entries


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
