"""Ancestry, royalties, licenses, sales, payments, sessions and disputes, against the contracts themselves."""

from typing import Any

import httpx
import psycopg
import pytest

from stemma import works
from stemma.chain import merkle
from stemma.chain.royalties import Entry
from tests.api.people import assert_problem
from tests.api.reading.conftest import Told
from tests.indexer.house_on_chain import NATIVE, address

pytestmark = pytest.mark.anyio


async def read(http: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body["asOf"]["chainId"] == 31337
    assert f"block={body['asOf']['block']}" in answer.headers["stemma-as-of"]
    assert answer.headers["etag"]
    return body


async def walked(http: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """All items, a page of two at a time."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await read(http, path, limit=2, **query, **cursor)
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = {"cursor": page["next"]}


def remixes(told: Told) -> list[str]:
    return [title for title, work in told.recordings.items() if told.chain.tables[work].entries]


async def test_royalties_are_the_registrys(told: Told, http: httpx.AsyncClient) -> None:
    assert remixes(told)
    for title, work in told.recordings.items():
        body = await read(http, f"/catalog/{told.hex(title)}/royalties")
        root, stack, count = told.chain.read("StemRegistry", "tableOf", work)
        assert (body["root"] or "0x" + "00" * 32, body["stackPpm"]) == ("0x" + root.hex(), stack)
        assert len(body["entries"]) == count
        assert body["remixRoom"] == {"ppm": 800_000 - stack, "ancestors": 128 - count}
        for account in body["accounts"]:
            of = int(account["workId"], 16), account["token"]
            on_chain = told.chain.read("RoyaltySplitter", "accountOf", *of)
            assert [int(account[name]) for name in ("received", "ownMoved", "income", "titleDrawn")] == list(on_chain)


async def test_a_proof_can_be_sent_to_the_contract_as_it_is(told: Told, http: httpx.AsyncClient) -> None:
    proven = claimed = 0
    for title in remixes(told):
        work = told.recordings[title]
        table = (await read(http, f"/catalog/{told.hex(title)}/royalties"))["entries"]
        for entry in table:
            body = await read(http, f"/catalog/{told.hex(title)}/royalties/proof/{entry['ancestorId']}")
            proof = [bytes.fromhex(each[2:]) for each in body["proof"]]
            ancestor = works.from_hex(entry["ancestorId"])
            assert told.chain.read("StemRegistry", "isEntry", work, ancestor, body["ppm"], proof)
            assert merkle.climb(Entry(ancestor, body["ppm"]).leaf, proof).hex() == body["root"][2:]
            proven += 1
            for claim in body["claims"]:
                call = claim["call"]
                sent = told.chain.node.rpc("eth_call", {"to": call["to"], "data": call["data"]}, "latest")
                assert int(sent, 16) == int(claim["amount"])
                claimed += 1
    assert proven >= 3
    assert claimed


async def test_what_is_owed_is_what_the_splitter_pays_after_all_claims(told: Told, http: httpx.AsyncClient) -> None:
    titles = [(await read(http, f"/catalog/{told.hex(title)}/royalties"))["owed"] for title in told.recordings]
    owed = [each for of_title in titles for each in of_title]
    assert {each["slot"] for each in owed} >= {0, "title"}
    assert any(int(each["amount"]) for each in owed)
    assert all(int(each["amount"]) >= 0 for each in owed)


async def test_there_is_no_proof_for_who_is_no_ancestor(told: Told, http: httpx.AsyncClient) -> None:
    path = f"/catalog/{told.hex('tune')}/royalties/proof/{told.hex('bare')}"
    assert_problem(await http.get(path), 404, "not_an_ancestor")
    assert_problem(await http.get(f"/catalog/0x{'0' * 56}/royalties"), 404, "work_not_found")


async def test_the_lineage_is_a_graph_with_the_licenses_consumed(told: Told, http: httpx.AsyncClient) -> None:
    for title in remixes(told):
        body = await read(http, f"/catalog/{told.hex(title)}/lineage", depth=32, direction="ancestors")
        distances = {node["workId"]: node["distance"] for node in body["nodes"]}
        assert distances.pop(told.hex(title)) == 0
        assert all(distance < 0 for distance in distances.values())
        assert not body["truncated"]
        ancestors = {
            works.to_hex(works.recording_of(e.work)) for e in told.chain.tables[told.recordings[title]].entries
        }
        assert ancestors <= set(distances)
        for edge in body["edges"]:
            found = await read(http, f"/licenses/{edge['licenseId']}")
            assert (found["remixId"], found["workId"]) == (edge["child"], edge["parentWork"])
        [some, *_] = distances
        back = await read(http, f"/catalog/{some}/lineage", depth=32, direction="descendants")
        assert told.hex(title) in {node["workId"] for node in back["nodes"]}
        near = await read(http, f"/catalog/{told.hex(title)}/lineage", depth=1)
        assert {abs(node["distance"]) for node in near["nodes"]} <= {0, 1}


async def test_licenses_by_every_filter(told: Told, http: httpx.AsyncClient) -> None:
    everything = await walked(http, "/licenses")
    assert len(everything) >= 4
    assert len({item["licenseId"] for item in everything}) == len(everything)
    for name, member in (
        *(("licensee", "licensee"), ("holder", "holder"), ("seller", "seller"), ("payer", "payer")),
        *(("terms", "termsId"), ("kind", "kind")),
    ):
        value = everything[0][member]
        wanted = [item["licenseId"] for item in everything if item[member] == value]
        assert [item["licenseId"] for item in await walked(http, "/licenses", **{name: value})] == wanted, name
    for item in everything:
        details = await read(http, f"/licenses/{item['licenseId']}")
        number = int(item["licenseId"], 16)
        assert details["terms"]["termsId"] == item["termsId"]
        assert details["valid"] == told.chain.read("Licenses", "isValid", number)
        assert told.chain.read("Licenses", "ownerOf", number).hex() == item["holder"][2:].lower()
        of_work = await walked(http, f"/catalog/{item['workId']}/licenses")
        assert item["licenseId"] in {each["licenseId"] for each in of_work}
        of_recording = await walked(http, f"/catalog/{item['recordingId']}/licenses")
        assert {each["licenseId"] for each in of_work} <= {each["licenseId"] for each in of_recording}
    assert_problem(await http.get(f"/licenses/0x{'0' * 64}"), 404, "license_not_found")


async def test_payments_add_up_to_what_was_received(told: Told, http: httpx.AsyncClient) -> None:
    everything = await walked(http, "/payments")
    assert everything
    for work, token in {(item["workId"], item["token"]) for item in everything}:
        paid = await walked(http, "/payments", work=work, token=token)
        exact = [int(item["amount"]) for item in paid if item["workId"] == work]
        assert sum(exact) == told.chain.read("RoyaltySplitter", "accountOf", int(work, 16), token)[0]
    by_license = [item for item in everything if item["licenseId"]]
    assert by_license
    assert (await walked(http, "/payments", license=by_license[0]["licenseId"]))[0] == by_license[0]


async def test_every_transfer_of_a_title_is_told_with_its_log(told: Told, http: httpx.AsyncClient) -> None:
    topic = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    asked = {"fromBlock": "0x0", "address": told.chain.at("IPNFT"), "topics": [topic]}
    of_node = [
        {
            "workId": "0x" + log["topics"][3][10:],
            "fromAccount": "0x" + log["topics"][1][26:],
            "toAccount": "0x" + log["topics"][2][26:],
            "tx": log["transactionHash"],
            "block": int(log["blockNumber"], 16),
            "blockHash": log["blockHash"],
            "logIndex": int(log["logIndex"], 16),
        }
        for log in reversed(told.chain.node.rpc("eth_getLogs", asked))
    ]
    everything = await walked(http, "/transfers")
    low = [{**item, **{each: item[each].lower() for each in ("fromAccount", "toAccount")}} for item in everything]
    assert [{name: item[name] for name in of_node[0]} for item in low] == of_node
    mints = await walked(http, "/transfers", fromAccount="0x" + "00" * 20)
    assert {item["workId"] for item in mints} == {item["workId"] for item in everything}
    song = told.hex("song")
    of_song = await walked(http, f"/catalog/{song}/transfers")
    assert of_song == [item for item in everything if item["workId"][:-2] == song[:-2]]
    assert {item["workId"] for item in of_song} == {song, song[:-2] + "02"}
    some = everything[0]
    assert some in await walked(http, "/transfers", work=some["workId"], toAccount=some["toAccount"])
    query = f'{{recording(id: "{song}") {{transfers {{workId toAccount txHash logIndex title {{holder}}}}}}}}'
    told_by_graph = (await http.post("/graphql", json={"query": query})).json()["data"]["recording"]["transfers"]
    assert {(each["txHash"], each["logIndex"]) for each in told_by_graph} == {
        (each["tx"], each["logIndex"]) for each in of_song
    }
    last = {each["workId"]: each for each in told_by_graph}
    assert all(each["toAccount"] == each["title"]["holder"] for each in last.values())


async def test_what_is_on_sale(told: Told, http: httpx.AsyncClient) -> None:
    on_sale = await walked(http, "/attachments")
    over = await walked(http, "/attachments", active=False)
    assert on_sale
    assert all(item["active"] for item in on_sale)
    assert not any(item["active"] for item in over)
    cheapest = min(int(item["price"]) for item in on_sale)
    assert await walked(http, "/attachments", maxPrice=str(cheapest))
    assert not await walked(http, "/attachments", maxPrice=str(cheapest - 1)) if cheapest else True
    for item in on_sale:
        listed = (await read(http, "/catalog", licenseKind=item["kind"], token=item["token"], limit=100))["items"]
        assert item["workId"][:-2] + "00" in {each["workId"] for each in listed}
    for item in await walked(http, "/terms"):
        assert (await read(http, f"/terms/{item['termsId']}"))["kind"] == item["kind"]
    assert_problem(await http.get(f"/terms/0x{'0' * 64}"), 404, "terms_not_found")


async def test_sessions_and_their_budgets(told: Told, http: httpx.AsyncClient) -> None:
    sessions = await walked(http, "/vault/sessions")
    assert sessions
    for item in sessions:
        details = await read(http, f"/vault/sessions/{item['sessionId']}")
        spent = sum(int(each["price"]) for each in details["purchases"])
        assert spent == int(details["spent"])
        if details["cap"] is not None and not details["closed"]:
            assert int(details["left"]) == int(details["cap"]) - spent
        assert item in await walked(http, "/vault/sessions", owner=item["owner"])
    assert_problem(await http.get(f"/vault/sessions/0x{'0' * 64}"), 404, "session_not_found")


async def test_disputes_protocol_and_artists(told: Told, http: httpx.AsyncClient) -> None:
    flags = await walked(http, "/disputes")
    assert flags
    assert flags[0] in await walked(http, "/disputes", recording=flags[0]["recordingId"])
    protocol = await read(http, "/protocol")
    assert {each["token"] for each in protocol["tokens"]} >= {NATIVE}
    anna = address(1)
    artist = await read(http, f"/artists/{anna.lower()}")
    assert artist["address"] == anna
    assert artist["recordings"] == len((await read(http, "/catalog", artist=anna, limit=100))["items"]) > 0
    assert artist["licensesSold"] == len(await walked(http, "/licenses", seller=anna))
    for each in artist["owed"]:
        assert int(each["amount"]) >= 0


async def test_every_read_answers_as_of_a_block(told: Told, http: httpx.AsyncClient) -> None:
    newest = await walked(http, "/licenses")
    before = newest[0]["block"] - 1
    assert [item["licenseId"] for item in await walked(http, "/licenses", block=before)] == [
        item["licenseId"] for item in newest if item["block"] <= before
    ]
    remix = told.hex(remixes(told)[0])
    born = (await read(http, f"/catalog/{remix}"))["block"]
    for path in ("", "/royalties", "/lineage"):
        assert_problem(await http.get(f"/catalog/{remix}{path}", params={"block": born - 1}), 404, "work_not_found")
        assert (await read(http, f"/catalog/{remix}{path}", block=born))["asOf"]["block"] == born
    problem = assert_problem(await http.get("/catalog", params={"block": 10**9}), 422, "block_out_of_reach")
    assert problem["newestBlock"] >= newest[0]["block"]
    lifetimes = {}
    for block in (born, problem["newestBlock"]):
        answer = await http.get("/catalog", params={"block": block})
        lifetimes[answer.json()["asOf"]["finality"]] = answer.headers["cache-control"]
    assert lifetimes == {"finalized": "public, max-age=300", "latest": "public, max-age=0, must-revalidate"}


async def test_what_is_older_than_the_journal_is_refused_by_the_oldest_block(
    told: Told, http: httpx.AsyncClient
) -> None:
    oldest = (await read(http, f"/catalog/{told.hex('bare')}"))["block"]
    with psycopg.connect(told.house.database.admin_url, autocommit=True) as admin:
        [before] = admin.execute("select history_block from chain_1.cursor").fetchone() or [0]
        admin.execute("update chain_1.cursor set history_block = %s", [oldest])
        try:
            for path in ("/catalog", "/licenses", "/transfers", f"/catalog/{told.hex('bare')}/lineage", "/protocol"):
                refused = await http.get(path, params={"block": oldest - 1})
                assert assert_problem(refused, 422, "block_out_of_reach")["oldestBlock"] == oldest, path
                assert (await http.get(path, params={"block": oldest})).status_code == 200
        finally:
            admin.execute("update chain_1.cursor set history_block = %s", [before])


async def test_descendants_are_found_by_their_ancestor(told: Told, http: httpx.AsyncClient) -> None:
    remix = remixes(told)[0]
    [entry, *_] = told.chain.tables[told.recordings[remix]].entries
    ancestor = works.to_hex(works.recording_of(entry.work))
    listed = (await read(http, "/catalog", ancestor=ancestor, limit=100))["items"]
    assert told.hex(remix) in {item["workId"] for item in listed}
    assert ancestor not in {item["workId"] for item in listed}
    tracks = (await read(http, "/catalog", remix="false", limit=100))["items"]
    assert {item["workId"] for item in tracks} == {
        works.to_hex(work) for title, work in told.recordings.items() if title not in remixes(told)
    } or {told.hex(title) for title in remixes(told)}.isdisjoint(item["workId"] for item in tracks)
