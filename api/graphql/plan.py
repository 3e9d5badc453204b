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
    GraphQLError,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    ValueNode,
    coerce_input_literal,
    get_named_type,
    get_nullable_type,
    is_non_null_type,
)
from graphql.execution import get_directive_values
from graphql.execution.values import VariableValues

from api.graphql.entities import ENTITIES, RELATIONS, Entity, Relation
from api.graphql.errors import QueryInvalid, QueryTooCostly, QueryTooDeep
from api.graphql.scalars import Slot

MAX_DEPTH = 8
MAX_ROWS = 250_000
MAX_FIELDS = 1_000
MAX_ALIAS = 63
"""Postgres cuts longer names, and an alias becomes one."""

TYPENAME = "__typename"


@dataclass(frozen=True, slots=True)
class Arguments:
    """Which rows, in which order. ``id`` set: one row. Values of ``where`` and ``id`` may be slots."""

    where: Mapping[str, Any] = field(default_factory=dict)
    order_by: str | None = None
    descending: bool = False
    first: int = 100
    skip: int = 0
    id: str | Slot | None = None


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
        given = arguments(document, definition, nodes[0])
        view, is_many = definition.extensions["reads"]
        found[alias] = _reading(
            document, ENTITIES[view], nodes, given, is_many=is_many, depth=1, times=1, budget=budget
        )
    return found


def _reading(
    document: Document,
    entity: Entity,
    nodes: list[FieldNode],
    given: Mapping[str, Any],
    *,
    is_many: bool,
    depth: int,
    times: int,
    budget: _Budget,
) -> Reading:
    if depth > MAX_DEPTH:
        raise QueryTooDeep(f"the query nests deeper than {MAX_DEPTH} entities", maxDepth=MAX_DEPTH)
    wanted = Arguments(
        where=given.get("where") or {},
        order_by=given.get("orderBy"),
        descending=given.get("orderDirection") == "desc",
        first=_number(given, "first", 100) if is_many else 1,
        skip=_number(given, "skip", 0),
        id=given.get("id"),
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
        inner = arguments(document, gql_type.fields[name], each[0])
        target = ENTITIES[relation.target]
        found.outputs[alias] = Inner(
            relation,
            _reading(
                document, target, each, inner, is_many=relation.is_many, depth=depth + 1, times=rows, budget=budget
            ),
        )
    return found


def arguments(document: Document, definition: GraphQLField, node: FieldNode) -> dict[str, Any]:
    """Return the coerced arguments of a field that are given or have a default.

    The library's own way looks at every field that a filter could have; this one costs what is written in the filter.

    Raises:
        graphql.GraphQLError: a value is missing or does not fit.
    """
    written = {each.name.value: each.value for each in node.arguments or ()}
    found = {}
    for name, argument in definition.args.items():
        value = _coerced(document, written[name], argument.type, name) if name in written else Undefined
        if value is Undefined:
            value = argument.default_value
        if value is not Undefined:
            found[name] = value
    return found


def _coerced(document: Document, node: ValueNode, expected: GraphQLInputType, name: str) -> Any:
    """The value of a literal that validation let through; Undefined where a variable has none (§6.4.1).

    ``name`` is the way to it, for people.
    """
    plain = get_nullable_type(expected)
    if isinstance(node, ObjectValueNode) and isinstance(plain, GraphQLInputObjectType):
        members = {
            each.name.value: _coerced(
                document, each.value, plain.fields[each.name.value].type, f"{name}.{each.name.value}"
            )
            for each in node.fields or ()
        }
        return {name: value for name, value in members.items() if value is not Undefined}
    if isinstance(node, ListValueNode) and isinstance(plain, GraphQLList):
        return [_coerced(document, each, plain.of_type, name) for each in node.values or ()]
    value = coerce_input_literal(node, expected, document.variables)
    if value is Undefined and is_non_null_type(expected):
        raise GraphQLError(f"`{name}` takes a value, and there is none", node)
    return value


def _number(given: Mapping[str, Any], name: str, otherwise: int) -> int:
    """An argument; null is as good as none, for clients send it for a variable without a value."""
    value = given.get(name)
    return otherwise if value is None else int(value)


def _require_page(wanted: Arguments) -> None:
    for name, value, low, high in (("first", wanted.first, 0, 1000), ("skip", wanted.skip, 0, 5000)):
        if not low <= value <= high:
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
