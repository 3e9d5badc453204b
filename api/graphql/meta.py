"""`_meta` and `_Block_`: how far the catalog is, in the words of The Graph."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from api.catalog import presentation
from api.resources import Resources
from stemma.chain.errors import DeploymentMissing


def block(head: Row[Any]) -> dict[str, Any]:
    """Return the block of a head that was read."""
    return {
        "number": head.head_block_number,
        "hash": None if head.head_block_hash is None else f"0x{bytes(head.head_block_hash).hex()}",
        "timestamp": None if head.head_block_time is None else int(head.head_block_time.timestamp()),
        "finality": presentation.finality(head.head_block_number, head).value,
    }


def meta(head: Row[Any], names: Mapping[str, Any], resources: Resources) -> dict[str, Any]:
    """Return the selected members of `_meta`: alias -> name, or alias -> (name, the same of the block)."""
    members = {
        "__typename": "_Meta_",
        "block": {"__typename": "_Block_", **block(head)},
        "deployment": _deployment(resources),
        "hasIndexingErrors": False,
    }
    return _picked(members, names)


def _picked(members: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    return {
        alias: members[wanted] if isinstance(wanted, str) else _picked(members[wanted[0]], wanted[1])
        for alias, wanted in names.items()
    }


def _deployment(resources: Resources) -> str:
    try:
        return resources.deployment().source_digest
    except DeploymentMissing:
        return ""
