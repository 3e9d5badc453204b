"""From what projections yield to what is staged: one row per key, or one per key and block, in the table's columns.

The folding functions are compiled per table, for they run once per row of every block of a backfill.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import itemgetter
from typing import Any

from indexer.compiling import functions_of
from indexer.errors import Stop
from indexer.journal import IN_BLOCK, NEWEST, Rules
from indexer.layout import Layout
from indexer.tables import Row, State

Fold = Callable[[Sequence[Row]], list[tuple[Any, ...]]]

_FOLD = """
def fold(rows):
    folded = {{}}
    get = folded.get
    for _, at, values in rows:
        key = {key}
        found = get(key)
        if found is None:
            {stamp_first}
            folded[key] = values
            continue
        if None in values.values():
            values = {{column: value for column, value in values.items() if value is not None}}
        {add}
        found.update(values)
        {stamp_again}
    return in_order(folded.values())
"""
_FOLD_BY_BLOCK = """
def fold(rows):
    folded, staged = {{}}, []
    get, stage = folded.get, staged.append
    for _, at, values in rows:
        key = {key}
        found = get(key)
        if found is None:
            {stamp_first}
            values[{in_block!r}], values[{newest!r}] = at[0], False
            folded[key] = values
            stage(values)
            continue
        if None in values.values():
            values = {{column: value for column, value in values.items() if value is not None}}
        {add}
        if found[{in_block!r}] != at[0]:
            folded[key] = found = found.copy()
            found[{in_block!r}] = at[0]
            stage(found)
        found.update(values)
        {stamp_again}
    for found in folded.values():
        found[{newest!r}] = True
    return in_order(staged)
"""


def rules_of(table: State) -> Rules:
    """How the table's staged rows are merged."""
    return Rules(table.sums, ("block_number", "log_index") if table.made_by == "first" else ())


def compile_fold(table: State, layout: Layout, *, by_block: bool) -> Fold:
    """Return the function that merges partial rows, given in (block, log index) order.

    It returns the table's columns (None where no row named the column): one row per key, or with ``by_block`` one per
    key and block, cumulative over the batch, with the block it is the state after and whether it is the key's newest.
    The function takes the rows' values over.

    Raises (the function):
        Stop: a row has a column that the table has not.
    """
    key = [f"values[{column!r}]" for column in layout.key]
    changed = "".join(f"; m[{layout.changed!r}] = at[0]" for _ in (1,) if layout.changed != "block_number")
    first = f"m['block_number'] = at[0]; m['log_index'] = at[1]{changed}"
    again = first if table.made_by == "last" else changed.removeprefix("; ")
    source = (_FOLD_BY_BLOCK if by_block else _FOLD).format(
        key=key[0] if len(key) == 1 else f"({', '.join(key)})",
        stamp_first=first.replace("m[", "values["),
        stamp_again=again.replace("m[", "found["),
        add="".join(
            f"{chr(10)}        if {column!r} in values: values[{column!r}] += found.get({column!r}, 0)"
            for column in table.sums
        ).lstrip(),
        in_block=IN_BLOCK,
        newest=NEWEST,
    )
    columns = (*layout.columns, IN_BLOCK, NEWEST) if by_block else layout.columns
    # The source is made of the names of columns, quoted.
    fold: Fold = functions_of(source, {"in_order": _in_order(layout.name, columns)})["fold"]
    return fold


def _in_order(name: str, columns: Sequence[str]) -> Callable[[Collection[dict[str, Any]]], list[tuple[Any, ...]]]:
    """From values by column to rows in the order of the columns, None where there is no value."""
    pick, size, names = itemgetter(*columns), len(columns), frozenset(columns)

    def in_order(found: Collection[dict[str, Any]]) -> list[tuple[Any, ...]]:
        try:
            rows = list(map(pick, found))
            if sum(map(len, found)) == size * len(rows):
                return rows
        except KeyError:
            pass  # some rows do not name all columns
        for values in found:
            if not values.keys() <= names:
                raise Stop(f"a projection gave {sorted(values)} for table {name}, which has {tuple(columns)}")
        return [tuple([values.get(column) for column in columns]) for values in found]

    return in_order


def fact_rows(layout: Layout, rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """The rows of a table of facts, in the order of its columns.

    Raises:
        Stop: a row does not have the table's columns.
    """
    in_order, size = itemgetter(*layout.columns), len(layout.columns)
    found: list[tuple[Any, ...]] = []
    add = found.append
    for _, at, values in rows:
        values["block_number"], values["log_index"] = at[0], at[1]
        try:
            if len(values) == size:
                add(in_order(values))
                continue
        except KeyError:
            pass
        raise Stop(f"a projection gave {sorted(values)} for table {layout.name}, which has {layout.columns}")
    return found
