"""GraphQL in The Graph's dialect, over a catalog in which everything has happened."""

import json
from typing import Any

import httpx
import pytest
from httpx_sse import aconnect_sse

from api.graphql.entities import ENTITIES, NOT_ENTITIES
from api.graphql.routes import executor
from api.graphql.schemas import GraphQLRequest
from stemma.catalog import views
from tests.api.reading.conftest import Told
from tests.api.reading.counting import Counted
from tests.indexer.house_on_chain import address

pytestmark = pytest.mark.anyio


async def ask(http: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = await http.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    assert "errors" not in body, body["errors"]
    return body["data"]


async def refused(http: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = await http.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200
    body = answer.json()
    assert "data" not in body
    return body["errors"][0]


def test_every_view_is_in_the_schema() -> None:
    assert {table.name for table in views.metadata.tables.values()} == {*ENTITIES, *NOT_ENTITIES}


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda entity: entity.name)
async def test_every_field_of_every_entity_can_be_read_and_ids_name_rows(entity, http: httpx.AsyncClient) -> None:
    schema = await ask(
        http, f'{{__type(name: "{entity.type_name}") {{fields {{name type {{kind ofType {{kind}}}}}}}}}}'
    )
    plain = [
        each["name"]
        for each in schema["__type"]["fields"]
        if "OBJECT" not in json.dumps(each) and "LIST" not in json.dumps(each["type"])
    ]
    found = await ask(http, f"{{rows: {entity.many}(first: 1000) {{{' '.join(plain)}}}}}")
    rows = found["rows"]
    assert len({row["id"] for row in rows}) == len(rows), "the key does not name a row"
    assert [row["id"] for row in rows]
    first = await ask(http, f"query ($id: ID!) {{row: {entity.one}(id: $id) {{{' '.join(plain)}}}}}", id=rows[0]["id"])
    assert first["row"] == rows[0]
    walked, after = [], None
    while True:
        where = "" if after is None else f', where: {{id_gt: "{after}"}}'
        page = (await ask(http, f"{{rows: {entity.many}(first: 7{where}) {{id}}}}"))["rows"]
        if not page:
            break
        walked += [row["id"] for row in page]
        after = page[-1]["id"]
    assert walked == [row["id"] for row in rows]


SHARED = "query ($after: ID!, $time: BigInt) {recordings(where: {id_gt: $after, registeredAt_gte: $time}) {id}}"


def shape_of(query: str, **variables: Any) -> Any:
    [group] = executor.prepare(GraphQLRequest(query=query, variables=variables)).groups.values()
    return group.statement


def test_requests_that_differ_in_values_share_a_statement() -> None:
    first = shape_of(SHARED, after="0x" + "00" * 28, time="0")
    assert shape_of(SHARED, after="0x" + "ff" * 28, time="1800000000") is first
    assert shape_of(SHARED.replace("id_gt", "id_lt"), after="0x" + "00" * 28, time="0") is not first
    one, other = (shape_of(f'{{recording(id: "0x{byte * 28}") {{id}}}}') for byte in ("00", "11"))
    assert one is other
    small, wide = (shape_of(f"{{payments(where: {{amount_gt: {2**bits}}}) {{id}}}}") for bits in (62, 63))
    assert small is not wide, "a number of 64 bits compares along an index"


async def test_a_shared_statement_answers_each_with_its_own(told: Told, http: httpx.AsyncClient) -> None:
    everything = [each["id"] for each in (await ask(http, "{recordings(first: 1000) {id}}"))["recordings"]]
    for after in everything:
        found = (await ask(http, SHARED, after=after, time="0"))["recordings"]
        assert [each["id"] for each in found] == [each for each in everything if each > after]
        assert (await ask(http, "query ($id: ID!) {recording(id: $id) {id}}", id=after))["recording"]["id"] == after
    assert (await ask(http, SHARED, after="0x" + "00" * 28, time=str(2**40)))["recordings"] == []


async def test_fifty_recordings_with_all_that_belongs_to_them_take_one_statement(
    told: Told, http: httpx.AsyncClient
) -> None:
    with Counted(told) as counted:
        data = await ask(
            http,
            """{recordings(first: 50) {id title
                stems {id kind title {holder}} titles {workId holder} licenses {id price terms {kind}}
                children(first: 5) {recording {id royaltyEntries {ppm ancestor {id}}}} owed {account amount} }
               _meta {block {number hash timestamp} hasIndexingErrors deployment}}""",
        )
    assert len(counted.statements) == 1
    assert len(data["recordings"]) == len(told.recordings)
    assert any(each["licenses"] for each in data["recordings"])
    assert any(stem["title"] for each in data["recordings"] for stem in each["stems"])
    assert data["_meta"]["hasIndexingErrors"] is False
    assert data["_meta"]["deployment"] == told.chain.deployment.source_digest


async def test_where_in_the_words_of_the_graph(told: Told, http: httpx.AsyncClient) -> None:
    anna = address(1).lower()

    async def ids(where: str) -> set[str]:
        return {
            row["id"] for row in (await ask(http, f"{{recordings(first: 1000, where: {where}) {{id}}}}"))["recordings"]
        }

    everything = await ids("{}")
    hers = await ids(f'{{creator: "{anna}"}}')
    assert hers
    assert hers < everything
    assert await ids(f'{{creator_not: "{anna}"}}') == everything - hers
    assert await ids(f'{{creator_in: ["{anna}"]}}') == hers
    assert await ids("{creator_in: []}") == set()
    assert await ids(f'{{creator_not_in: ["{anna}"]}}') == everything - hers
    assert await ids(f'{{creator_contains: "{anna[:12]}"}}') == hers
    assert await ids(f'{{or: [{{creator: "{anna}"}}, {{parentCount_gt: 0}}]}}') >= hers
    remixes = await ids("{parentCount_gte: 1}")
    assert remixes == await ids("{parents_: {ppm_gte: 0}}")
    assert await ids(f'{{and: [{{creator: "{anna}"}}, {{parentCount: 0}}]}}') == hers - remixes
    assert await ids("{title: null}") == everything
    assert await ids("{title_not: null}") == set()
    assert await ids('{title_contains_nocase: "100%_"}') == set()
    assert await ids("{registeredAt_gt: 0}") == everything
    assert await ids('{registeredAt_lt: "123456789012345678901234567890"}') == everything
    assert await ids("{_change_block: {number_gte: 99999999}}") == set()
    assert await ids("{stackPpm_not: 0}") == remixes & await ids("{stackPpm_gt: 0}")
    assert await ids("{licenses_: {kind: REMIX, recording_: {parentCount: 0}}}") <= everything
    data = await ask(
        http,
        '{terms_collection(where: {kind_not_in: [REMIX]}) {kind} licenses(where: {recording: "'
        + told.hex("song")
        + '"}) {id}}',
    )
    assert "REMIX" not in {row["kind"] for row in data["terms_collection"]}
    assert data["licenses"]


async def test_order_pages_fragments_variables_and_aliases(told: Told, http: httpx.AsyncClient) -> None:
    query = """query ($first: Int = 3, $skip: Int!, $with: Boolean!) {
      newest: recordings(first: $first, skip: $skip, orderBy: blockNumber, orderDirection: desc) {...One}
      oldest: recordings(first: 1000, orderBy: blockNumber) {...One}
    }
    fragment One on Recording {
      id __typename number: blockNumber ...on Recording {creator @include(if: $with)} creator @skip(if: true)
    }"""
    data = await ask(http, query, skip=1, **{"with": True})
    numbers = [int(row["number"]) for row in data["oldest"]]
    assert numbers == sorted(numbers)
    assert [row["id"] for row in data["newest"]] == [row["id"] for row in data["oldest"]][::-1][1:4] or len(
        set(numbers)
    ) < len(numbers)
    assert list(data["newest"][0]) == ["id", "__typename", "number", "creator"]
    unset = "query ($first: Int) {recordings(first: $first, skip: null, orderBy: null, orderDirection: null) {id}}"
    assert len((await ask(http, unset, first=None))["recordings"]) == len(data["oldest"])
    assert "creator" not in (await ask(http, query, skip=0, **{"with": False}))["newest"][0]


async def test_as_of_a_block_by_number_hash_and_at_least(told: Told, http: httpx.AsyncClient) -> None:
    remix = next(title for title, work in told.recordings.items() if told.chain.tables[work].entries)
    row = (await ask(http, "query ($id: ID!) {recording(id: $id) {blockNumber blockHash}}", id=told.hex(remix)))[
        "recording"
    ]
    born = int(row["blockNumber"])
    data = await ask(
        http,
        """query ($id: ID!, $before: Int!, $hash: Bytes!) {
          now: recording(id: $id) {id}  before: recording(id: $id, block: {number: $before}) {id}
          then: recording(id: $id, block: {hash: $hash}) {id}
          least: recording(id: $id, block: {number_gte: $before}) {id}
          _meta(block: {number: $before}) {block {number}} }""",
        id=told.hex(remix),
        before=born - 1,
        hash=row["blockHash"],
    )
    assert (data["before"], data["_meta"]["block"]["number"]) == (None, born - 1)
    assert data["now"] == data["then"] == data["least"] == {"id": told.hex(remix)}
    assert (await refused(http, "{recordings(block: {number: 99999999}) {id}}"))["extensions"][
        "code"
    ] == "block_out_of_reach"
    assert (await refused(http, "{recordings(block: {number_gte: 99999999}) {id}}"))["extensions"][
        "code"
    ] == "block_not_indexed"
    unknown = "0x" + "ab" * 32
    assert (await refused(http, f'{{recordings(block: {{hash: "{unknown}"}}) {{id}}}}'))["extensions"][
        "code"
    ] == "block_not_indexed"


@pytest.mark.parametrize(
    ("query", "code", "says"),
    [
        ("{recordings(first: 1001) {id}}", "query_invalid", "0 to 1000"),
        ("{recordings(skip: 5001) {id}}", "query_invalid", "0 to 5000"),
        ("{recordings {nope}}", "query_invalid", "nope"),
        ("{recordings(where: {nope: 1}) {id}}", "query_invalid", "nope"),
        ("{recordings(where: {stackPpm_gt: null}) {id}}", "query_invalid", "`stackPpm_gt` takes a value"),
        ("{recordings(where: {creator_in: null}) {id}}", "query_invalid", "`creator_in` takes a value"),
        ('{recordings(where: {creator: "12"}) {id}}', "query_invalid", "hex digits"),
        ("{", "query_invalid", "Syntax Error"),
        ("{recordings(first: 1000) {stems(first: 1000) {id}}}", "query_too_costly", "250000 rows"),
        (
            "{recordings(first: 1) " + "{parents(first: 1) {recording " * 4 + "{id}" + "}}" * 4 + "}",
            "query_too_deep",
            "deeper than 8",
        ),
        (
            "{recordings(where: " + "{and: [" * 500 + "{}" + "]}" * 500 + ") {id}}",
            "query_invalid",
            "nested too deeply",
        ),
        ("query A {recordings {id}} query B {stems {id}}", "query_invalid", "operationName"),
        ("{recordings(block: {number: 1, number_gte: 2}) {id}}", "query_invalid", "one of"),
        ("{recordings {%s: id}}" % ("a" * 64), "query_invalid", "63 bytes"),
        ("subscription {blocks {number}}", "query_invalid", "event-stream"),
    ],
)
async def test_limits_and_mistakes_are_told(http: httpx.AsyncClient, query: str, code: str, says: str) -> None:
    error = await refused(http, query)
    assert error["extensions"]["code"] == code, error
    assert says in error["message"]
    modern = await http.post("/graphql", json={"query": query}, headers={"Accept": "application/graphql-response+json"})
    assert modern.status_code == 400


async def test_by_url_and_unchanged(told: Told, http: httpx.AsyncClient) -> None:
    asked = {"query": "query ($n: Int) {recordings(first: $n) {id}}", "variables": '{"n": 1}'}
    first = await http.get("/graphql", params=asked)
    assert len(first.json()["data"]["recordings"]) == 1
    assert first.json()["extensions"]["asOf"]["chainId"] == 31337
    again = await http.get("/graphql", params=asked, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    sdl = (await http.get("/graphql/schema")).text
    assert "type Recording {" in sdl
    assert "input Recording_filter {" in sdl


async def test_subscriptions_tell_blocks_and_changes(told: Told, http: httpx.AsyncClient) -> None:
    async def first(query: str, count: int) -> list[dict[str, Any]]:
        headers = {"Accept": "text/event-stream"}
        async with aconnect_sse(http, "POST", "/graphql", json={"query": query}, headers=headers) as source:
            found = []
            async for each in source.aiter_sse():
                found.append(json.loads(each.data))
                if len(found) == count:
                    break
        return found

    [block] = await first("subscription {blocks {number finality}}", 1)
    assert block["data"]["blocks"]["number"] > 0
    changes = await first("subscription {changes(after: 0) {seq eventName reverted payload}}", 5)
    assert [int(each["data"]["changes"]["seq"]) for each in changes] == sorted(
        int(each["data"]["changes"]["seq"]) for each in changes
    )
    licenses = await first('subscription {changes(after: "0", eventName_in: ["license.granted"]) {eventName}}', 2)
    assert {each["data"]["changes"]["eventName"] for each in licenses} == {"license.granted"}
    [wrong] = await first("subscription {nope}", 1)
    assert wrong["errors"][0]["extensions"]["code"] == "query_invalid"
