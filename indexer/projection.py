"""From raw logs to rows: decode by the ABI, group by event, call the projections, in (block, log index) order.

A projection is a plain function from a batch of decoded events to rows::

    projections = Projections()
    titles = projections.state("titles")

    class TitleMinted(NamedTuple):
        work_id: int
        holder: bytes
        minter: bytes

    @projections.on("IPNFT", TitleMinted)
    def title_minted(events: Events[TitleMinted]) -> Iterator[Row]:
        for at, event in events:
            yield titles.row(at, work_id=event.work_id.to_bytes(28, "big"), minter=event.minter)

It may sum up the events that it is given, and yield one row per key with the last log's place: a batch is one block
where each block's changes are remembered, and many blocks in the older part of a backfill.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal, LiteralString, TypeVar

from indexer.blocks import Log
from indexer.codecs import CodecError, EventCodec, event_codec, event_topics
from indexer.errors import ProjectionFailed
from indexer.tables import Facts, Row, State, Table

Event = TypeVar("Event", bound=tuple[Any, ...])
Events = Sequence[tuple[Log, Event]]
Projection = Callable[[Sequence[tuple[Log, Any]]], Iterable[Row]]
_BLOCK = itemgetter(0)


Stored = Callable[[Mapping[str, Any]], tuple[Sequence[Any], Any]]


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A value of the index that the chain holds in storage, too, for `stemma indexer verify --storage`.

    ``rows``: a query in the chain schema. ``read``: from one of its rows to the arguments of the contract's view
    function, and what that must return (a tuple if it returns several).
    """

    contract: str
    function: str
    rows: LiteralString
    read: Stored


class Projections:
    """The projections of one or more contracts, by (contract name, event class)."""

    def __init__(self, *parts: "Projections") -> None:
        self.stored_values: list[StoredValue] = []
        self.by_event: dict[tuple[str, type[Any]], list[Projection]] = defaultdict(list)
        self.tables: list[Facts | State] = []
        for part in parts:
            self.tables += part.tables
            self.stored_values += part.stored_values
            for key, functions in part.by_event.items():
                self.by_event[key] += functions

    def facts(self, name: str) -> Facts:
        """A table that these projections fill with rows that never change."""
        table = Facts(name)
        self.tables.append(table)
        return table

    def state(self, name: str, *, sums: tuple[str, ...] = (), made_by: Literal["first", "last"] = "last") -> State:
        """A table in which these projections keep what is true now."""
        table = State(name, sums=sums, made_by=made_by)
        self.tables.append(table)
        return table

    def on(
        self, contract: str, event_class: type[Event]
    ) -> Callable[[Callable[[Events[Event]], Iterable[Row]]], Callable[[Events[Event]], Iterable[Row]]]:
        """Register a function for the contract's event that has the class's name."""

        def register(function: Callable[[Events[Event]], Iterable[Row]]) -> Callable[[Events[Event]], Iterable[Row]]:
            self.by_event[contract, event_class].append(function)
            return function

        return register

    def stored(self, contract: str, function: str, rows: LiteralString) -> Callable[[Stored], Stored]:
        """Declare what a view function of the contract must return for each of the rows (see `StoredValue`)."""

        def register(read: Stored) -> Stored:
            self.stored_values.append(StoredValue(contract, function, rows, read))
            return read

        return register


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract to follow: its name in the projections, its address (20 bytes), its ABI."""

    name: str
    address: bytes
    abi: Sequence[Mapping[str, Any]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """Where the logs of one (address, topic0) go."""

    label: str
    codec: EventCodec
    functions: Sequence[Projection]


class Router:
    """Knows for each log of the contracts which projections it feeds; unknown events are counted and left raw."""

    def __init__(self, contracts: Sequence[Contract], projections: Projections) -> None:
        """Compile the codecs.

        Raises:
            CodecError: an event class does not fit its contract's ABI.
        """
        self.topics = {contract.address: event_topics(contract.abi) for contract in contracts}
        self.addresses_by_name = {contract.name: "0x" + contract.address.hex() for contract in contracts}
        self.tables = tuple(projections.tables)
        self._routes: dict[tuple[bytes, bytes], Route] = {}
        for contract in contracts:
            for (name, event_class), functions in projections.by_event.items():
                if name == contract.name:
                    codec = event_codec(contract.abi, event_class.__name__, event_class)
                    label = f"{contract.name}.{codec.name}"
                    self._routes[contract.address, codec.topic0] = Route(label, codec, functions)

    @staticmethod
    def event_names(contracts: Sequence[Contract]) -> dict[tuple[str, bytes], str]:
        """The name of every event of these contracts, by its contract's address in hex and its first topic."""
        return {
            ("0x" + contract.address.hex(), topic): f"{contract.name}.{name}"
            for contract in contracts
            for name, topic in zip(
                (entry["name"] for entry in contract.abi if entry.get("type") == "event"),
                event_topics(contract.abi),
                strict=False,
            )
        }

    def project(self, logs: Sequence[Log], *, by_block: bool) -> tuple[dict[Table, list[Row]], dict[str, int]]:
        """Return the rows of each table, ordered by (block, log index), and the number of events by label.

        ``by_block``: give the projections one block at a time, for each block's changes are to be remembered, and a
        projection may sum up the events that it is given.

        Raises:
            ProjectionFailed: names the first event that could not be decoded or projected.
        """
        rows: dict[Table, list[Row]] = defaultdict(list)
        counts: dict[str, int] = {}
        blocks = (list(block) for _, block in groupby(logs, key=_BLOCK)) if by_block else [logs]
        for block in blocks:
            self._project(block, rows, counts)
        return rows, counts

    def _project(self, logs: Sequence[Log], all_rows: dict[Table, list[Row]], counts: dict[str, int]) -> None:
        events = self._decode(logs, counts)
        rows: dict[Table, list[Row]] = defaultdict(list)
        for key, batch in events.items():
            route = self._routes[key]
            counts[route.label] = counts.get(route.label, 0) + len(batch)
            for function in route.functions:
                for row in _call(function, route, batch):
                    rows[row[0]].append(row)
        for table, found in rows.items():
            found.sort(key=_place)
            all_rows[table] += found

    def _decode(self, logs: Iterable[Log], counts: dict[str, int]) -> dict[tuple[bytes, bytes], list[tuple[Log, Any]]]:
        found: dict[tuple[bytes, bytes], list[Log]] = defaultdict(list)
        address, first = None, None
        for log in logs:
            topics = log[7]
            topic0 = topics[0] if topics else b""
            if topic0 != first or log[6] != address:
                address, first = log[6], topic0
                add = found[address, topic0].append
            add(log)
        events = {}
        for key, of_event in found.items():
            if route := self._routes.get(key):
                events[key] = _decode_all(route, of_event)
            else:
                counts["unknown"] = counts.get("unknown", 0) + len(of_event)
        return events


def _decode_all(route: Route, logs: Sequence[Log]) -> list[tuple[Log, Any]]:
    try:
        return route.codec.decode_all(logs)
    except CodecError:
        for log in logs:
            try:
                route.codec.decode(log.topics, log.data)
            except CodecError as error:
                raise ProjectionFailed(f"{_name(route, log)} cannot be decoded: {error}") from error
        raise


def _place(row: Row) -> int:
    """Where the row's log is, as a number: sorting by tuples costs more than all else that is done for a row."""
    at = row[1]
    return at[0] << 32 | at[1]


def _call(function: Projection, route: Route, batch: Sequence[tuple[Log, Any]]) -> list[Row]:
    try:
        return list(function(batch))
    except Exception as error:
        log, cause = _culprit(function, batch) or (batch[0][0], error)
        raise ProjectionFailed(
            f"{_name(route, log)}: {function.__name__} raised {cause!r}. The index is complete up to the block before;"
            " nothing of this batch was written. Mend the projection and start the indexer again."
        ) from error


def _culprit(function: Projection, batch: Sequence[tuple[Log, Any]]) -> tuple[Log, Exception] | None:
    """The first event on which the function fails alone."""
    for each in batch:
        try:
            list(function([each]))
        except Exception as error:  # noqa: BLE001 - handed to the caller, who raises it
            return each[0], error
    return None


def _name(route: Route, log: Log) -> str:
    return f"{route.label} in block {log.block_number}, log {log.log_index}, transaction 0x{log.tx_hash.hex()}"
