"""What a chain schema says, in a form that two of them can be compared by."""

from collections import Counter
from typing import Any

import psycopg
from psycopg.rows import dict_row

from indexer.publish import chain_schema

_TABLES = """
select table_name from information_schema.tables
where table_schema = %s and table_type = 'BASE TABLE' and table_name <> 'alembic_version' order by 1
"""


def dump(admin_url: str, generation: int) -> dict[str, list[str]]:
    """Every table's rows, sorted, without running numbers; the feed as what remains after what was taken back."""
    schema = chain_schema(generation)
    with psycopg.connect(admin_url, row_factory=dict_row, options="-c timezone=UTC") as connection:
        names = [row["table_name"] for row in connection.execute(_TABLES, (schema,))]
        return {name: _rows(connection, schema, name) for name in names}


def _rows(connection: psycopg.Connection[dict[str, Any]], schema: str, name: str) -> list[str]:
    # What the journal holds below its window is let go of now and then, not at once; an index that meets many blocks
    # at once does not keep the headers of all.
    window = f"(select history_block from {schema}.cursor)"
    rest = ""
    if name == "feed":
        rest = " order by seq"
    elif name.endswith("_journal"):
        rest = f" where replaced_in > {window}"
    elif name == "headers":
        rest = f" where number >= (select least(finalized_block, block_number) from {schema}.cursor)"
    rows = connection.execute(f"select * from {schema}.{name}{rest}").fetchall()
    for row in rows:
        row.pop("seq", None)
    return _remaining(rows) if name == "feed" else sorted(map(repr, rows))


def _remaining(feed: list[dict[str, Any]]) -> list[str]:
    """The feed after its reverts; a row taken back must be there, and none may be there twice."""
    standing: Counter[str] = Counter()
    for row in feed:
        is_reverted = row.pop("reverted")
        standing[repr(row)] += -1 if is_reverted else 1
        assert standing[repr(row)] in (0, 1), f"the feed has {row} {standing[repr(row)]} times"
    return sorted(standing.elements())
