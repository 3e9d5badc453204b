"""What the house's contracts keep, said once: the reference fills these books by the rules, a replay fills them by the
logs, and the contracts' storage must hold the same.

Every value is an int or a tuple of ints; accounts, works, tokens, hashes and licenses are ints.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.contract_machines.reference.rules import Book


class Recording(NamedTuple):
    creator: int
    version: int
    resale_royalty_ppm: int
    registered_block: int
    separation_root: int


class Table(NamedTuple):
    root: int
    stack_ppm: int
    ancestor_count: int


class Batch(NamedTuple):
    attestor: int
    anchored_block: int
    count: int


class Title(NamedTuple):
    version: int
    metadata: int


class Account(NamedTuple):
    received: int = 0
    own_moved: int = 0
    income: int = 0
    title_drawn: int = 0


class Slot(NamedTuple):
    owner: int
    ppm: int


class Token(NamedTuple):
    paid_in: int = 0
    paid_out: int = 0
    accepted: int = 0


class Fees(NamedTuple):
    credited: int = 0
    drawn: int = 0


class Snapshot(NamedTuple):
    work: int
    coverage: int
    kind: int
    transferable: int
    terms: int
    version: int
    granted_at: int
    expires_at: int
    remix_ppm: int


class Listing(NamedTuple):
    price: int = 0
    title_epoch: int = 0
    attached: int = 0
    granted: int = 0


class Exclusivity(NamedTuple):
    until: int = 0
    coverage: int = 0
    stem_until: tuple[int, ...] = (0, 0, 0, 0, 0, 0)


class Delegation(NamedTuple):
    floor_price: int = 0
    expiry: int = 0


class SessionState(NamedTuple):
    open: int = 0
    closed: int = 0
    spent: int = 0
    window: int = 0
    window_spent: int = 0


class Flag(NamedTuple):
    until: int = 0
    count: int = 0


BOOKS = {
    # StemRegistry
    "recordings": "recording -> Recording",
    "tables": "recording -> Table",
    "commitments": "commitment -> block",
    "batches": "root -> Batch",
    # IPNFT
    "title_owners": "work -> holder",
    "titles": "work -> Title",
    "transfers": "work -> times that the title changed hands",
    "minted_stems": "recording -> mask",
    "payouts": "account -> address",
    # RoyaltySplitter
    "accounts": "work, token -> Account",
    "moved": "descendant, ancestor, token -> amount",
    "drawn": "work, token, slot -> amount",
    "slots": "recording, slot -> Slot",
    "tokens": "token -> Token",
    "fees": "token -> Fees",
    "withdrawal_nonces": "account, nonce -> 1",
    # Licenses
    "license_owners": "license -> holder",
    "snapshots": "license -> Snapshot",
    "remixes": "license -> the remix that consumed it",
    # LicenseManager
    "terms": "terms -> Terms",
    "listings": "work, terms -> Listing",
    "exclusivities": "recording, kind -> Exclusivity",
    "seller_epochs": "seller -> epoch",
    "offers_used": "seller, nonce -> times",
    "delegations": "holder, epoch, signer, work, terms -> Delegation",
    # SessionVault
    "budgets": "owner, token -> balance",
    "sessions": "session -> SessionState",
    # Disputes
    "flags": "recording -> Flag",
    # Roles
    "roles": "role, account -> 1",
    "operations": "timelock operation -> the time from which it may run; 1 when it has run",
    # what is no mapping
    "settings": "'feeRecipient', 'feePpm', 'minDelay' -> value",
}


class State:
    """The books, each an attribute."""

    recordings: Book
    tables: Book
    commitments: Book
    batches: Book
    title_owners: Book
    titles: Book
    transfers: Book
    minted_stems: Book
    payouts: Book
    accounts: Book
    moved: Book
    drawn: Book
    slots: Book
    tokens: Book
    fees: Book
    withdrawal_nonces: Book
    license_owners: Book
    snapshots: Book
    remixes: Book
    terms: Book
    listings: Book
    exclusivities: Book
    seller_epochs: Book
    offers_used: Book
    delegations: Book
    budgets: Book
    sessions: Book
    flags: Book
    roles: Book
    operations: Book
    settings: Book

    def __init__(self) -> None:
        self._journal: list[tuple[Book, Any, Any]] = []
        self._more: list[Book] = []
        self._books = {name: Book(self._journal) for name in BOOKS}
        self.__dict__.update(self._books)

    def add_book(self) -> Book:
        """One more book that goes back with the others: of a token, say, which is none of the house's contracts."""
        book = Book(self._journal)
        self._more.append(book)
        return book

    def begin(self) -> None:
        """What follows can be undone."""
        self._journal.clear()

    def undo(self) -> None:
        """Go back to where ``begin`` was."""
        while self._journal:
            book, key, old = self._journal.pop()
            book.restore(key, old)

    def changes(self) -> Iterator[tuple[str, Any, Any, Any]]:
        """The cells of the house's books that were written since ``begin``: book, key, and the values around the write
        (None for what was not there)."""
        names = {id(book): name for name, book in self._books.items()}
        for book, key, old in self._journal:
            if id(book) in names:
                yield names[id(book)], key, old, book.get(key)

    def differences(self, other: State) -> list[str]:
        """Where two states differ, in words."""
        found = []
        for name, mine in self._books.items():
            theirs = other._books[name]
            if mine != theirs:
                keys = [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]
                found += [f"{name}[{key}]: {mine.get(key)} against {theirs.get(key)}" for key in keys]
        return found

    def take_over(self, other: State) -> None:
        """Hold what another state holds."""
        for name, book in self._books.items():
            dict.update(book, other._books[name])

    def copy_books(self) -> list[dict[Any, Any]]:
        """All that is in the books, for ``load_books``."""
        return [dict(book) for book in (*self._books.values(), *self._more)]

    def load_books(self, contents: list[dict[Any, Any]]) -> None:
        """Make the books hold what they held."""
        for book, content in zip((*self._books.values(), *self._more), contents, strict=True):
            book.clear()
            dict.update(book, content)
        self._journal.clear()
