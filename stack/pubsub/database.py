"""The SQLite file: its schema and its one connection."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.pubsub.errors import DatabaseInUse

SCHEMA_VERSION = 1

# A delivery is one message waiting for one subscription; acknowledging deletes it. `leased` says whether a subscriber
# has it now; `visible_at` is then its deadline, otherwise the time from which it may be delivered. `lease` counts
# deliveries and makes ack ids unique; `failures` counts nacks and missed deadlines. `ordering_key` is empty where the
# subscription does not order.
_SCHEMA = """
CREATE TABLE topics (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    topic TEXT,
    body BLOB NOT NULL
);

CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    published_at INTEGER NOT NULL,
    ordering_key TEXT NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE deliveries (
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    message_id INTEGER NOT NULL REFERENCES messages (id),
    ordering_key TEXT NOT NULL,
    size INTEGER NOT NULL,
    leased INTEGER NOT NULL DEFAULT 0,
    visible_at INTEGER NOT NULL,
    lease INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    holder TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (subscription_id, message_id)
) WITHOUT ROWID;

CREATE INDEX deliveries_by_subscription ON deliveries (subscription_id, leased, visible_at, message_id);
CREATE INDEX deliveries_by_time ON deliveries (leased, visible_at);
CREATE INDEX deliveries_by_message ON deliveries (message_id);
CREATE INDEX deliveries_by_key ON deliveries (subscription_id, ordering_key, message_id) WHERE ordering_key <> '';
"""


class Database:
    """The one connection to the file. Every statement of the emulator goes through it, from one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    @classmethod
    def open(cls, file: Path) -> "Database":
        """Open the file, creating it and its folder when missing, and hold it alone until closed.

        Raises:
            DatabaseInUse: another process holds it, or it was written by another version or program.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        # Messages are nobody else's business; SQLite gives the files beside it the same mode.
        file.touch(mode=0o600)
        connection = sqlite3.connect(file, isolation_level=None, timeout=3)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            # A committed transaction outlives the process, however it dies; only a power cut may take the last ones.
            connection.execute("PRAGMA synchronous = NORMAL")
            _migrate(connection, file)
        except sqlite3.OperationalError as error:
            connection.close()
            raise DatabaseInUse(
                f"{file} cannot be opened alone ({error}); is another emulator running on it?"
            ) from error
        except sqlite3.DatabaseError as error:
            connection.close()
            raise DatabaseInUse(f"{file} is not a database of this emulator ({error}); remove it") from error
        return cls(connection)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what the block did, or nothing of it when it raises."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            # Some errors, a full disk for one, have rolled it back already.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Fold the write-ahead log into the file and let it go."""
        self.connection.close()


def _migrate(connection: sqlite3.Connection, file: Path) -> None:
    connection.execute("BEGIN EXCLUSIVE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")
    if version not in (0, SCHEMA_VERSION):
        connection.close()
        raise DatabaseInUse(f"{file} has schema version {version}, this emulator knows {SCHEMA_VERSION}; remove it")
