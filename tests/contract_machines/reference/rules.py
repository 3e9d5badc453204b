"""How the reference refuses, and the books in which it keeps its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PPM = 1_000_000


class Refused(Exception):
    """An act that breaks rules. ``reasons`` are the names of the errors of every rule that is known to be broken: the
    contract may name any one of them."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(", ".join(sorted(reasons)))
        self.reasons = frozenset(reasons)


def refuse_if(**rules: object) -> None:
    """Refuse for every rule (the error's name) whose condition is true.

    Raises:
        Refused: one of them is.
    """
    broken = [name for name, is_broken in rules.items() if is_broken]
    if broken:
        raise Refused(*broken)


class Doubts:
    """Gathers what speaks against an act from several rules, some of which build on others."""

    def __init__(self) -> None:
        self._reasons: set[str] = set()

    def ask(self, rule: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """What a rule says, or None when it refuses, which is noted."""
        try:
            return rule(*arguments, **named)
        except Refused as refusal:
            self._reasons |= refusal.reasons
            return None

    def settle(self) -> None:
        """Raises Refused with all reasons, if there are any."""
        if self._reasons:
            raise Refused(*self._reasons)


class Book(dict[Any, Any]):
    """A mapping of the state, as Solidity has it: what was never written, and what is zero throughout, is not there.

    Changes are noted in a journal that all books of a state share, so that a refused act leaves nothing behind.
    """

    def __init__(self, journal: list[tuple[Book, Any, Any]]) -> None:
        super().__init__()
        self._journal = journal

    def __setitem__(self, key: Any, value: Any) -> None:
        self._journal.append((self, key, self.get(key)))
        if is_zero(value):
            self.pop(key, None)
        else:
            super().__setitem__(key, value)

    def __delitem__(self, key: Any) -> None:
        self[key] = 0

    def restore(self, key: Any, value: Any) -> None:
        """Put back what the journal has, without noting it."""
        if value is None:
            self.pop(key, None)
        else:
            super().__setitem__(key, value)


def is_zero(value: Any) -> bool:
    """Whether a value is zero in all its members."""
    return not any(not is_zero(member) for member in value) if isinstance(value, tuple) else not value
