"""Names of projects, topics and subscriptions.

Source: reference of `google.pubsub.v1`, fields `Topic.name` and `Subscription.name`.
"""

import re

from stack.pubsub.errors import InvalidArgument

DELETED_TOPIC = "_deleted-topic_"
"""What a subscription shows as its topic once that was deleted."""

_PROJECT = re.compile(r"projects/[^/\s]+")
_RESOURCE = re.compile(r"projects/(?P<project>[^/\s]+)/(?P<kind>topics|subscriptions)/(?P<id>[^/]+)")
_RESOURCE_ID = re.compile(r"[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}")


def check_project(name: str) -> str:
    """Return `projects/{project}` unchanged, or raise InvalidArgument."""
    if not _PROJECT.fullmatch(name):
        raise InvalidArgument(f"Invalid [projects] name: (name={name})")
    return name


def check_topic(name: str) -> str:
    """Return `projects/{project}/topics/{topic}` unchanged, or raise InvalidArgument."""
    return _check(name, "topics")


def check_subscription(name: str) -> str:
    """Return `projects/{project}/subscriptions/{subscription}` unchanged, or raise InvalidArgument."""
    return _check(name, "subscriptions")


def project_and_id(name: str) -> tuple[str, str]:
    """Split a checked resource name into its project and its short name."""
    parts = name.split("/")
    return parts[1], parts[3]


def _check(name: str, kind: str) -> str:
    match = _RESOURCE.fullmatch(name)
    if match is None or match["kind"] != kind:
        raise InvalidArgument(f"Invalid [{kind}] name: (name={name})")
    if not _RESOURCE_ID.fullmatch(match["id"]) or match["id"].startswith("goog"):
        raise InvalidArgument(
            f"Invalid resource name given (name={name}). A name starts with a letter, has 3 to 255 characters of "
            "letters, digits and -_.~+% and does not start with goog."
        )
    return name
