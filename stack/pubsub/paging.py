"""Pages of lists."""

from typing import TypeVar

from stack.pubsub.errors import InvalidArgument

Item = TypeVar("Item")
PAGE_MAX = 1000


def page(items: list[Item], size: int, token: str) -> tuple[list[Item], str]:
    """Cut one page out of a list; return it and the token of the next one, empty at the end.

    Raises:
        InvalidArgument: the size is negative or the token is not one of ours.
    """
    if size < 0:
        raise InvalidArgument("page_size must not be negative.")
    if token and not token.isdecimal():
        raise InvalidArgument(f"Invalid page token given: {token}.")
    start = int(token or 0)
    end = start + min(size or PAGE_MAX, PAGE_MAX)
    return items[start:end], str(end) if end < len(items) else ""
