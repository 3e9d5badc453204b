"""Answering GraphQL requests: parse, validate and plan once per text, then one statement per block asked for."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    execute_sync,
    parse,
    validate,
)
from graphql.execution import get_variable_values
from graphql.execution.values import VariableValues
from sqlalchemy import Row, Select

from api import problems
from api.catalog import presentation
from api.catalog.errors import CatalogNotReady
from api.catalog.schemas import AsOf
from api.graphql import plan, repository
from api.graphql.errors import BlockNotIndexed, QueryInvalid, QueryTooDeep
from api.graphql.meta import meta
from api.graphql.plan import TYPENAME, Document
from api.graphql.schemas import GraphQLRequest
from api.graphql.shapes import parted
from api.reading import reading
from api.resources import Resources
from stemma.chain.errors import RpcRefused
from stemma.errors import AppError

MAX_TOKENS = 4_000
_MAX_ERRORS = 10
_KEPT = 512

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

Errors = list[GraphQLError]


@dataclass(frozen=True, slots=True)
class Block:
    """As of which block a root field is read; nothing set: now. ``at_least`` only asks that now is not before it."""

    number: int | None = None
    hash: bytes | None = None
    at_least: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The root fields that are read as of one block: the statement that reads them, and the values for its slots."""

    statement: Select[Any]
    values: Mapping[str, Any]
    aliases: tuple[str, ...]
    metas: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request, ready to be executed: ``known`` has what needs no database, each as JSON."""

    order: tuple[str, ...]
    known: dict[str, bytes]
    groups: dict[Block, Group]


@dataclass(slots=True)
class Answer:
    """The body of an answer. ``as_of`` is that of the fields without a block, or else of the first block."""

    body: bytes
    as_of: AsOf | None = None
    is_request_error: bool = False


@dataclass(slots=True)
class Executor:
    """The schema and what is kept between requests."""

    schema: GraphQLSchema
    _plans: OrderedDict[tuple[str, str | None, bytes], Prepared] = field(default_factory=OrderedDict)
    _documents: OrderedDict[str, DocumentNode] = field(default_factory=OrderedDict)

    async def answer(self, resources: Resources, request: GraphQLRequest) -> Answer:
        """Answer a query. What is wrong with it is part of the answer."""
        try:
            prepared = self.prepare(request)
            data, as_of = await _execute(resources, prepared)
        except (Refused, GraphQLError, AppError) as error:
            return Answer(errors_of(error), is_request_error=True)
        extensions = msgspec.json.encode({"asOf": as_of.model_dump(mode="json", by_alias=True)}) if as_of else b"{}"
        return Answer(b'{"data":' + data + b',"extensions":' + extensions + b"}", as_of)

    def prepare(self, request: GraphQLRequest) -> Prepared:
        """Return the plan of a request, as it was made before if it was.

        Raises:
            GraphQLError, AppError: what is wrong with the request.
        """
        key = (request.query, request.operation_name, msgspec.json.encode(request.variables or {}, order="sorted"))
        known = self._plans.get(key)
        if known is not None:
            self._plans.move_to_end(key)
            return known
        document, operation = self.parse(request)
        if operation.operation is not OperationType.QUERY:
            raise QueryInvalid("subscriptions are answered as an event stream: send `Accept: text/event-stream`")
        try:
            prepared = _prepare(self._document(document, operation, request.variables or {}))
        except RecursionError:
            raise QueryTooDeep("the filters nest too deep", maxDepth=plan.MAX_DEPTH) from None
        _keep(self._plans, key, prepared)
        return prepared

    def parse(self, request: GraphQLRequest) -> tuple[DocumentNode, OperationDefinitionNode]:
        """Return the validated document and the operation that is asked for.

        Raises:
            GraphQLError, AppError: as `prepare`.
        """
        document = self._documents.get(request.query)
        if document is None:
            document = self._parsed(request.query)
            _keep(self._documents, request.query, document)
        return document, _operation(document, request.operation_name)

    def _parsed(self, query: str) -> DocumentNode:
        try:
            document = parse(query, max_tokens=MAX_TOKENS)
            errors = validate(self.schema, document, max_errors=_MAX_ERRORS)
        except GraphQLSyntaxError as error:
            raise Refused([error]) from error
        except RecursionError:
            raise QueryTooDeep("the document nests too deep", maxDepth=plan.MAX_DEPTH) from None
        if errors:
            raise Refused(errors)
        return document

    def _document(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any]
    ) -> Document:
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        values = get_variable_values(
            self.schema, operation.variable_definitions or (), variables, max_errors=_MAX_ERRORS
        )
        if not isinstance(values, VariableValues):
            raise Refused(list(values))
        return Document(self.schema, operation, fragments, values)


class Refused(Exception):
    """A request with several errors."""

    def __init__(self, errors: Errors) -> None:
        super().__init__()
        self.errors = errors


def _prepare(document: Document) -> Prepared:
    query = document.schema.query_type
    assert query is not None
    known: dict[str, bytes] = {}
    metas: dict[Block, dict[str, dict[str, Any]]] = {}
    reads: dict[Block, dict[str, list[FieldNode]]] = {}
    roots = plan.root_fields(document)
    for alias, nodes in roots.items():
        name = nodes[0].name.value
        if name == TYPENAME:
            known[alias] = b'"Query"'
        elif name.startswith("__"):
            known[alias] = _introspected(document, alias, nodes)
        elif name == "_meta":
            block = _block(plan.arguments(document, query.fields[name], nodes[0]))
            metas.setdefault(block, {})[alias] = plan.selected_names(document, "_Meta_", nodes)
            reads.setdefault(block, {})
        else:
            block = _block(plan.arguments(document, query.fields[name], nodes[0]))
            reads.setdefault(block, {})[alias] = nodes
    readings = plan.readings(document, {alias: nodes for group in reads.values() for alias, nodes in group.items()})
    groups = {}
    for block, group in reads.items():
        shape, values = parted({alias: readings[alias] for alias in group})
        groups[block] = Group(repository.statement(shape), values, tuple(group), metas.get(block, {}))
    return Prepared(tuple(roots), known, groups)


async def _execute(resources: Resources, prepared: Prepared) -> tuple[bytes, AsOf | None]:
    answers = dict(prepared.known)
    as_of: AsOf | None = None
    for block, group in prepared.groups.items():
        head, found = await _read(resources, block, group)
        answers.update(found)
        if as_of is None or block == Block():
            as_of = presentation.as_of(head)
    members = b",".join(msgspec.json.encode(alias) + b":" + answers[alias] for alias in prepared.order)
    return b"{" + members + b"}", as_of


async def _read(resources: Resources, block: Block, group: Group) -> tuple[Row[Any], dict[str, bytes]]:
    number = block.number if block.hash is None else await _number_of(resources, block.hash)
    async with reading(resources, number) as connection:
        row = await repository.read(connection, group.statement, group.values)
    if row is None:
        raise CatalogNotReady("the index has not seen a block yet")
    if block.at_least is not None and row.head_block_number < block.at_least:
        raise BlockNotIndexed(
            f"the newest indexed block is {row.head_block_number}; {block.at_least} is yet to come",
            newestBlock=row.head_block_number,
        )
    if block.hash is not None and row.head_block_hash not in (None, block.hash):
        raise BlockNotIndexed(f"the catalog has another block {number} than 0x{block.hash.hex()}")
    found = {
        alias: b"null" if text is None else text.encode()
        for alias, text in zip(group.aliases, repository.roots_of(row), strict=True)
    }
    for alias, names in group.metas.items():
        found[alias] = msgspec.json.encode(meta(row, names, resources))
    return row, found


async def _number_of(resources: Resources, block_hash: bytes) -> int:
    try:
        block = await resources.rpc.call("eth_getBlockByHash", f"0x{block_hash.hex()}", False)
    except RpcRefused:
        block = None
    if block is None:
        raise BlockNotIndexed(f"the chain has no block 0x{block_hash.hex()}")
    return int(block["number"], 16)


def _block(arguments: Mapping[str, Any]) -> Block:
    given = {name: value for name, value in (arguments.get("block") or {}).items() if value is not None}
    if not given:
        return Block()
    if len(given) > 1:
        raise QueryInvalid("`block` takes one of `number`, `hash` and `number_gte`")
    [(name, value)] = given.items()
    if name == "hash":
        if len(value) != 32:
            raise QueryInvalid("a block's hash has 32 bytes")
        return Block(hash=value)
    if value < 0:
        raise QueryInvalid("a block's number is not negative")
    return Block(number=value) if name == "number" else Block(at_least=value)


def _introspected(document: Document, alias: str, nodes: list[FieldNode]) -> bytes:
    """Let the library answer `__schema` and `__type`."""
    operation = OperationDefinitionNode(
        operation=OperationType.QUERY,
        variable_definitions=document.operation.variable_definitions,
        selection_set=SelectionSetNode(selections=tuple(nodes)),
    )
    whole = DocumentNode(definitions=(operation, *document.fragments.values()))
    given = {name: document.variables.coerced[name] for name in document.variables.coerced}
    result = execute_sync(document.schema, whole, variable_values=given)
    if result.errors or result.data is None:
        raise Refused(list(result.errors or ()))
    return msgspec.json.encode(result.data[alias])


def _keep(kept: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Keep what was made, and let go of what was made first."""
    kept[key] = value
    if len(kept) > _KEPT:
        kept.popitem(last=False)


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if name is not None:
        operations = [each for each in operations if each.name is not None and each.name.value == name]
    if len(operations) != 1:
        raise QueryInvalid("name the operation by `operationName`" if operations else "there is no such operation")
    return operations[0]


def errors_of(error: Refused | GraphQLError | AppError) -> bytes:
    """Return the answer that says what is wrong; each error has a code in its extensions."""
    match error:
        case Refused(errors=errors):
            found = errors
        case AppError():
            found = [GraphQLError(problems.public_detail(error), extensions={"code": error.code, **error.extra})]
        case GraphQLError():
            found = [error]
    return msgspec.json.encode({"errors": [_formatted(each) for each in found]})


def _formatted(error: GraphQLError) -> dict[str, Any]:
    formatted = dict(error.formatted)
    extensions: dict[str, Any] = {**(error.extensions or {})}
    if isinstance(error.original_error, AppError):
        extensions |= {"code": error.original_error.code, **error.original_error.extra}
    extensions.setdefault("code", QueryInvalid.code)
    return {**formatted, "extensions": extensions}
