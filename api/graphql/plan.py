"""From a validated GraphQL operation to a plan: what to read of which entity, with every variable filled in.

A plan is all that SQL needs. Its cost is judged before anything is read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.execution import get_argument_values, get_directive_values
from graphql.execution.values import VariableValues

from api.graphql.entities import ENTITIES, RELATIONS, Entity, Relation
from api.graphql.errors import QueryInvalid, QueryTooCostly, QueryTooDeep

MAX_DEPTH = 8
MAX_ROWS = 250_000
MAX_FIELDS = 1_000
MAX_ALIAS = 63
"""Postgres cuts longer names, and an alias becomes one."""

TYPENAME = "__typename"


@dataclass(frozen=True, slots=True)
class Arguments:
    """Which rows, in which order. ``id`` set: one row."""

    where: Mapping[str, Any] = field(default_factory=dict)
    order_by: str | None = None
    descending: bool = False
    first: int = 100
    skip: int = 0
    id: str | None = None


@dataclass(slots=True)
class Reading:
    """Rows of one entity. ``outputs``: alias -> a column's name, `id`, `__typename`, or a relation with its reading."""

    entity: Entity
    is_many: bool
    arguments: Arguments
    outputs: dict[str, "str | Inner"]


@dataclass(frozen=True, slots=True)
class Inner:
    """What is read along a relation."""

    relation: Relation
    reading: Reading


@dataclass(frozen=True, slots=True)
class Document:
    """An operation with what belongs to it."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues


@dataclass(slots=True)
class _Budget:
    rows: int = 0
    fields: int = 0

    def spend(self, rows: int, fields: int) -> None:
        self.rows += rows
        self.fields += fields
        if self.rows > MAX_ROWS:
            raise QueryTooCostly(
                f"the query could return more than {MAX_ROWS} rows; ask for smaller pages by `first`", maxRows=MAX_ROWS
            )
        if self.fields > MAX_FIELDS:
            raise QueryTooCostly(f"the query selects more than {MAX_FIELDS} fields", maxFields=MAX_FIELDS)


def root_fields(document: Document) -> dict[str, list[FieldNode]]:
    """Return alias -> field nodes of the operation's root, merged as the specification has it (§6.3.2)."""
    return _collect(document, [document.operation.selection_set])


def readings(document: Document, roots: Mapping[str, list[FieldNode]]) -> dict[str, Reading]:
    """Return alias -> plan of the root fields that read entities.

    Raises:
        QueryTooDeep, QueryTooCostly: over a limit.
        QueryInvalid: an alias is too long.
        graphql.GraphQLError: an argument does not fit.
    """
    budget = _Budget()
    query = document.schema.query_type
    assert query is not None
    found = {}
    for alias, nodes in roots.items():
        definition = query.fields[nodes[0].name.value]
        arguments = get_argument_values(definition, nodes[0], document.variables)
        view, is_many = definition.extensions["reads"]
        found[alias] = _reading(
            document, ENTITIES[view], nodes, arguments, is_many=is_many, depth=1, times=1, budget=budget
        )
    return found


def _reading(
    document: Document,
    entity: Entity,
    nodes: list[FieldNode],
    arguments: Mapping[str, Any],
    *,
    is_many: bool,
    depth: int,
    times: int,
    budget: _Budget,
) -> Reading:
    if depth > MAX_DEPTH:
        raise QueryTooDeep(f"the query nests deeper than {MAX_DEPTH} entities", maxDepth=MAX_DEPTH)
    wanted = Arguments(
        where=arguments.get("where") or {},
        order_by=arguments.get("orderBy"),
        descending=arguments.get("orderDirection") == "desc",
        first=arguments.get("first", 100) if is_many else 1,
        skip=arguments.get("skip", 0),
        id=arguments.get("id"),
    )
    _require_page(wanted)
    rows = times * max(wanted.first, 1)
    gql_type = document.schema.get_type(entity.type_name)
    assert isinstance(gql_type, GraphQLObjectType)
    selected = _collect(document, _selection_sets(nodes))
    budget.spend(rows, len(selected))
    found = Reading(entity, is_many, wanted, {})
    for alias, each in selected.items():
        if len(alias.encode()) > MAX_ALIAS:
            raise QueryInvalid(f"the alias {alias!r} is longer than {MAX_ALIAS} bytes")
        name = each[0].name.value
        relation = RELATIONS[entity.name].get(name)
        if relation is None:
            found.outputs[alias] = name if name == TYPENAME else gql_type.fields[name].extensions["column"]
            continue
        inner = get_argument_values(gql_type.fields[name], each[0], document.variables)
        target = ENTITIES[relation.target]
        found.outputs[alias] = Inner(
            relation,
            _reading(
                document, target, each, inner, is_many=relation.is_many, depth=depth + 1, times=rows, budget=budget
            ),
        )
    return found


def _require_page(wanted: Arguments) -> None:
    for name, value, low, high in (("first", wanted.first, 0, 1000), ("skip", wanted.skip, 0, 5000)):
        if value is None or not low <= value <= high:
            raise QueryInvalid(f"`{name}` is from {low} to {high}; page on with `where: {{id_gt: …}}`")


def _collect(document: Document, selection_sets: Iterable[SelectionSetNode]) -> dict[str, list[FieldNode]]:
    """Return alias -> nodes in order of appearance.

    The schema has no interfaces, so every fragment that validation let through fits; it refused cycles of fragments.
    """
    found: dict[str, list[FieldNode]] = {}
    seen: set[str] = set()

    def visit(selections: SelectionSetNode) -> None:
        for node in selections.selections:
            if not _is_included(document, node):
                continue
            match node:
                case FieldNode():
                    alias = node.alias.value if node.alias else node.name.value
                    found.setdefault(alias, []).append(node)
                case InlineFragmentNode():
                    visit(node.selection_set)
                case FragmentSpreadNode() if node.name.value not in seen:
                    seen.add(node.name.value)
                    visit(document.fragments[node.name.value].selection_set)

    for each in selection_sets:
        visit(each)
    return found


def _is_included(document: Document, node: Any) -> bool:
    skip = get_directive_values(GraphQLSkipDirective, node, document.variables)
    if skip and skip["if"]:
        return False
    include = get_directive_values(GraphQLIncludeDirective, node, document.variables)
    return not include or bool(include["if"])


def selected_names(document: Document, type_name: str, nodes: list[FieldNode]) -> dict[str, Any]:
    """Return what is selected of a plain object: alias -> name, or alias -> (name, the same of what is inside)."""
    gql_type = document.schema.get_type(type_name)
    assert isinstance(gql_type, GraphQLObjectType)
    found: dict[str, Any] = {}
    for alias, each in _collect(document, _selection_sets(nodes)).items():
        name = each[0].name.value
        inner = None if name == TYPENAME else get_named_type(gql_type.fields[name].type)
        is_object = isinstance(inner, GraphQLObjectType)
        found[alias] = (name, selected_names(document, inner.name, each)) if is_object and inner else name
    return found


def _selection_sets(nodes: Iterable[FieldNode]) -> list[SelectionSetNode]:
    return [node.selection_set for node in nodes if node.selection_set]
