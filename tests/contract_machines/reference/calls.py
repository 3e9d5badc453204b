"""Who calls a contract, and with how much native coin."""

from typing import NamedTuple


class Call(NamedTuple):
    sender: int
    value: int = 0
