"""What docs/indexer.md says of adding a projection works as it stands there, and is as short as it says."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from indexer.blocks import Batch, Header, Log
from indexer.connections import connect
from indexer.derived import Derived
from indexer.foreign import Config, Foreign, make_schema
from indexer.projection import Contract, Events, Projections, Router
from indexer.tables import Row, announce
from stemma.works import WORK_ID_BYTES
from tests.indexer.scripted_chain import ADDRESSES

pytestmark = pytest.mark.anyio

SECTION = "## Adding a projection"
PINNED = {
    "type": "event",
    "name": "Pinned",
    "inputs": [
        {"name": "workId", "type": "uint224", "indexed": True},
        {"name": "by", "type": "address", "indexed": False},
    ],
}


def snippets(language: str) -> list[str]:
    """The section's blocks of code in a language."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "indexer.md").read_text().split(SECTION)[1].split("\n## ")[0]
    return [
        re.sub("^   ", "", block, flags=re.MULTILINE)
        for block in re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    ]


async def test_the_projection_of_the_docs_works_and_is_undone(database) -> None:
    (tables,), (code,) = snippets("sql"), snippets("python")
    assert len((tables + code).strip().splitlines()) < 30
    names: dict[str, Any] = {
        **{each.__name__: each for each in (Projections, NamedTuple, Iterator, Row, announce)},
        "Events": Events,
        "WORK_ID_BYTES": WORK_ID_BYTES,
        "__name__": "docs",
    }
    exec(code, names)
    config = Config.model_validate(
        {
            "schema": "pinning",
            "database_url": database.admin_url,
            "projections": "docs.py",
            "contracts": [{"name": "IPNFT", "address": "0x" + ADDRESSES["IPNFT"].hex(), "abi": "docs.json"}],
        }
    )
    contracts = [Contract("IPNFT", ADDRESSES["IPNFT"], [PINNED])]
    await make_schema(Foreign(config, contracts, names["projections"], tables))
    router, account = Router(contracts, names["projections"]), b"\x0a" * 20
    (topic,) = router.topics[ADDRESSES["IPNFT"]]
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def pinned(block: int, work: int) -> Batch:
        topics = (topic, work.to_bytes(32, "big"))
        log = Log(block, 0, 0, now, bytes(32), bytes(32), ADDRESSES["IPNFT"], topics, bytes(12) + account)
        return Batch(first_number=block, headers=[Header(block, bytes(32), bytes(32), now)], is_final=False, logs=[log])

    async with connect(database.admin_url, "pinning", "test") as db:
        derived = Derived(db, router)
        await derived.open()
        for batch in (pinned(7, 1), pinned(8, 2)):
            await derived.write(derived.prepare(batch, is_bulk=False))
        assert seen(database) == [((1).to_bytes(28, "big"), account, 7), ((2).to_bytes(28, "big"), account, 8)]
        await derived.undo(Header(7, bytes(32), bytes(32), now))
    assert seen(database) == [((1).to_bytes(28, "big"), account, 7)]
    with psycopg.connect(database.admin_url) as connection:
        told = connection.execute("select event_name, block_number, reverted from pinning.feed order by seq").fetchall()
    assert told == [("work.pinned", 7, False), ("work.pinned", 8, False), ("work.pinned", 8, True)]


def seen(database) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.admin_url) as connection:
        return connection.execute(
            "select work_id, by_account, block_number from pinning.pins order by block_number"
        ).fetchall()
