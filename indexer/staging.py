"""From what projections yield to what is staged: one row per key, or one per key and block, in the table's columns.

The folding functions are compiled per table, for they run once per row of every block of a backfill.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

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
    return [{row} for m in folded.values() if known(m)]
"""
_FOLD_BY_BLOCK = """
def fold(rows):
    folded = {{}}
    get = folded.get
    for _, at, values in rows:
        key = {key}
        versions = get(key)
        if versions is None:
            {stamp_first}
            values[{in_block!r}] = at[0]
            folded[key] = [values]
            continue
        found = versions[-1]
        if None in values.values():
            values = {{column: value for column, value in values.items() if value is not None}}
        {add}
        if found[{in_block!r}] != at[0]:
            found = found.copy()
            found[{in_block!r}] = at[0]
            versions.append(found)
        found.update(values)
        {stamp_again}
    staged = []
    for versions in folded.values():
        versions[-1][{newest!r}] = True
        staged += [{row} for m in versions if known(m)]
    return staged
"""


def rules_of(table: State) -> Rules:
    """How the table's staged rows are merged."""
    return Rules(table.sums, ("block_number", "log_index") if table.made_by == "first" else ())


def compile_fold(table: State, layout: Layout, *, by_block: bool) -> Fold:
    """Return the function that merges partial rows, given in (block, log index) order.

    With ``by_block`` it returns one row per key and block, cumulative over the batch, else one per key: the table's
    columns (None where no row named the column), the block it is the state after, whether it is the key's newest.
    The function takes the rows' values over.

    Raises (the function):
        Stop: a row has a column that the table has not.
    """
    key = [f"values[{column!r}]" for column in layout.key]
    changed = "".join(f"; m[{layout.changed!r}] = at[0]" for _ in (1,) if layout.changed != "block_number")
    first = f"m['block_number'] = at[0]; m['log_index'] = at[1]{changed}"
    again = first if table.made_by == "last" else changed.removeprefix("; ")
    extras = [f"m[{IN_BLOCK!r}]", f"m.get({NEWEST!r}, False)"] if by_block else ["None", "True"]
    source = (_FOLD_BY_BLOCK if by_block else _FOLD).format(
        key=key[0] if len(key) == 1 else f"({', '.join(key)})",
        stamp_first=first.replace("m[", "values["),
        stamp_again=again.replace("m[", "found["),
        add="".join(
            f"{chr(10)}        if {column!r} in values: values[{column!r}] += found.get({column!r}, 0)"
            for column in table.sums
        ).lstrip(),
        row=f"({', '.join([*(f'm.get({column!r})' for column in layout.columns), *extras])})",
        in_block=IN_BLOCK,
        newest=NEWEST,
    )
    names = layout.names | {IN_BLOCK, NEWEST}

    def known(merged: dict[str, Any]) -> bool:
        if merged.keys() <= names:
            return True
        raise Stop(f"a projection gave {sorted(merged)} for table {layout.name}, which has {layout.columns}")

    scope: dict[str, Any] = {"known": known}
    # The source is made of the names of columns, quoted.
    exec(source, scope)  # noqa: S102
    fold: Fold = scope["fold"]
    return fold


def fact_rows(layout: Layout, rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """The rows of a table of facts, in the order of its columns.

    Raises:
        Stop: a row does not have the table's columns.
    """
    in_order, size = itemgetter(*layout.columns), len(layout.columns)
    found = []
    for _, at, values in rows:
        values["block_number"], values["log_index"] = at[0], at[1]
        if len(values) != size or not values.keys() <= layout.names:
            raise Stop(f"a projection gave {sorted(values)} for table {layout.name}, which has {layout.columns}")
        found.append(in_order(values))
    return found
