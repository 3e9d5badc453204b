"""Who gets the next message: competing subscribers, their flow control, and waking them."""

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass, field

from stack.pubsub.broker import Broker, Delivery, Effects
from stack.pubsub.errors import NotFound, Unavailable

TICK_SECONDS = 0.1
CLEAN_SECONDS = 60.0
TURN_MESSAGES = 100
"""Most messages that a subscriber gets before others have their turn."""

TURN_BYTES = 4_000_000


@dataclass(slots=True)
class Load:
    """What a holder has and has not yet acknowledged."""

    messages: int = 0
    size: int = 0


@dataclass(slots=True, eq=False)
class Consumer:
    """A stream or a pull that wants messages of one subscription.

    `holder` names the client; streams of one client share their load, so that a reconnect does not double its limits.
    `max_messages` and `max_bytes` are None without limit; `deadline` in microseconds, None for the subscription's own.
    """

    subscription: str
    subscription_id: int
    holder: str
    max_messages: int | None = None
    max_bytes: int | None = None
    deadline: int | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Dispatch:
    """Deals messages to consumers and carries the broker's effects to them. One event loop, no threads."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._consumers: dict[int, set[Consumer]] = defaultdict(set)
        self._loads: dict[tuple[int, str], Load] = {
            (subscription_id, holder): Load(messages, size) for subscription_id, holder, messages, size in broker.held()
        }
        self._closing = False

    def join(self, consumer: Consumer) -> None:
        """Let a consumer take part."""
        self._consumers[consumer.subscription_id].add(consumer)

    def leave(self, consumer: Consumer) -> None:
        """Take a consumer out. What it holds stays with it until acknowledged or overdue; others may have its turn."""
        self._consumers[consumer.subscription_id].discard(consumer)
        self._wake(consumer.subscription_id)

    def take(self, consumer: Consumer, at_most: int = TURN_MESSAGES) -> list[Delivery]:
        """Give a consumer its share of what waits, within its limits; empty when there is nothing for it now.

        Raises:
            NotFound, FailedPrecondition: the subscription is gone or detached.
            Unavailable: the server is stopping.
        """
        if self._closing:
            raise Unavailable("The server is shutting down.")
        consumer.wake.clear()
        topology = self.broker.topology
        if topology.pullable(consumer.subscription).id != consumer.subscription_id:
            raise NotFound(consumer.subscription)  # deleted, and another one made under its name
        messages, size = self._room(consumer)
        if messages <= 0 or size <= 0:
            return []
        messages = min(messages, at_most, self._share(consumer))
        taken = self.broker.deliver(consumer.subscription, consumer.holder, messages, size, consumer.deadline)
        if taken:
            load = self._loads.setdefault((consumer.subscription_id, consumer.holder), Load())
            load.messages += len(taken)
            load.size += sum(delivery.message.size for delivery in taken)
        return taken

    def apply(self, effects: Effects) -> None:
        """Free what ended and wake who may now find something."""
        for lease in effects.ended:
            self._release(lease.key.subscription_id, lease.holder, lease.size)
        for subscription_id in effects.ready:
            self._wake(subscription_id)

    def forget(self, subscription_id: int) -> None:
        """A subscription was deleted or detached: its consumers find out when they try to take."""
        for key in [key for key in self._loads if key[0] == subscription_id]:
            del self._loads[key]
        self._wake(subscription_id)

    def close(self) -> None:
        """Make every waiting and every further `take` raise Unavailable, so that clients reconnect later."""
        self._closing = True
        for subscription_id in list(self._consumers):
            self._wake(subscription_id)

    async def run(self) -> None:
        """End overdue deliveries and clean up, until cancelled."""
        loop = asyncio.get_running_loop()
        clean_at = loop.time()
        while True:
            self.apply(self.broker.tick())
            if loop.time() >= clean_at:
                self.apply(self.broker.clean())
                clean_at = loop.time() + CLEAN_SECONDS
            await asyncio.sleep(TICK_SECONDS)

    def _room(self, consumer: Consumer) -> tuple[int, int]:
        load = self._loads.get((consumer.subscription_id, consumer.holder), Load())
        messages = TURN_MESSAGES if consumer.max_messages is None else consumer.max_messages - load.messages
        size = TURN_BYTES if consumer.max_bytes is None else min(consumer.max_bytes - load.size, TURN_BYTES)
        return messages, size

    def _share(self, consumer: Consumer) -> int:
        """Split what waits evenly over the consumers that could take some."""
        hungry = sum(1 for other in self._consumers[consumer.subscription_id] if min(self._room(other)) > 0)
        if hungry <= 1:
            return TURN_MESSAGES
        waiting = self.broker.count_ready(consumer.subscription_id, hungry * TURN_MESSAGES)
        return max(1, math.ceil(waiting / hungry))

    def _release(self, subscription_id: int, holder: str, size: int) -> None:
        load = self._loads.get((subscription_id, holder))
        if load is None:
            return
        load.messages -= 1
        load.size -= size
        if load.messages <= 0:
            del self._loads[subscription_id, holder]

    def _wake(self, subscription_id: int) -> None:
        for consumer in self._consumers.get(subscription_id, ()):
            consumer.wake.set()
