"""One endpoint of a node: how it has behaved, and so when to ask it, and how often."""

import re
import time
from dataclasses import dataclass

_LONGEST_REST = 30
"""In times of its first rest."""
_LATENCY_WEIGHT = 0.2
_ERROR_WEIGHT = 0.1
_ERROR_COST = 10.0
_LEAST_LATENCY = 0.02
"""Below this a difference in latency says nothing."""
_SLOWEST = 20
"""The longest pause between two requests that it can ask for, in times of its first rest."""
_SPEED_UP = 0.9


@dataclass(slots=True)
class Endpoint:
    """A node by its URL and how it has behaved; ``is_known`` once it has proved that it serves our chain.

    ``interval_seconds``: the pause between two requests that it has asked for by refusing more.
    """

    url: str
    first_rest_seconds: float
    failures: int = 0
    resting_until: float = 0.0
    latency_seconds: float = 0.0
    error_rate: float = 0.0
    interval_seconds: float = 0.0
    next_request_at: float = 0.0
    is_known: bool = False
    has_blooms: bool = True
    foreign: str = ""
    complaint: str = ""

    @property
    def name(self) -> str:
        """The URL without what may be an API key."""
        return re.sub(r"^(\w+://)(?:[^@/]*@)?([^/?]+).*", r"\1\2", self.url)

    @property
    def is_resting(self) -> bool:
        """Whether it failed a moment ago."""
        return self.resting_until > time.monotonic()

    @property
    def longest_rest_seconds(self) -> float:
        """How long it rests at most after failures."""
        return _LONGEST_REST * self.first_rest_seconds

    @property
    def cost(self) -> float:
        """What asking it costs: its latency, dearer the more it fails."""
        return (self.latency_seconds + _LEAST_LATENCY) * (1 + _ERROR_COST * self.error_rate)

    def turn(self) -> float:
        """Take the next turn; return how many seconds to wait for it."""
        now = time.monotonic()
        at = max(now, self.next_request_at)
        self.next_request_at = at + self.interval_seconds
        return at - now

    def succeeded(self, seconds: float) -> None:
        """Note an answer."""
        self.failures = 0
        self.error_rate *= 1 - _ERROR_WEIGHT
        self.interval_seconds *= _SPEED_UP
        if self.interval_seconds < self.first_rest_seconds / 20:
            self.interval_seconds = 0.0
        self.latency_seconds += (_LATENCY_WEIGHT if self.latency_seconds else 1.0) * (seconds - self.latency_seconds)

    def failed(self, complaint: str, rest_seconds: float | None = None) -> None:
        """Note a failure; it rests twice as long after each."""
        self.failures += 1
        self.error_rate += _ERROR_WEIGHT * (1 - self.error_rate)
        doublings = min(self.failures - 1, 16)  # a node may be away for days, a float ends at 2 ** 1024
        pause = min(self.first_rest_seconds * 2**doublings, self.longest_rest_seconds)
        self.resting_until = time.monotonic() + (pause if rest_seconds is None else rest_seconds)
        # Whatever answers at this URL next has to prove itself again: a node may have been started anew.
        self.is_known = False
        self.complaint = complaint

    def limited(self, complaint: str, rest_seconds: float) -> None:
        """Note that it was asked too often: rest, and ask more slowly from now on, ever faster while it answers."""
        self.failed(complaint, rest_seconds)
        slower = max(2 * self.interval_seconds, self.first_rest_seconds / 2)
        self.interval_seconds = min(slower, _SLOWEST * self.first_rest_seconds)
