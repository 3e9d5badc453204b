"""From rows of the views to bodies: bytes as hex, addresses with their checksum, amounts as strings."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table

from api.catalog.presentation import address, finality, hexed
from api.catalog.queries import LicenseKind
from stemma.catalog.views.columns import Whole
from stemma.catalog.words import TITLE_SLOT

_LICENSE_KINDS = list(LicenseKind)
_PLACE = ("block_number", "block_hash", "tx_hash", "log_index")
_ADDRESS_BYTES = 20


def plain(row: Row[Any], view: Table) -> dict[str, Any]:
    """Return the members of a row's own columns, but for the place of its log."""
    return {column.name: _value(column, row._mapping[column.name]) for column in view.c if column.name not in _PLACE}


def placed(row: Row[Any], view: Table, head: Row[Any]) -> dict[str, Any]:
    """Return the members of a row, with the log that made it and how sure that is."""
    return {
        **plain(row, view),
        "tx": hexed(row.tx_hash),
        "block": row.block_number,
        "block_hash": hexed(row.block_hash),
        "log_index": row.log_index,
        "finality": finality(row.block_number, head),
    }


def license_kind(number: int) -> LicenseKind:
    """Return the kind of a number of the chain."""
    return _LICENSE_KINDS[number]


def slot(number: int) -> int | str:
    """Return a slot's name: the title's has a word."""
    return "title" if number == TITLE_SLOT else number


def is_before(moment: datetime | None, head: Row[Any]) -> bool:
    """Whether a moment is over at the block that was read; never if there is none."""
    return moment is not None and head.head_block_time is not None and moment <= head.head_block_time


def _value(column: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bytes):
        return address(value) if len(value) == _ADDRESS_BYTES else hexed(value)
    if isinstance(column.type, Whole):
        return str(value)
    if column.name == "kind":
        return license_kind(value)
    if column.name == "slot":
        return slot(value)
    return value
