"""Functions made from source that is written per event and per table, for what runs once per log of a backfill."""

from collections.abc import Mapping
from functools import cache
from types import CodeType
from typing import Any


def functions_of(source: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """The functions that the source defines, by name; ``names`` is what it uses.

    The source must be made of our own text, numbers and quoted names, never of anything that came from outside.
    """
    scope = dict(names)
    exec(_compiled(source), scope)  # noqa: S102
    return scope


@cache
def _compiled(source: str) -> CodeType:
    """Compiled once per text: tables and events of the same types share it, and so does a writer that opens again."""
    return compile(source, "<compiled by the indexer>", "exec")
