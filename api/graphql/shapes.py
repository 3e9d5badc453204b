"""Plans without their values: requests that differ only in what they look for share one statement."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.graphql import filters
from api.graphql.entities import ENTITIES, RELATIONS, Entity
from api.graphql.plan import Inner, Reading
from api.graphql.scalars import Slot


@dataclass(frozen=True, slots=True)
class Shape:
    """Readings with slots in the place of values. Two of the same ``key`` are read by the same statement."""

    key: Hashable
    readings: tuple[Reading, ...] = field(compare=False)


def parted(readings: Mapping[str, Reading]) -> tuple[Shape, dict[str, Any]]:
    """Return the shape of readings, and the value of each slot in it.

    Raises:
        graphql.GraphQLError: a value does not fit.
    """
    values: dict[str, Any] = {}
    bare = tuple(_reading(each, values) for each in readings.values())
    return Shape(tuple(_key(each) for each in bare), bare), values


def _reading(reading: Reading, values: dict[str, Any]) -> Reading:
    entity, wanted = reading.entity, reading.arguments
    bare = replace(wanted, where=_where(entity, wanted.where, values), id=_id(entity, wanted.id, values))
    outputs = {
        alias: Inner(each.relation, _reading(each.reading, values)) if isinstance(each, Inner) else each
        for alias, each in reading.outputs.items()
    }
    return Reading(entity, reading.is_many, bare, outputs)


def _where(entity: Entity, where: Mapping[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    bare: dict[str, Any] = {}
    known = filters.fields(entity.name)
    for name, value in where.items():
        apart = known[name].apart if name in known else None
        if value is None:
            bare[name] = None
        elif name in ("and", "or"):
            bare[name] = [_where(entity, each, values) for each in value]
        elif name in known:
            bare[name] = value if apart is None else _slot(*apart(value), values)
        elif name.endswith("_") and name[:-1] in RELATIONS[entity.name]:
            bare[name] = _where(ENTITIES[RELATIONS[entity.name][name[:-1]].target], value, values)
        else:
            bare[name] = value
    return bare


def _id(entity: Entity, text: str | Slot | None, values: dict[str, Any]) -> str | Slot | None:
    apart = filters.fields(entity.name)["id"].apart
    return text if apart is None or not isinstance(text, str) else _slot(*apart(text), values)


def _slot(value: Any, is_wide: bool, values: dict[str, Any]) -> Slot:
    name = f"v{len(values)}"
    values[name] = value
    return Slot(name, is_wide)


def _key(reading: Reading) -> Hashable:
    wanted = reading.arguments
    outputs = tuple(
        (alias, each.relation.name, _key(each.reading)) if isinstance(each, Inner) else (alias, each)
        for alias, each in reading.outputs.items()
    )
    page = (wanted.order_by, wanted.descending, wanted.first, wanted.skip, wanted.id)
    return (reading.entity.name, reading.is_many, page, _frozen(wanted.where), outputs)


def _frozen(value: Any) -> Hashable:
    """A value of a filter as a key; values of different types are different, though Python finds 1 and true equal."""
    match value:
        case Mapping():
            return tuple((name, _frozen(each)) for name, each in value.items())
        case list() | tuple():
            return (list, *(_frozen(each) for each in value))
        case _:
            return (type(value), value)
