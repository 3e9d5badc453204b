"""What is kept and for how long, under a clock that is ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from stack.pubsub import wire
from stack.pubsub.broker import Broker
from stack.pubsub.database import Database
from stack.pubsub.records import SECOND, NewMessage

TOPIC = "projects/p/topics/songs"


def test_messages_are_kept_as_long_as_the_subscription_says_and_acked_ones_are_deleted(tmp_path: Path) -> None:
    now = [1_700_000_000 * SECOND]
    database = Database.open(tmp_path / "pubsub.sqlite")
    broker = Broker(database, lambda: now[0])
    broker.topology.create_topic(wire.Topic(name=TOPIC))
    names = {}
    for seconds in (600, 1200):
        wanted = wire.Subscription(name=f"projects/p/subscriptions/keeps-{seconds}", topic=TOPIC)
        wanted.message_retention_duration.seconds = seconds
        names[seconds] = broker.topology.create_subscription(wanted).name

    def stored() -> int:
        return int(database.connection.execute("SELECT count(*) FROM messages").fetchone()[0])

    body = wire.PubsubMessage(data=b"x").SerializeToString()
    broker.publish(TOPIC, [NewMessage(body, "", len(body))] * 3)
    [first] = broker.deliver(names[600], "holder", 1, None, None)
    broker.acknowledge(names[600], [first.ack_id])
    broker.clean()
    assert stored() == 3, "the other subscription still waits for it"

    broker.deliver(names[600], "holder", 1, None, 600 * SECOND)
    now[0] += 601 * SECOND
    effects = broker.clean()
    assert [lease.holder for lease in effects.ended] == ["holder"], "what it held no longer counts against it"
    assert broker.deliver(names[600], "holder", 10, None, None) == []
    assert stored() == 3

    [one, *rest] = broker.deliver(names[1200], "holder", 10, None, None)
    assert len(rest) == 2
    broker.acknowledge(names[1200], [one.ack_id])
    broker.clean()
    assert stored() == 2
    now[0] += 600 * SECOND
    broker.clean()
    assert stored() == 0
    database.close()


def test_a_commit_that_fails_takes_everything_back_and_the_next_one_works(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "pubsub.sqlite")
    broker = Broker(database, lambda: SECOND)
    broker.topology.create_topic(wire.Topic(name=TOPIC))
    name = broker.topology.create_subscription(wire.Subscription(name="projects/p/subscriptions/all", topic=TOPIC)).name
    database.connection.execute("PRAGMA foreign_keys = ON")

    def publish_for_nobody() -> None:
        with database.transaction() as connection:
            connection.execute("PRAGMA defer_foreign_keys = ON")  # found out by the commit, as a full disk is
            connection.execute(
                "INSERT INTO deliveries (subscription_id, message_id, ordering_key, size, visible_at)"
                " VALUES (99, 99, '', 1, 0)"
            )

    with pytest.raises(sqlite3.IntegrityError):
        publish_for_nobody()
    assert not database.connection.in_transaction
    broker.publish(TOPIC, [NewMessage(b"x", "", 1)])
    assert len(broker.deliver(name, "holder", 10, None, None)) == 1
    database.close()


def test_without_subscriptions_nothing_is_kept(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "pubsub.sqlite")
    broker = Broker(database, lambda: SECOND)
    broker.topology.create_topic(wire.Topic(name=TOPIC))
    ids, effects = broker.publish(TOPIC, [NewMessage(b"x", "", 1)])
    assert not effects
    broker.clean()
    again, _ = broker.publish(TOPIC, [NewMessage(b"x", "", 1)])
    assert again > ids, "an id is never used twice"
    database.close()
