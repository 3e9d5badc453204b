"""The GraphQL schema, made of the declared views: a column that is added there is in here without another line."""

from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    specified_directives,
)

from api.graphql import filters, scalars
from api.graphql.entities import ENTITIES, RELATIONS, Entity
from api.graphql.filters import camel

_DESCRIPTION = """
The catalog of Stemma. The dialect is The Graph's: `where`, `orderBy`, `first`, `skip`, `block`, `_meta`.

Page with `first` and `where: {id_gt: "<the last id>"}`. Every answer says under `extensions.asOf` how true it is.
"""
_DIRECTION = GraphQLEnumType("OrderDirection", {"asc": "asc", "desc": "desc"})
_BLOCK_HEIGHT = GraphQLInputObjectType(
    "Block_height",
    {
        "hash": GraphQLInputField(scalars.BYTES, description="Read as of the block with this hash"),
        "number": GraphQLInputField(GraphQLInt, description="Read as of this block"),
        "number_gte": GraphQLInputField(GraphQLInt, description="Read as of now; fail if that is before this block"),
    },
    description="One of the three",
)
_CHANGE_BLOCK = GraphQLInputObjectType(
    "BlockChangedFilter",
    {"number_gte": GraphQLInputField(GraphQLNonNull(GraphQLInt))},
    description="Only rows that the log named by them made at or after a block",
)
BLOCK = GraphQLObjectType(
    "_Block_",
    {
        "number": GraphQLField(GraphQLNonNull(GraphQLInt)),
        "hash": GraphQLField(scalars.BYTES),
        "timestamp": GraphQLField(GraphQLInt, description="Unix seconds"),
        "finality": GraphQLField(GraphQLString, description="`latest`, `safe` or `finalized`"),
    },
)
META = GraphQLObjectType(
    "_Meta_",
    {
        "block": GraphQLField(GraphQLNonNull(BLOCK)),
        "deployment": GraphQLField(GraphQLNonNull(GraphQLString), description="Names the contracts that are indexed"),
        "hasIndexingErrors": GraphQLField(
            GraphQLNonNull(GraphQLBoolean), description="False: the index stops at an error, it never skips"
        ),
    },
)

Subscribe = Callable[..., AsyncIterator[Any]]


def make_schema(*, blocks: Subscribe, changes: Subscribe) -> GraphQLSchema:
    """Return the schema; the two functions are the sources of the subscriptions."""
    return GraphQLSchema(
        query=GraphQLObjectType("Query", _root_fields()),
        subscription=GraphQLObjectType("Subscription", _subscriptions(blocks, changes)),
        directives=[each for each in specified_directives if _is_served(each)],
        description=_DESCRIPTION.strip(),
    )


def _is_served(directive: GraphQLDirective) -> bool:
    return directive.name not in ("defer", "stream")


def _root_fields() -> dict[str, GraphQLField]:
    found = {}
    for entity in ENTITIES.values():
        found[entity.one] = GraphQLField(
            _type(entity.name),
            {"id": GraphQLArgument(GraphQLNonNull(GraphQLID)), "block": GraphQLArgument(_BLOCK_HEIGHT)},
            extensions={"reads": (entity.name, False)},
        )
        found[entity.many] = GraphQLField(
            _list(entity.name),
            {**_page_arguments(entity), "block": GraphQLArgument(_BLOCK_HEIGHT)},
            extensions={"reads": (entity.name, True)},
        )
    found["_meta"] = GraphQLField(META, {"block": GraphQLArgument(_BLOCK_HEIGHT)})
    return found


def _subscriptions(blocks: Subscribe, changes: Subscribe) -> dict[str, GraphQLField]:
    return {
        "blocks": GraphQLField(
            GraphQLNonNull(BLOCK),
            subscribe=blocks,
            resolve=lambda value, _info: value,
            description="The newest indexed block, now and whenever it is another one",
        ),
        "changes": GraphQLField(
            GraphQLNonNull(_type("feed")),
            {
                "eventName_in": GraphQLArgument(GraphQLList(GraphQLNonNull(GraphQLString))),
                "after": GraphQLArgument(scalars.BIG_INT, description="Begin behind this `seq`; default: now"),
            },
            subscribe=changes,
            resolve=lambda value, _info, **_arguments: value,
            description="What happens, in order; with `reverted: true` what a reorg takes back",
        ),
    }


def _page_arguments(entity: Entity) -> dict[str, GraphQLArgument]:
    return {
        "where": GraphQLArgument(_filter(entity.name)),
        "orderBy": GraphQLArgument(_order(entity.name)),
        "orderDirection": GraphQLArgument(_DIRECTION, default_value="asc"),
        "first": GraphQLArgument(GraphQLInt, default_value=100, description="0 to 1000"),
        "skip": GraphQLArgument(GraphQLInt, default_value=0, description="0 to 5000"),
    }


def _list(view: str) -> GraphQLNonNull[Any]:
    return GraphQLNonNull(GraphQLList(GraphQLNonNull(_type(view))))


@cache
def _type(view: str) -> GraphQLObjectType:
    entity = ENTITIES[view]
    return GraphQLObjectType(entity.type_name, lambda: _fields(entity))


def _fields(entity: Entity) -> dict[str, GraphQLField]:
    id_field = GraphQLField(
        GraphQLNonNull(GraphQLID), description="-".join(map(camel, entity.key)), extensions={"column": "id"}
    )
    found = {"id": id_field}
    for column in entity.view.c:
        gql_type = scalars.type_of(entity, scalars.form_of(entity, column))
        found[camel(column.name)] = GraphQLField(gql_type, extensions={"column": column.name})
    for relation in RELATIONS[entity.name].values():
        target = ENTITIES[relation.target]
        assert relation.name not in found, f"{entity.name}.{relation.name} is a column already"
        found[relation.name] = (
            GraphQLField(_list(target.name), _page_arguments(target))
            if relation.is_many
            else GraphQLField(_type(target.name))
        )
    return found


@cache
def _filter(view: str) -> GraphQLInputObjectType:
    entity = ENTITIES[view]

    def members() -> dict[str, GraphQLInputField]:
        found = {name: GraphQLInputField(each.type) for name, each in filters.fields(view).items()}
        for relation in RELATIONS[view].values():
            found[f"{relation.name}_"] = GraphQLInputField(_filter(relation.target))
        if "block_number" in entity.view.c:
            found["_change_block"] = GraphQLInputField(_CHANGE_BLOCK)
        inner = GraphQLList(GraphQLNonNull(_filter(view)))
        return {**found, "and": GraphQLInputField(inner), "or": GraphQLInputField(inner)}

    return GraphQLInputObjectType(f"{entity.type_name}_filter", members)


@cache
def _order(view: str) -> GraphQLEnumType:
    entity = ENTITIES[view]
    ordered = [column.name for column in entity.view.c if scalars.is_ordered(scalars.form_of(entity, column))]
    values = {"id": GraphQLEnumValue("id"), **{camel(name): GraphQLEnumValue(name) for name in ordered}}
    return GraphQLEnumType(f"{entity.type_name}_orderBy", values)
