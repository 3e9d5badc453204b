"""The tables that projections fill, and the rows they yield.

A table's columns and key are those that its migration made: they are read from the database when the writer opens,
so that a column is named in the migration and in the projection that fills it, and nowhere else.
"""

from typing import Any, Literal, NamedTuple

from indexer.blocks import Log

_new = tuple.__new__


class Table:
    """A table of the chain schema."""

    def __init__(self, name: str) -> None:
        self.name = name

    def row(self, at: Log, **values: Any) -> "Row":
        """A row made by the log ``at``. The columns block_number and log_index are filled from it."""
        return _new(Row, (self, at, values))


class Row(NamedTuple):
    """What a projection yields."""

    table: Table
    at: Log
    values: dict[str, Any]


class Facts(Table):
    """Rows that never change: each is what one log said. Undone by deleting the blocks' rows.

    The migration gives the table an index that begins with block_number, for the undo.
    """


class State(Table):
    """One row per primary key: what is true now. Every change is journaled while its block may be undone.

    A row may leave columns out: they keep their value, so a column cannot go back to null. The columns in ``sums`` are
    added to instead. ``made_by`` says which log the row names: the first that wrote it, or the last. A table made by
    the first has a column ``changed_in``, which says which block changed it last.

    Its journal is made by `stemma indexer migrate`.
    """

    def __init__(self, name: str, *, sums: tuple[str, ...] = (), made_by: Literal["first", "last"] = "last") -> None:
        super().__init__(name)
        self.sums = sums
        self.made_by = made_by


FEED = Table("feed")
DOCUMENTS = Table("content.documents")


def announce(at: Log, event_name: str, **payload: str | int) -> Row:
    """A row of the feed: readers are told that this happened, and told again with ``reverted`` if it is undone."""
    return Row(FEED, at, {"event_name": event_name, "payload": payload})


def wanted(at: Log, kind: Literal["credits", "separation", "batch"], digest: bytes, codec: int) -> Row:
    """A document that the resolver shall fetch. Asked for once; never undone, for a digest's content cannot change."""
    return Row(DOCUMENTS, at, {"kind": kind, "digest": digest, "codec": codec})
