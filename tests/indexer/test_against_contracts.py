"""The catalog against the contracts themselves: every event told on a real chain, every row compared."""

import os
from collections import Counter
from datetime import datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from indexer.projections import RAW_ONLY, STEMMA
from tests import warm_start
from tests.indexer.contract_truth import COMPARISONS, Truth
from tests.indexer.house_on_chain import HouseOnChain
from tests.indexer.onchain import run_until_head
from tests.indexer.scripted_chain import layout
from tests.indexer.story import tell


@pytest.fixture
def house(deployed) -> HouseOnChain:
    return HouseOnChain(deployed.node, deployed.deployments_dir)


class Catalog:
    """The views as plain Python values."""

    def __init__(self, url: str) -> None:
        self._url = url

    def rows(self, view: str) -> list[dict[str, Any]]:
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            found = connection.execute(f"select * from catalog.{view}").fetchall()
        return [{name: _value(value) for name, value in row.items()} for row in found]


def _value(value: Any) -> Any:
    return int(value.timestamp()) if isinstance(value, datetime) else value


def test_every_row_says_what_the_contracts_say(database, house, tmp_path) -> None:
    tell(house)
    run_until_head(database.indexer_url, house, tmp_path)
    catalog = Catalog(database.api_url)
    (head,) = catalog.rows("head")
    compared, different = Counter(), []
    truth = Truth(house, head["block_number"], catalog.rows)
    for comparison in COMPARISONS:
        for about, said, told in comparison(truth):
            compared[comparison.__name__] += 1
            if said != told:
                different.append(f"{about}: the catalog has {said}, the contract {told}")
    assert not different, "\n".join(different)
    assert min(compared[each.__name__] for each in COMPARISONS) >= 4, compared
    assert_storage_says_the_same(database, house)


def assert_storage_says_the_same(database, house: HouseOnChain) -> None:
    """As operators ask: the projections declare what the contracts hold."""
    environment = {
        **os.environ,
        "DATABASE_URL": database.admin_url,
        "RPC_URLS": house.node.url,
        "CHAIN_ID": str(house.node.chain_id),
        "DEPLOYMENTS_DIR": str(house.deployments_dir),
    }
    done = warm_start.run("indexer", "verify", "--storage", environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    (asked,) = [line for line in done.stdout.splitlines() if line.startswith("storage")]
    assert all(f"{each.contract}.{each.function}" in asked for each in STEMMA.stored_values), asked


def test_the_story_tells_every_event_that_is_projected(house) -> None:
    tell(house)
    addresses = {name: contract.address.lower() for name, contract in house.deployment.contracts.items()}
    logs = house.node.rpc("eth_getLogs", {"fromBlock": "0x0", "address": list(addresses.values())})
    told = {(log["address"], log["topics"][0]) for log in logs}
    projected = {(contract, event.__name__) for contract, event in STEMMA.by_event}
    untold = {each for each in projected if (addresses[each[0]], layout(*each)[0]) not in told}
    assert not untold, "no projection is proven by an event that is never told"
    known = {(addresses[name], layout(name, event)[0]) for name, event in projected | set(RAW_ONLY)}
    assert told <= known
