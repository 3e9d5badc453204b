"""What the API really asks of a large catalog: each statement has an index beneath it and reads few rows.

The catalog has 20,000 recordings here. `STEMMA_FILLED_DATABASE` names another, such as one of a million that
`stack.catalog_rows` filled (administrator's URL): the bounds are the same.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from tests.api.reading.conftest import Large

pytestmark = pytest.mark.anyio

MOST_ROWS = 5_000
"""Of any table in one statement: `api.catalog.filters.NEAR`, and what the page itself takes."""

LARGE = 2_000
"""A table with fewer rows may be read whole."""

GRAPHQL = (
    '{ recordings(first: 50, where: {id_gt: "0xf0"}) { id title stems {id kind title {holder}} titles {holder}'
    " licenses {price terms {territory}} royaltyEntries {ppm} } }"
)


HOT = {
    "the newest": "/catalog?limit=50",
    "a page in the middle": "/catalog?limit=50&cursor=<cursor>",
    "of an address": "/catalog?artist=<creator>&limit=50",
    "of a name": "/catalog?artist=Artist%2017&limit=50",
    "only remixes": "/catalog?remix=true&limit=50&cursor=<cursor>",
    "made from": "/catalog?ancestor=<parent>&limit=50",
    "of a kind of stem": "/catalog?kind=drums&limit=50",
    "of a time": "/catalog?from=2026-01-01T00:00:00Z&limit=50",
    "of a time long ago": "/catalog?from=2026-01-01T00:00:00Z&to=2026-01-01T00:05:00Z&limit=50",
    "of a model": "/catalog?model=demucs-htdemucs-6s&limit=50&cursor=<cursor>",
    "of a model that nobody has": "/catalog?model=nope&limit=50",
    "of a model and an address": "/catalog?model=demucs-htdemucs-6s&artist=<creator>&limit=50",
    "of an address and a time": "/catalog?artist=<creator>&from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z",
    "remixes of an address": "/catalog?artist=<creator>&remix=true&limit=50",
    "of a tempo and a key": "/catalog?bpmMin=96&bpmMax=104&key=A%20minor&limit=50",
    "of a tag and a tempo": "/catalog?tag=tag7&bpmMin=60&bpmMax=179&limit=10",
    "made from, by an address": "/catalog?ancestor=<parent>&artist=<creator>&limit=50",
    "of a kind of stem and a model": "/catalog?kind=drums&model=demucs-htdemucs-6s&limit=50",
    "on sale": "/catalog?licenseKind=remix&limit=10",
    "on sale by an address": "/catalog?licenseKind=remix&artist=<creator>&limit=50",
    "on sale for a token that nobody takes": "/catalog?token=0x00000000000000000000000000000000000000aa&limit=50",
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
    "newest transfers": "/transfers?limit=50",
    "transfers of a work": "/catalog/<work>/transfers?limit=50",
    "transfers to an account": "/transfers?toAccount=<creator>&limit=50",
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
HOT |= {
    f"in GraphQL, {name}": f"/graphql?query={query}"
    for name, query in {
        "the newest": "{recordings(first: 50, orderBy: blockNumber, orderDirection: desc) {id stems {kind}}}",
        "by time": '{recordings(first: 50, orderBy: registeredAt, where: {registeredAt_gt: "1767225700"}) {id}}',
        "of an address": '{recordings(first: 50, orderBy: blockNumber, where: {creator: "<creator>"}) {id title}}',
        "licensed": "{recordings(orderBy: blockNumber, where: {licenses_: {kind: REMIX}}, first: 50) {id title}}",
        "licensed by an account": '{recordings(where: {licenses_: {holder: "<holder>"}}) {id title}}',
        "licenses of a holder": '{licenses(where: {holder: "<holder>"}) {id recording {title}}}',
        "children": '{recording(id: "<parent>") {children {recording {title}}}}',
        "newest transfers": "{transfers(first: 50, orderBy: blockNumber, orderDirection: desc) {id title {holder}}}",
        "stems that are a file": '{stems(where: {sha256: "<sha256>"}) {id recording {title}}}',
        "owed to an account": '{owed_collection(where: {account: "<creator>"}) {id amount}}',
    }.items()
}
SEARCHES = {
    "words": "/catalog?q=cafe%20somebody%20123&limit=50",
    "the best of few": "/catalog?q=artist%2017&sort=relevance&limit=50",
    "on sale for a price": "/catalog?licenseKind=remix&maxPrice=1000500&limit=50",
    "on sale for little": "/catalog?licenseKind=remix&maxPrice=1000020&limit=50",
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
