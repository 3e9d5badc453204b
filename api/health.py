"""Is the process alive, and can it do its work?"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api import problems
from api.catalog import repository as catalog
from api.dependencies import ResourcesDependency
from api.resources import Resources
from stemma.cid import RAW, Cid
from stemma.errors import AppError

router = APIRouter(tags=["health"])
_log = structlog.get_logger(__name__)

MAX_INDEX_LAG_BLOCKS = 50
_CHECK_SECONDS = 3.0
_PROBE = Cid.of_block(RAW, b"a file that nobody stores, to see whether storage answers")


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"


class Check(BaseModel):
    """One part that the API needs; ``reason`` says why it is not ready."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    name: str
    ready: bool
    reason: str | None = None


class Readiness(BaseModel):
    """Whether requests can be served, part by part."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    ready: bool
    checks: list[Check]
    index_block: int | None
    chain_block: int | None


class _NotReady(AppError):
    pass


@router.get("/healthz", operation_id="getHealth", summary="Is the process alive?")
async def get_health() -> Health:
    """Answer whenever the process runs, whatever else is down."""
    return Health()


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Can requests be served?",
    responses={503: {"model": Readiness, "description": "A part is missing; its check names the reason"}},
)
async def get_readiness(resources: ResourcesDependency, response: Response) -> Readiness:
    """Check database, Redis, storage, the contracts, and how far the index is behind the chain."""
    blocks: dict[str, int] = {}

    async def chain() -> None:
        blocks["chain"] = int(await resources.rpc.call("eth_blockNumber"), 16)

    async def index() -> None:
        async with resources.engine.connect() as connection:
            head = await catalog.current_head(connection)
        if head is None:
            raise _NotReady("the index has not seen a block yet")
        blocks["index"] = head.head_block_number

    checks = list(
        await asyncio.gather(
            _check("database", lambda: _database(resources)),
            _check("redis", lambda: _redis(resources)),
            _check("storage", lambda: _storage(resources)),
            _check("contracts", lambda: _contracts(resources)),
            _check("chain", chain),
            _check("index", index),
        )
    )
    checks.append(_lag(blocks))
    ready = all(check.ready for check in checks)
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, checks=checks, index_block=blocks.get("index"), chain_block=blocks.get("chain"))


async def _check(name: str, look: Callable[[], Awaitable[None]]) -> Check:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await look()
    except TimeoutError:
        return Check(name=name, ready=False, reason=f"no answer within {_CHECK_SECONDS:g} seconds")
    except AppError as error:
        return Check(name=name, ready=False, reason=problems.public_detail(error))
    except (SQLAlchemyError, RedisError, OSError) as error:
        _log.warning("a check failed", check=name, reason=str(error))
        return Check(name=name, ready=False, reason=type(error).__name__)
    return Check(name=name, ready=True)


def _lag(blocks: dict[str, int]) -> Check:
    if len(blocks) < 2:
        return Check(name="index_lag", ready=False, reason="not known while the chain or the index does not answer")
    lag = blocks["chain"] - blocks["index"]
    if lag > MAX_INDEX_LAG_BLOCKS:
        return Check(name="index_lag", ready=False, reason=f"the index is {lag} blocks behind the chain")
    return Check(name="index_lag", ready=True)


async def _database(resources: Resources) -> None:
    async with resources.engine.connect() as connection:
        await connection.execute(text("select 1 from app.uploads limit 1"))


async def _redis(resources: Resources) -> None:
    await resources.redis.ping()


async def _storage(resources: Resources) -> None:
    """Deleting what nobody stores asks both places whether they have it, and never a network, as reading would."""
    for private in (True, False):
        await resources.storage.delete(_PROBE, private=private)


async def _contracts(resources: Resources) -> None:
    resources.deployment()
