"""Where the tour plays: chain, people, books, the works' names, and what is said to the reader."""

from dataclasses import dataclass, field

from rich.console import Console

from scripts.touring.books import Books
from scripts.touring.cast import Cast
from scripts.touring.chain import DOLLAR, ETHER, TourChain
from stemma.chain.licensing import NATIVE, LicenseKind
from stemma.works import Kind, WorkId, kind_byte, recording_of

DOLLARS = {
    "Cleo": 1_000,
    "Dan": 1_000,
    "Eve": 1_000,
    "Gil": 2_000,
    "Hana": 500,
    "Lee": 100,
    "Film": 5_000,
    "Radio": 20_000,
}
"""What the payers have to begin with."""


@dataclass(frozen=True)
class Bought:
    """A license that somebody bought in the tour. ``price`` in base units of dollars, gross."""

    id: int
    kind: LicenseKind
    work: WorkId
    licensee: str
    price: int
    way: str


@dataclass
class Stage:
    """Passed to all who act. ``names`` are those of recordings, ``licenses`` what was bought."""

    chain: TourChain
    cast: Cast
    books: Books
    console: Console
    names: dict[WorkId, str] = field(default_factory=dict)
    licenses: list[Bought] = field(default_factory=list)

    @property
    def dollars(self) -> str:
        """The token's address."""
        return str(self.chain.usdc.address)

    @property
    def tokens(self) -> dict[str, str]:
        """Addresses by symbol."""
        return {"USDC": self.dollars, "ETH": NATIVE}

    def name_recording(self, recording: WorkId, name: str) -> None:
        self.names[recording] = name

    def name_of(self, work: WorkId) -> str:
        """Such as ``Harbour Lights · vocals``."""
        name = self.names[recording_of(work)]
        kind = Kind(kind_byte(work))
        return name if kind is Kind.RECORDING else f"{name} · {kind.label}"

    def chapter(self, title: str) -> None:
        self.console.print()
        self.console.rule(f"[bold]{title}", align="left", style="dim")

    def say(self, sentence: str) -> None:
        self.console.print(f" {sentence}")


def endow(stage: Stage) -> dict[str, int]:
    """Give everyone a coin for gas, and the payers dollars. Returns how much that is in all, by token."""
    chain, purse, people = stage.chain, stage.cast.purse.account, stage.cast.people
    for person in people:
        chain.send_raw(purse, person.address, value=ETHER)
        stage.books.balances[person.name, NATIVE] += ETHER
    for name, dollars in DOLLARS.items():
        chain.send(purse, chain.usdc.functions.mint(stage.cast[name].address, dollars * DOLLAR))
        stage.books.balances[name, stage.dollars] += dollars * DOLLAR
    return {NATIVE: len(people) * ETHER, stage.dollars: sum(DOLLARS.values()) * DOLLAR}
