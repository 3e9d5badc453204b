"""Topics and subscriptions: kept in memory for reading, in the database for good."""

from collections.abc import Iterator
from typing import Any

from stack.pubsub import subscription_rules, topology_store, wire
from stack.pubsub.database import Database
from stack.pubsub.errors import AlreadyExists, FailedPrecondition, NotFound
from stack.pubsub.records import SubscriptionRecord
from stack.pubsub.resource_names import DELETED_TOPIC, check_project, check_subscription, check_topic


class Topology:
    """What exists. Every change is committed before it shows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._topics: dict[str, Any] = {}
        self._bodies: dict[str, Any] = {}
        self._records: dict[str, SubscriptionRecord] = {}
        self._names: dict[int, str] = {}
        self._load()

    def create_topic(self, topic: Any) -> Any:
        """Store a `Topic`; return it as stored. Raises AlreadyExists, InvalidArgument, Unimplemented."""
        check_topic(topic.name)
        if topic.name in self._topics:
            raise AlreadyExists(topic.name)
        subscription_rules.complete_topic(topic)
        with self._database.transaction() as connection:
            topology_store.add_topic(connection, topic.name, topic.SerializeToString())
        self._topics[topic.name] = topic
        return topic

    def topic(self, name: str) -> Any:
        """Return a topic. Raises NotFound."""
        found = self._topics.get(check_topic(name))
        if found is None:
            raise NotFound(name)
        return found

    def has_topic(self, name: str) -> bool:
        """Whether a topic exists."""
        return name in self._topics

    def update_topic(self, wanted: Any, paths: list[str]) -> Any:
        """Change the fields named by `paths`; return the topic as stored."""
        changed = subscription_rules.updated_topic(self.topic(wanted.name), wanted, paths)
        with self._database.transaction() as connection:
            topology_store.replace_topic(connection, changed.name, changed.SerializeToString())
        self._topics[changed.name] = changed
        return changed

    def delete_topic(self, name: str) -> None:
        """Delete a topic; its subscriptions stay with their backlog and show `_deleted-topic_`."""
        self.topic(name)
        with self._database.transaction() as connection:
            topology_store.remove_topic(connection, name)
        del self._topics[name]
        for of_topic in list(self.subscriptions_of(name)):
            self._keep(of_topic.id, None, self._bodies[of_topic.name])

    def topics_of_project(self, project: str) -> list[Any]:
        """Return the topics of `projects/{project}` by name."""
        check_project(project)
        return [self._topics[name] for name in sorted(self._topics) if name.startswith(project + "/")]

    def create_subscription(self, subscription: Any) -> Any:
        """Store a `Subscription`; return it as stored, defaults filled in.

        Raises:
            AlreadyExists, InvalidArgument, Unimplemented: see `subscription_rules`.
            NotFound: its topic or its dead-letter topic does not exist.
        """
        check_subscription(subscription.name)
        if subscription.name in self._records:
            raise AlreadyExists(subscription.name)
        self.topic(subscription.topic)
        subscription_rules.complete_subscription(subscription)
        subscription.detached = False
        self._check_dead_letter_topic(subscription)
        with self._database.transaction() as connection:
            new_id = topology_store.add_subscription(
                connection, subscription.name, subscription.topic, subscription.SerializeToString()
            )
        self._keep(new_id, subscription.topic, subscription)
        return subscription

    def subscription(self, name: str) -> SubscriptionRecord:
        """Return the rules of a subscription. Raises NotFound."""
        found = self._records.get(name)
        if found is None:
            check_subscription(name)
            raise NotFound(name)
        return found

    def pullable(self, name: str) -> SubscriptionRecord:
        """Return the rules of a subscription that may be pulled. Raises NotFound, FailedPrecondition (detached)."""
        found = self.subscription(name)
        if found.detached:
            raise FailedPrecondition(f"The subscription is detached from its topic (resource={name}).")
        return found

    def subscription_by_id(self, subscription_id: int) -> SubscriptionRecord:
        """Return the rules of an existing subscription."""
        return self._records[self._names[subscription_id]]

    def subscription_body(self, name: str) -> Any:
        """Return the `Subscription` message. Raises NotFound."""
        return self._bodies[self.subscription(name).name]

    def update_subscription(self, wanted: Any, paths: list[str]) -> Any:
        """Change the fields named by `paths`; return the subscription as stored."""
        current = self.subscription(wanted.name)
        changed = subscription_rules.updated_subscription(self._bodies[wanted.name], wanted, paths)
        self._check_dead_letter_topic(changed)
        self._replace(current, changed)
        return changed

    def detach_subscription(self, name: str) -> None:
        """Cut a subscription from its topic and drop its backlog."""
        current = self.subscription(name)
        changed = wire.Subscription()
        changed.CopyFrom(self._bodies[name])
        changed.detached = True
        self._replace(current, changed)

    def delete_subscription(self, name: str) -> SubscriptionRecord:
        """Delete a subscription and its backlog; return what it was."""
        current = self.subscription(name)
        with self._database.transaction() as connection:
            topology_store.remove_subscription(connection, current.id)
        del self._records[name], self._bodies[name], self._names[current.id]
        return current

    def subscriptions_of(self, topic: str) -> Iterator[SubscriptionRecord]:
        """Yield the subscriptions that receive what is published to a topic."""
        return (record for record in self._records.values() if record.topic == topic and not record.detached)

    def subscriptions_of_project(self, project: str) -> list[Any]:
        """Return the subscriptions of `projects/{project}` by name."""
        check_project(project)
        return [self._bodies[name] for name in sorted(self._bodies) if name.startswith(project + "/")]

    def all_subscriptions(self) -> list[SubscriptionRecord]:
        """Return every subscription."""
        return list(self._records.values())

    def _load(self) -> None:
        for name, body in topology_store.all_topics(self._database.connection):
            self._topics[name] = wire.Topic.FromString(body)
        for subscription_id, topic, body in topology_store.all_subscriptions(self._database.connection):
            self._keep(subscription_id, topic, wire.Subscription.FromString(body))

    def _replace(self, current: SubscriptionRecord, changed: Any) -> None:
        with self._database.transaction() as connection:
            topology_store.replace_subscription(connection, current.id, changed.SerializeToString())
            if changed.detached:
                topology_store.drop_backlog(connection, current.id)
        self._keep(current.id, current.topic, changed)

    def _keep(self, subscription_id: int, topic: str | None, body: Any) -> None:
        body.topic = topic or DELETED_TOPIC
        self._bodies[body.name] = body
        self._records[body.name] = subscription_rules.record(subscription_id, topic, body)
        self._names[subscription_id] = body.name

    def _check_dead_letter_topic(self, body: Any) -> None:
        if body.HasField("dead_letter_policy"):
            self.topic(body.dead_letter_policy.dead_letter_topic)
