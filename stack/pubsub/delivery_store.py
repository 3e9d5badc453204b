"""SQL of messages and their deliveries. Callers hold the transaction."""

from collections.abc import Iterable, Sequence
from sqlite3 import Connection

from stack.pubsub.records import Lease, LeaseKey, NewMessage, Ready, StoredMessage, SubscriptionRecord

_WAITING = """
    FROM deliveries AS d JOIN messages AS m ON m.id = d.message_id
    WHERE d.subscription_id = ? AND d.leased = 0 AND d.visible_at <= ?
      AND (d.ordering_key = '' OR NOT EXISTS (
            SELECT 1 FROM deliveries AS earlier
            WHERE earlier.subscription_id = d.subscription_id AND earlier.ordering_key = d.ordering_key
              AND earlier.ordering_key <> '' AND earlier.message_id < d.message_id))
"""


def add_messages(
    connection: Connection, messages: Iterable[NewMessage], subscriptions: Sequence[SubscriptionRecord], now: int
) -> list[int]:
    """Store messages and a delivery of each for every subscription; return their ids, ascending in order given."""
    ids: list[int] = []
    for message in messages:
        row = connection.execute(
            "INSERT INTO messages (published_at, ordering_key, body) VALUES (?, ?, ?) RETURNING id",
            (now, message.ordering_key, message.body),
        ).fetchone()
        ids.append(int(row[0]))
        connection.executemany(
            "INSERT INTO deliveries (subscription_id, message_id, ordering_key, size, visible_at) "
            "VALUES (?, ?, ?, ?, ?)",
            [(to.id, row[0], message.ordering_key if to.ordered else "", message.size, now) for to in subscriptions],
        )
    return ids


def ready(connection: Connection, subscription_id: int, now: int, messages: int, size: int | None) -> list[Ready]:
    """Return what may be delivered now, longest waiting first.

    Args:
        connection: the database.
        subscription_id: whose backlog.
        now: microseconds since 1970.
        messages: at most this many.
        size: stop once at least this many bytes are found; None is without limit.
    """
    cursor = connection.execute(
        f"SELECT m.id, d.lease, d.failures, d.size, m.published_at, m.body {_WAITING} "
        "ORDER BY d.visible_at, d.message_id LIMIT ?",
        (subscription_id, now, messages),
    )
    found: list[Ready] = []
    total = 0
    for row in cursor:
        found.append(Ready(*row))
        total += found[-1].size
        if size is not None and total >= size:
            break
    cursor.close()
    return found


def count_ready(connection: Connection, subscription_id: int, now: int, at_most: int) -> int:
    """Count what may be delivered now, but no further than `at_most`."""
    row = connection.execute(
        f"SELECT count(*) FROM (SELECT 1 {_WAITING} LIMIT ?)",  # noqa: S608 - no input in it
        (subscription_id, now, at_most),
    ).fetchone()
    return int(row[0])


def lease(
    connection: Connection, subscription_id: int, messages: Iterable[Ready], holder: str, until: int
) -> list[LeaseKey]:
    """Give messages to a holder until a time; return the keys of these deliveries."""
    keys = [LeaseKey(subscription_id, message.message_id, message.lease + 1) for message in messages]
    connection.executemany(
        "UPDATE deliveries SET leased = 1, visible_at = ?, lease = ?, holder = ? "
        "WHERE subscription_id = ? AND message_id = ?",
        [(until, key.lease, holder, key.subscription_id, key.message_id) for key in keys],
    )
    return keys


def running(connection: Connection, key: LeaseKey) -> Lease | None:
    """Return the delivery while its subscriber still has it, else None."""
    row = connection.execute(
        "SELECT holder, size, failures FROM deliveries "
        "WHERE subscription_id = ? AND message_id = ? AND lease = ? AND leased = 1",
        (key.subscription_id, key.message_id, key.lease),
    ).fetchone()
    return None if row is None else Lease(key, *row)


def remove(connection: Connection, subscription_id: int, message_id: int) -> None:
    """A message no longer waits for a subscription: acknowledged, forwarded or outdated."""
    connection.execute(
        "DELETE FROM deliveries WHERE subscription_id = ? AND message_id = ?", (subscription_id, message_id)
    )


def extend(connection: Connection, key: LeaseKey, until: int) -> None:
    """Move the deadline of a running delivery; nothing happens when it no longer runs."""
    connection.execute(
        "UPDATE deliveries SET visible_at = ? "
        "WHERE subscription_id = ? AND message_id = ? AND lease = ? AND leased = 1",
        (until, key.subscription_id, key.message_id, key.lease),
    )


def put_back(connection: Connection, key: LeaseKey, failures: int, visible_at: int) -> None:
    """End a delivery without success; the message waits again, from `visible_at` on."""
    connection.execute(
        "UPDATE deliveries SET leased = 0, holder = '', failures = ?, visible_at = ? "
        "WHERE subscription_id = ? AND message_id = ?",
        (failures, visible_at, key.subscription_id, key.message_id),
    )


def overdue(connection: Connection, now: int, at_most: int) -> list[Lease]:
    """Return running deliveries whose deadline has passed."""
    rows = connection.execute(
        "SELECT subscription_id, message_id, lease, holder, size, failures FROM deliveries "
        "WHERE leased = 1 AND visible_at <= ? ORDER BY visible_at LIMIT ?",
        (now, at_most),
    ).fetchall()
    return [Lease(LeaseKey(*row[:3]), *row[3:]) for row in rows]


def became_visible(connection: Connection, after: int, until: int) -> set[int]:
    """Return subscriptions with a message whose pause ended in (after, until]."""
    rows = connection.execute(
        "SELECT DISTINCT subscription_id FROM deliveries WHERE leased = 0 AND visible_at > ? AND visible_at <= ?",
        (after, until),
    )
    return {int(row[0]) for row in rows}


def message(connection: Connection, message_id: int) -> StoredMessage:
    """Return a message that some subscription still waits for."""
    row = connection.execute(
        "SELECT body, ordering_key, published_at FROM messages WHERE id = ?", (message_id,)
    ).fetchone()
    return StoredMessage(*row)


def outdated(connection: Connection, subscription_id: int, published_before: int) -> list[Lease]:
    """Return deliveries of messages older than a subscription keeps them, running or not (holder is then empty)."""
    rows = connection.execute(
        "SELECT d.subscription_id, d.message_id, d.lease, d.holder, d.size, d.failures "
        "FROM deliveries AS d JOIN messages AS m ON m.id = d.message_id "
        "WHERE d.subscription_id = ? AND m.published_at < ?",
        (subscription_id, published_before),
    ).fetchall()
    return [Lease(LeaseKey(*row[:3]), *row[3:]) for row in rows]


def remove_messages_nobody_waits_for(connection: Connection) -> int:
    """Delete messages without deliveries; return how many."""
    return connection.execute(
        "DELETE FROM messages WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE message_id = messages.id)"
    ).rowcount


def running_by_holder(connection: Connection) -> list[tuple[int, str, int, int]]:
    """Return (subscription id, holder, messages, bytes) of all running deliveries."""
    return connection.execute(
        "SELECT subscription_id, holder, count(*), sum(size) FROM deliveries WHERE leased = 1 GROUP BY 1, 2"
    ).fetchall()


def give_grace(connection: Connection, until: int) -> None:
    """Let no running delivery end before `until`."""
    connection.execute("UPDATE deliveries SET visible_at = ? WHERE leased = 1 AND visible_at < ?", (until, until))
