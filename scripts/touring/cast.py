"""Who takes part: people with fresh keys for each tour, and the house's staff with anvil's published ones."""

from collections.abc import Iterator
from dataclasses import dataclass

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from scripts.touring.chain import TourChain, TourFailed
from stack.anvil_node import development_key

PEOPLE = {
    "Ada": "sings and writes the song; its creator",
    "Ben": "drums on it, for a slot of 25 %",
    "Cy": "produces it, for a slot of 33 333 ppm",
    "Cleo": "remixes the song",
    "Label": "the payout address that Cleo has set",
    "Dan": "remixes two stems of the song",
    "Fay": "plays on Dan's remix, for a third",
    "Eve": "remixes both remixes",
    "Gil": "buys the song's title",
    "Hana": "buys Ben's slot",
    "Lee": "listens, with a budget",
    "DJ": "the agent that spends Lee's budget",
    "Film": "licenses music for pictures",
    "Radio": "pays for what it plays",
    "Relayer": "sends what others have signed, and pays the gas",
}

_ADMIN, _ATTESTOR, _ARBITER, _PURSE = 0, 2, 7, 9
"""Anvil's development accounts by what the deployment makes of them; the last only gives coin away."""


@dataclass(frozen=True)
class Person:
    """Somebody with a key. Equal by name and key."""

    name: str
    account: LocalAccount

    @property
    def address(self) -> str:
        return str(self.account.address)

    @property
    def key(self) -> bytes:
        return bytes(self.account.key)

    def __str__(self) -> str:
        return self.name


class Cast:
    """The people by name, and the staff."""

    def __init__(self, chain: TourChain) -> None:
        # Another tour on the same chain has another head, and so other people and other songs.
        self.seed = chain.web3.eth.get_block("latest")["hash"].hex()
        self._people = {name: Person(name, Account.from_key(self._key(name))) for name in PEOPLE}
        self.admin = _developer("Treasury", _ADMIN)
        self.attestor = _developer("Attestor", _ATTESTOR)
        self.arbiter = _developer("Arbiter", _ARBITER)
        self.purse = _developer("Purse", _PURSE)
        self._check_roles(chain)

    def __getitem__(self, name: str) -> Person:
        return self._people[name]

    @property
    def people(self) -> tuple[Person, ...]:
        """All but the staff."""
        return tuple(self._people.values())

    def __iter__(self) -> Iterator[Person]:
        """Everyone whose money is watched: all but the purse."""
        yield from self._people.values()
        yield from (self.admin, self.attestor, self.arbiter)

    def _key(self, name: str) -> bytes:
        return keccak(text=f"stemma tour {self.seed} {name}")

    def _check_roles(self, chain: TourChain) -> None:
        roles, splitter = chain["Roles"].functions, chain["RoyaltySplitter"].functions
        holds = {
            "attestor": roles.isAttestor(self.attestor.address).call(),
            "arbiter": roles.isArbiter(self.arbiter.address).call(),
            "admin": roles.isAdmin(self.admin.address).call(),
            "fee recipient": splitter.feeRecipient().call() == self.admin.address,
        }
        if missing := [role for role, held in holds.items() if not held]:
            raise TourFailed(
                f"on this chain anvil's development accounts are not {', '.join(missing)}: the tour plays all roles "
                "itself, so let it start its own chain, or give it one that was deployed with the default settings"
            )


def _developer(name: str, index: int) -> Person:
    return Person(name, Account.from_key(development_key(index)))
