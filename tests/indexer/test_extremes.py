"""Nothing that a contract lets anybody say may stop the indexer: every event with its largest and smallest values."""

import random

import pytest

from indexer.projections import STEMMA
from tests.indexer.engines import scripted_engine
from tests.indexer.scripted_chain import ScriptedChain, encode_event, layout
from tests.indexer.scripted_node import ScriptedNode

pytestmark = pytest.mark.anyio

WORKS = {
    *("recordingId", "workId", "parentId", "ancestorId", "stemId", "remixId", "descendant", "ancestor"),
    "tokenId",
}
BOUNDED = {
    **dict.fromkeys(("ppm", "stackPpm", "remixPpm", "resaleRoyaltyPpm", "feePpm"), 1_000_000),
    **dict.fromkeys(("creditsCodec", "manifestCodec", "cidCodec"), 0x70),
    "ancestorCount": 128,
    "duration": 100 * 365 * 86_400,
    "window": 2**40,  # of the present
    "sellerEpoch": 2**40,  # raised by one at a time
}
"""What the contracts check, or count."""


@pytest.mark.parametrize("pipelined_logs", [-1, 1_000], ids=["copied", "pipelined"])
@pytest.mark.parametrize("largest", [True, False], ids=["largest", "smallest"])
async def test_no_value_of_an_event_stops_the_indexer(database, largest, pipelined_logs) -> None:
    rng = random.Random(1)
    chain = ScriptedChain(rng)
    chain.mine(2)
    head = chain.head
    head.logs.clear()
    for index, (contract, event) in enumerate(sorted((name, event.__name__) for name, event in STEMMA.by_event)):
        _, indexed, rest = layout(contract, event)
        values = {each["name"]: value(each["name"], each["type"], largest) for each in indexed + rest}
        place = {"blockNumber": hex(head.number), "blockHash": "0x" + head.hash.hex(), "logIndex": hex(index)}
        where = {"transactionHash": "0x" + "cd" * 32, "transactionIndex": "0x9", "removed": False}
        head.logs.append(encode_event(contract, event, values) | place | where)
    chain.mine(40)
    async with (
        ScriptedNode(chain, rng).serving() as node,
        scripted_engine(database.indexer_url, node.url, pipelined_logs=pipelined_logs) as (engine, connection),
    ):
        await engine.run(until=chain.head.number)
        found = await connection.execute("select count(*) from logs where block_number = %s", (head.number,))
        assert await found.fetchone() == (len(STEMMA.by_event),)


def value(name: str, type_: str, largest: bool) -> object:
    match type_:
        case "address" if name == "from":
            return bytes(20)  # a first transfer, before which there is no row to change
        case "address":
            return b"\xff" * 20 if largest else bytes(20)
        case "bool":
            return largest
        case "bytes32":
            return b"\xff" * 32 if largest else bytes(32)
    if name in WORKS:
        # The bytes of a stem for events that are told of stems alone.
        return (2**224 - 256 if largest else 0) | (6 if name == "stemId" else 0)
    most = min(BOUNDED.get(name, 2**256), 2 ** int(type_.removeprefix("uint")) - 1)
    return most if largest else 0
