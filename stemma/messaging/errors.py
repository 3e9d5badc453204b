"""What can go wrong with messages, and what a handler raises to say how a delivery ends."""

from http import HTTPStatus
from typing import ClassVar

from stemma.errors import AppError


class PublishFailed(AppError):
    """The message was not accepted; it may be published again."""

    code: ClassVar[str] = "publish_failed"
    status: ClassVar[HTTPStatus] = HTTPStatus.SERVICE_UNAVAILABLE
    title: ClassVar[str] = "A message could not be published"


class Undecodable(AppError):
    """A message is no envelope, or carries an event that its reader does not know."""

    code: ClassVar[str] = "message_undecodable"
    title: ClassVar[str] = "A message could not be read"


class HandlerVerdict(Exception):
    """Base of what a handler raises to end a delivery in its own way."""


class RetryLater(HandlerVerdict):
    """Deliver this message again after so many seconds and the pause of the subscription's retry policy.

    Counts as one of the subscription's delivery attempts. Any other exception does the same with that pause alone.
    """

    def __init__(self, seconds: int, reason: str = "") -> None:
        super().__init__(reason or f"again in {seconds} seconds")
        if not 1 <= seconds <= 600:
            raise ValueError("Pub/Sub can put a message off by 1 to 600 seconds")
        self.seconds = seconds


class GiveUp(HandlerVerdict):
    """Put this message on the dead-letter topic now, with the reason, and forget it here."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
