"""What the contracts of the reference have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.contract_machines.reference.house import House
    from tests.contract_machines.reference.state import State


class Part:
    """One contract: its rules over the house's state."""

    def __init__(self, house: House) -> None:
        self.house = house

    @property
    def state(self) -> State:
        return self.house.state

    @property
    def now(self) -> int:
        return self.house.now

    @property
    def address(self) -> int:
        return self.house.addresses[type(self).__name__]

    def emit(self, event: str, *arguments: Any) -> None:
        self.house.emit(type(self).__name__, event, *arguments)

    def digest(self, message: int) -> int:
        return self.house.digest(type(self).__name__, message)
