"""The tour, run whole: its figures against shares that are worked out here from the story's prices and payments."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scripts.tour import tour
from scripts.touring.books import Books
from scripts.touring.chain import TourChain, TourFailed
from stack.anvil import CHAIN_ID
from stemma.chain.deployments import load_deployment
from tests.conftest import Deployed

ROOT = Path(__file__).resolve().parents[2]
WHOLE = 1_000_000
FEE_PPM = 25_000

SONG, LIGHTS, VOICE, TIDE = "Harbour Lights", "Lights On", "Voice and Drums", "Tide"
VOCALS, DRUMS, GUITAR, BASS = f"{SONG} · vocals", f"{SONG} · drums", f"{SONG} · guitar", f"{VOICE} · bass"

TABLES = {
    SONG: {},
    LIGHTS: {SONG: 100_000},
    VOICE: {VOCALS: 60_000, DRUMS: 33_333},
    # Both parents, what both owe, and the vocals once more.
    TIDE: {LIGHTS: 50_001, VOICE: 70_000, SONG: 100_000, VOCALS: 60_000 + 20_000, DRUMS: 33_333},
}
SALES = [
    (SONG, 25_000_001),
    (VOCALS, 12_345_679),
    (DRUMS, 9_999_999),
    (LIGHTS, 30_000_001),
    (VOICE, 19_999_999),
    (VOCALS, 7_000_003),
    (TIDE, 990_001),
    (GUITAR, 2_500_003),
    (TIDE, 1_234_567_891),
    (SONG, 1_990_003),
]
PAYMENTS = [
    (TIDE, 1_000_000_007),
    (LIGHTS, 333_333_333),
    (BASS, 77_777_777),
    (VOCALS, 50_000_001),
    (TIDE, 12_345_678),
    (SONG, 250_000_003),
    (TIDE, 500_000_009),
    (VOCALS, 33_333_337),
    (VOICE, 11_111_111),
]
COINS = {LIGHTS: 100_000_000_000_000_007, VOICE: 123_456_789_012_345_678}
SLOTS = {SONG: {"Hana": 250_000, "Cy": 33_333}, LIGHTS: {}, VOICE: {"Fay": 333_333}, TIDE: {}}
TITLES = {SONG: "Gil", LIGHTS: "Label", VOICE: "Dan", TIDE: "Eve"}


def share(total: int, ppm: int) -> int:
    return total * ppm // WHOLE


def net(price: int) -> int:
    return price - share(price, FEE_PPM)


def recording_of(work: str) -> str:
    return work.split(" · ", maxsplit=1)[0]


def incomes_of(received: Counter[str]) -> Counter[str]:
    """What is every work's own, once everything has been moved."""
    incomes: Counter[str] = Counter()
    for work, total in received.items():
        table = TABLES[recording_of(work)]
        incomes[work] += share(total, WHOLE - sum(table.values()))
        for ancestor, ppm in table.items():
            incomes[ancestor] += share(total, ppm)
    return incomes


def earnings_of(received: Counter[str]) -> Counter[str]:
    """What everyone draws of all works in the end; the song's title was Ada's before it was Gil's."""
    earned: Counter[str] = Counter()
    for work, income in incomes_of(received).items():
        slots = SLOTS[recording_of(work)]
        for owner, ppm in slots.items():
            earned[owner] += share(income, ppm)
        earned[TITLES[recording_of(work)]] += share(income, WHOLE - sum(slots.values()))
    return earned


def received_of(sales: list[tuple[str, int]], payments: list[tuple[str, int]]) -> Counter[str]:
    received: Counter[str] = Counter()
    for work, price in sales:
        received[work] += net(price)
    for work, amount in payments:
        received[work] += amount
    return received


def test_the_tour_gives_everyone_what_the_shares_say(deployed: Deployed) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    options = ("--rpc", deployed.node.url, "--deployments", deployed.deployments_dir, "--pass-time", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "scripts.tour", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])

    assert figures["agrees"] is True
    assert figures["feePpm"] == FEE_PPM
    assert figures["tables"] == TABLES
    assert [(each["work"], int(each["price"])) for each in figures["licenses"]] == SALES

    dollars, coins = received_of(SALES, PAYMENTS), Counter(COINS)
    fees = sum(price - net(price) for _, price in SALES)
    earned = earnings_of(dollars)
    # What Ada drew before she sold the title: of what the song had been paid, and two remixes for it, until then.
    before = received_of(SALES[:9], PAYMENTS[:5])
    at_sale = before[SONG] + share(before[TIDE], 100_000) + share(before[LIGHTS], 100_000)
    earned["Ada"] = share(at_sale, WHOLE - 283_333)
    earned["Gil"] -= earned["Ada"]
    earned["Treasury"] = fees
    check_token(figures, "USDC", dollars, earned, fees=fees, surplus=3_141_592)
    check_token(figures, "ETH", coins, earnings_of(coins), fees=0, surplus=271)

    given = {"Cleo": 1000, "Dan": 1000, "Eve": 1000, "Gil": 2000 - 800, "Hana": 500 - 100, "Ada": 800, "Ben": 100}
    spent = {"Cleo": 25_000_001, "Dan": 12_345_679 + 9_999_999, "Eve": 30_000_001 + 19_999_999 + 7_000_003}
    for name, whole_dollars in given.items():
        change = whole_dollars * WHOLE + earned[name] - spent.get(name, 0)
        assert int(figures["accounts"]["USDC"][name]["found"]) == change, name


def check_token(
    figures: dict[str, Any], symbol: str, received: Counter[str], earned: Counter[str], *, fees: int, surplus: int
) -> None:
    works = figures["works"][symbol]
    assert {name: int(work["received"]) for name, work in works.items() if work["received"] != "0"} == +received
    assert {name: int(work["income"]) for name, work in works.items()} == incomes_of(received)
    accounts = figures["accounts"][symbol]
    assert {name: int(each["earned"]) for name, each in accounts.items() if each["earned"] != "0"} == +earned

    paid_in = received.total() + fees
    dust = paid_in - earned.total()
    assert 0 < dust == sum(work["dustOfShares"] + work["dustOfSlots"] for work in works.values())
    totals = {name: int(value) for name, value in figures["totals"][symbol].items()}
    assert totals["paidIn"] == paid_in
    assert totals["paidOut"] == earned.total()
    assert totals["liabilities"] == totals["dust"] == dust
    assert totals["surplus"] == surplus
    assert totals["balance"] == dust + surplus
    assert (
        sum(int(each["found"]) + int(each["gas"]) for each in accounts.values()) + totals["balance"]
        == (totals["endowed"])
    )


def test_the_tour_fails_where_chain_and_books_differ(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Books, "force", lambda *forgotten: None)
    chain = TourChain(deployed.node.url, load_deployment(deployed.deployments_dir, CHAIN_ID))
    with pytest.raises(TourFailed, match=r"Radio should have .* USDC") as failure, open(os.devnull, "w") as nowhere:
        tour(chain, Console(file=nowhere), may_pass_time=False)
    assert "the surplus in USDC is 3141592, not 0" in failure.value.message
