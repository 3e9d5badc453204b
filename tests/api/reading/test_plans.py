"""What the API really asks of a large catalog: each statement has an index beneath it and reads few rows.

The catalog has 20,000 recordings here. `STEMMA_FILLED_DATABASE` names another, such as one of a million that
`stack.catalog_rows` filled (administrator's URL): the bounds are the same.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import event

from api.catalog.cursors import Place, encode
from stack.catalog_rows import fill
from stack.databases import Database, ensure_logins, with_database
from stack.postgres import PostgresServer
from tests.api.conftest import RunningApi, make_settings, serving

pytestmark = pytest.mark.anyio

RECORDINGS = 20_000
MOST_ROWS = 5_000
"""Of any table in one statement: `api.catalog.filters.NEAR`, and what the page itself takes."""

LARGE = 2_000
"""A table with fewer rows may be read whole."""

GRAPHQL = (
    '{ recordings(first: 50, where: {id_gt: "0xf0"}) { id title stems {id kind title {holder}} titles {holder}'
    " licenses {price terms {territory}} royaltyEntries {ppm} } }"
)


@dataclass(frozen=True)
class Large:
    """A server over a large catalog, and names of things in its midst."""

    api: RunningApi
    http: httpx.AsyncClient
    names: dict[str, str]


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer, database_template: str, login_passwords: dict[str, str]) -> Iterator[Database]:
    given = os.environ.get("STEMMA_FILLED_DATABASE")
    if given:
        ensure_logins(given, login_passwords)
        yield Database.of(given, login_passwords)
        return
    name = "stemma_test_plans"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {database_template} strategy file_copy")
    fill(postgres.url(name), RECORDINGS)
    yield Database.of(with_database(postgres.url(), name), login_passwords)
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
async def large(
    filled: Database,
    redis_server: str,
    pubsub: str,
    deployment_state: tuple[Path, Path],
    jwt_key_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Large]:
    settings = make_settings(
        database_url=filled.api_url,
        redis_url=redis_server,
        rpc_url="http://127.0.0.1:1",
        deployments_dir=deployment_state[1],
        folder=tmp_path_factory.mktemp("plans"),
        jwt_key_file=jwt_key_file,
        pubsub=(pubsub, "plans"),
    )
    async with serving(settings) as api, httpx.AsyncClient(base_url=api.url, timeout=120) as http:
        yield Large(api, http, _names(filled))


def _names(database: Database) -> dict[str, str]:
    with psycopg.connect(database.admin_url) as connection:
        row = connection.execute(
            "select r.recording_id, r.creator, r.parent_recording_id, l.license_id, l.terms_id, l.holder, b.middle"
            " from (select max(block_number) / 2 as middle from chain_1.recordings) b cross join lateral (select"
            " recording_id, creator, parent_recording_id from chain_1.recordings join chain_1.parents"
            " using (recording_id) where recordings.block_number >= middle limit 1) r cross join lateral (select *"
            " from chain_1.licenses where block_number >= middle order by block_number limit 1) l"
        ).fetchone()
    assert row is not None
    work, creator, parent, license_id, terms_id, holder = (f"0x{bytes(each).hex()}" for each in row[:6])
    names = {"work": work, "creator": creator, "parent": parent, "license": license_id, "terms": terms_id}
    return names | {"holder": holder, "cursor": encode(Place(row[6], 0)), "stem": work[:-2] + "03"}


HOT = {
    "the newest": "/catalog?limit=50",
    "a page in the middle": "/catalog?limit=50&cursor=<cursor>",
    "of an address": "/catalog?artist=<creator>&limit=50",
    "of a name": "/catalog?artist=Artist%2017&limit=50",
    "only remixes": "/catalog?remix=true&limit=50&cursor=<cursor>",
    "made from": "/catalog?ancestor=<parent>&limit=50",
    "of a kind of stem": "/catalog?kind=drums&limit=50",
    "of a time": "/catalog?from=2026-01-01T00:00:00Z&limit=50",
    "of a model": "/catalog?model=demucs-htdemucs-6s&limit=50&cursor=<cursor>",
    "of a model that nobody has": "/catalog?model=nope&limit=50",
    "of a tempo": "/catalog?bpmMin=96&bpmMax=104&limit=50",
    "of a key": "/catalog?key=A%20minor&limit=50",
    "of a tag": "/catalog?tag=tag7&limit=50",
    "of a duration": "/catalog?durationMinMs=120000&durationMaxMs=180000&limit=50",
    "a recording": "/catalog/<work>",
    "a stem": "/catalog/<stem>",
    "lineage": "/catalog/<work>/lineage?depth=4",
    "royalties": "/catalog/<work>/royalties",
    "proof": "/catalog/<work>/royalties/proof/<parent>",
    "licenses of a work": "/catalog/<work>/licenses?limit=50",
    "payments of a work": "/catalog/<work>/payments?limit=50",
    "newest licenses": "/licenses?limit=50",
    "licenses of a holder": "/licenses?holder=<holder>&limit=50",
    "licenses of a seller": "/licenses?seller=<creator>&limit=50",
    "a license": "/licenses/<license>",
    "newest payments": "/payments?limit=50",
    "terms": "/terms/<terms>",
    "the best of common words": "/catalog?q=night%20song&sort=relevance&limit=50",
    "what looks like a common word": "/catalog?q=sonng&limit=50",
    "on sale by a holder": "/attachments?holder=<creator>",
    "on sale of a work": "/attachments?work=<work>",
    "an artist": "/artists/<creator>",
    "logs of a range": "/api?module=logs&action=getLogs&fromBlock=1500&toBlock=1600",
    "transfers of an account": "/api?module=account&action=tokennfttx&address=<creator>",
    "in GraphQL": f"/graphql?query={GRAPHQL}",
}
SEARCHES = {
    "words": "/catalog?q=cafe%20somebody%20123&limit=50",
    "the best of few": "/catalog?q=artist%2017&sort=relevance&limit=50",
    "on sale": "/catalog?licenseKind=remix&maxPrice=1000500&limit=50",
}
"""These read what they find before they choose the newest or the best of it: along an index, but not few rows."""


@pytest.mark.parametrize("path", HOT.values(), ids=HOT)
async def test_a_hot_request_reads_few_rows(large: Large, path: str) -> None:
    for statement, plan in await plans(large, path):
        read = rows_read(plan)
        assert max(read.values(), default=0) <= MOST_ROWS, (read, statement, json.dumps(plan))


@pytest.mark.parametrize("path", SEARCHES.values(), ids=SEARCHES)
async def test_a_search_reads_no_table_from_end_to_end(large: Large, path: str) -> None:
    for statement, plan in await plans(large, path):
        assert not whole(plan), (statement, json.dumps(plan))


async def test_pages_by_relevance_go_on_where_the_one_before_ended(large: Large) -> None:
    path, seen = "/catalog?q=night%20song&sort=relevance&limit=40", []
    for _ in range(3):
        page = (await large.http.get(path)).json()
        seen += [item["title"] for item in page["items"]]
        path = f"{path.split('&cursor', maxsplit=1)[0]}&cursor={page['next']}"
    assert len(set(seen)) == 120
    assert all(title.startswith("Night Song") for title in seen)


async def plans(large: Large, path: str) -> list[tuple[str, dict[str, Any]]]:
    """The statements that a request takes, each with its plan as it was carried out."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if "catalog.feed" not in statement and statement.startswith(("SELECT", "WITH")):
            sent.append((statement, parameters))

    engine = large.api.resources.reader.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        for part, name in large.names.items():
            path = path.replace(f"<{part}>", name)
        answer = await large.http.get(path)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert answer.status_code == 200, answer.text
    assert sent
    found = []
    async with large.api.resources.reader.connect() as connection:
        for statement, parameters in sent:
            explained = await connection.exec_driver_sql(f"explain (analyze, format json) {statement}", parameters)
            found.append((statement, explained.scalar_one()[0]["Plan"]))
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def rows_read(plan: dict[str, Any]) -> dict[str, float]:
    """Table -> most rows that one node of the plan took from it, kept or not."""
    found: dict[str, float] = {}
    for node in nodes(plan):
        if "Relation Name" in node:
            rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            found[node["Relation Name"]] = max(found.get(node["Relation Name"], 0), rows)
    return found


def whole(plan: dict[str, Any]) -> set[str]:
    """The large tables that a plan reads from one end to the other."""
    return {
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan"
        and (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] > LARGE
    }
