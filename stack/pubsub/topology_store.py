"""SQL of topics and subscriptions. Bodies are serialized `Topic` and `Subscription` messages."""

from sqlite3 import Connection


def add_topic(connection: Connection, name: str, body: bytes) -> None:
    """Store a new topic."""
    connection.execute("INSERT INTO topics (name, body) VALUES (?, ?)", (name, body))


def replace_topic(connection: Connection, name: str, body: bytes) -> None:
    """Store a topic's changed body."""
    connection.execute("UPDATE topics SET body = ? WHERE name = ?", (body, name))


def remove_topic(connection: Connection, name: str) -> None:
    """Forget a topic; its subscriptions and their backlog stay."""
    connection.execute("UPDATE subscriptions SET topic = NULL WHERE topic = ?", (name,))
    connection.execute("DELETE FROM topics WHERE name = ?", (name,))


def all_topics(connection: Connection) -> list[tuple[str, bytes]]:
    """Return (name, body) of every topic."""
    return connection.execute("SELECT name, body FROM topics").fetchall()


def add_subscription(connection: Connection, name: str, topic: str, body: bytes) -> int:
    """Store a new subscription and return its id."""
    row = connection.execute(
        "INSERT INTO subscriptions (name, topic, body) VALUES (?, ?, ?) RETURNING id", (name, topic, body)
    ).fetchone()
    return int(row[0])


def replace_subscription(connection: Connection, subscription_id: int, body: bytes) -> None:
    """Store a subscription's changed body."""
    connection.execute("UPDATE subscriptions SET body = ? WHERE id = ?", (body, subscription_id))


def remove_subscription(connection: Connection, subscription_id: int) -> None:
    """Forget a subscription and its backlog."""
    drop_backlog(connection, subscription_id)
    connection.execute("DELETE FROM subscriptions WHERE id = ?", (subscription_id,))


def drop_backlog(connection: Connection, subscription_id: int) -> None:
    """Forget everything that waits for a subscription."""
    connection.execute("DELETE FROM deliveries WHERE subscription_id = ?", (subscription_id,))


def all_subscriptions(connection: Connection) -> list[tuple[int, str | None, bytes]]:
    """Return (id, topic or None once deleted, body) of every subscription."""
    return connection.execute("SELECT id, topic, body FROM subscriptions").fetchall()
