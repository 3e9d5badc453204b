"""Etherscan's shapes, contracts with their sources, EIP-3091 links and what wallets read."""

import json
from typing import Any

import httpx
import pytest

from stemma.works import to_hex
from tests.api.people import assert_problem
from tests.api.reading.conftest import Told
from tests.indexer.house_on_chain import address

pytestmark = pytest.mark.anyio


async def etherscan(http: httpx.AsyncClient, module: str, action: str, **asked: Any) -> dict[str, Any]:
    answer = await http.get("/api", params={"module": module, "action": action, **asked})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    assert set(body) == {"status", "message", "result"}
    return body


async def test_logs_are_the_nodes(told: Told, http: httpx.AsyncClient) -> None:
    for name in ("StemRegistry", "RoyaltySplitter", "Licenses"):
        where = told.chain.at(name)
        of_node = told.chain.node.rpc("eth_getLogs", {"fromBlock": "0x0", "address": where})
        found = (await etherscan(http, "logs", "getLogs", fromBlock=0, toBlock="latest", address=where))["result"]
        assert [
            (each["transactionHash"], int(each["logIndex"], 16), each["topics"], each["data"]) for each in found
        ] == [(each["transactionHash"], int(each["logIndex"], 16), each["topics"], each["data"]) for each in of_node]
        topic = of_node[0]["topics"][0]
        narrowed = await etherscan(http, "logs", "getLogs", fromBlock=0, toBlock=99999999, address=where, topic0=topic)
        assert {each["topics"][0] for each in narrowed["result"]} == {topic}
        other = of_node[0]["topics"][1]
        either = await etherscan(http, "logs", "getLogs", topic0="0x" + "11" * 32, topic1=other, topic0_1_opr="or")
        assert either["result"]
        assert {each["topics"][1] for each in either["result"]} == {other}
        both = await etherscan(http, "logs", "getLogs", topic0="0x" + "11" * 32, topic1=other)
        assert (both["status"], both["message"], both["result"]) == ("0", "No records found", [])
    page = await etherscan(http, "logs", "getLogs", page=2, offset=3)
    assert len(page["result"]) == 3


async def test_transfers_of_titles_and_licenses(told: Told, http: httpx.AsyncClient) -> None:
    titles = told.chain.at("IPNFT").lower()
    found = (await etherscan(http, "account", "tokennfttx", contractaddress=titles))["result"]
    assert {each["contractAddress"] for each in found} == {titles}
    assert {to_hex(told.recordings["song"])} <= {f"0x{int(each['tokenID']):056x}" for each in found}
    for each in found[-1:]:
        holder = told.chain.read("IPNFT", "ownerOf", int(each["tokenID"]))
        last = [row for row in found if row["tokenID"] == each["tokenID"]][-1]
        assert last["to"] == "0x" + holder.hex()
    dora = address(5).lower()
    hers = (await etherscan(http, "account", "tokennfttx", address=dora, sort="desc"))["result"]
    assert hers
    assert all(dora in (each["from"], each["to"]) for each in hers)
    assert [int(each["blockNumber"]) for each in hers] == sorted(
        (int(each["blockNumber"]) for each in hers), reverse=True
    )


async def test_mistakes_have_etherscans_shape(http: httpx.AsyncClient) -> None:
    for module, action, asked in (
        ("logs", "nope", {}),
        ("logs", "getLogs", {"fromBlock": "x"}),
        ("logs", "getLogs", {"address": "0x12"}),
        ("logs", "getLogs", {"offset": "1001"}),
        ("account", "tokennfttx", {}),
        ("contract", "getabi", {"address": "0x" + "11" * 20}),
        ("contract", "getabi", {}),
    ):
        body = await etherscan(http, module, action, **asked)
        assert (body["status"], body["message"]) == ("0", "NOTOK")
        assert isinstance(body["result"], str)


async def test_contracts_with_what_verifies_them(told: Told, http: httpx.AsyncClient) -> None:
    listed = (await http.get("/contracts")).json()
    assert listed["chain"] == "eip155:31337"
    assert {each["name"] for each in listed["contracts"]} == set(told.chain.deployment.contracts)
    for each in listed["contracts"]:
        deployed = told.chain.deployment.contracts[each["name"]]
        assert each["accountId"] == f"eip155:31337:{deployed.address}"
        assert (await http.get(each["links"]["abi"])).json() == deployed.abi
        source = (await http.get(each["links"]["standardJsonInput"])).json()
        assert deployed.source_name.split(":")[0] in source["sources"]
        by_address = await etherscan(http, "contract", "getabi", address=deployed.address)
        assert json.loads(by_address["result"]) == deployed.abi
        [verified] = (await etherscan(http, "contract", "getsourcecode", address=deployed.address))["result"]
        assert json.loads(verified["SourceCode"][1:-1]) == source
        assert verified["ContractName"] == each["name"]
        shown = (await http.get(each["links"]["address"])).json()
        assert shown["contract"]["name"] == each["name"]
    assert_problem(await http.get("/contracts/Nope"), 404, "contract_not_found")


async def test_links_as_eip_3091_names_them(told: Told, http: httpx.AsyncClient) -> None:
    work = (await http.get(f"/catalog/{told.hex('song')}")).json()
    transaction = (await http.get(f"/tx/{work['tx']}")).json()
    assert (transaction["block"], transaction["blockHash"], transaction["succeeded"]) == (
        work["block"],
        work["blockHash"],
        True,
    )
    events = {log["event"]: log["arguments"] for log in transaction["logs"]}
    assert events["RecordingRegistered"]["recordingId"] == told.hex("song")
    for name in (str(work["block"]), work["blockHash"]):
        block = (await http.get(f"/block/{name}")).json()
        assert (block["block"], block["hash"]) == (work["block"], work["blockHash"])
        assert {log["tx"] for log in block["logs"]} >= {work["tx"]}
    person = (await http.get(f"/address/{address(1)}")).json()
    assert person["contract"] is None
    assert (await http.get(person["links"]["artist"])).status_code == 200
    assert_problem(await http.get(f"/tx/0x{'0' * 64}"), 404, "transaction_not_found")
    assert_problem(await http.get("/block/99999999"), 404, "block_not_found")


async def test_what_wallets_read(told: Told, http: httpx.AsyncClient) -> None:
    for name, symbol in (("IPNFT", "STEMMA"), ("Licenses", "STEMMA-L")):
        token = (await http.get(f"/token/{told.chain.at(name)}")).json()
        assert token["symbol"] == symbol
        document = (await http.get(token["contractUri"])).json()
        on_chain = told.chain.read(name, "contractURI")
        on_chain = on_chain.decode() if isinstance(on_chain, bytes) else on_chain
        known = json.loads(on_chain.removeprefix("data:application/json;utf8,"))
        assert {key: document[key] for key in known} == known
    for item in (await http.get("/licenses")).json()["items"]:
        document = (await http.get(f"/metadata/licenses/{item['licenseId']}.json")).json()
        on_chain = told.chain.read("Licenses", "tokenURI", int(item["licenseId"], 16))
        on_chain = on_chain.decode() if isinstance(on_chain, bytes) else on_chain
        known = json.loads(on_chain.removeprefix("data:application/json;utf8,"))
        assert document["attributes"] == known["attributes"]
        assert document["description"] == known["description"]
    assert_problem(await http.get(f"/token/{address(1)}"), 404, "contract_not_found")
