"""What a chain schema says, in a form that two of them can be compared by."""

from collections import Counter
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from indexer.layout import LAYOUTS, Layout, layouts
from indexer.publish import chain_schema


def dump(admin_url: str, generation: int) -> dict[str, list[str]]:
    """Every table's rows, sorted, without running numbers; the feed as what remains after what was taken back."""
    with psycopg.connect(admin_url, options="-c timezone=UTC") as connection:
        return dump_over(connection, generation)


def dump_over(connection: psycopg.Connection[Any], generation: int) -> dict[str, list[str]]:
    """The same over a connection that works in UTC."""
    schema = chain_schema(generation)
    found = layouts(connection.execute(LAYOUTS, (schema,)).fetchall())
    return {name: _rows(connection, schema, found[name]) for name in sorted(found) if name != "alembic_version"}


def _rows(connection: psycopg.Connection[Any], schema: str, table: Layout) -> list[str]:
    # What the journal holds below its window is let go of now and then, not at once; an index that meets many blocks
    # at once does not keep the headers of all.
    rest, columns = SQL(""), table.columns
    if table.name == "feed":
        rest, columns = SQL("order by seq"), ("reverted", *(each for each in table.columns if each != "reverted"))
    elif table.name.endswith("_journal"):
        rest = SQL("where replaced_in > (select history_block from {}.cursor)")
    elif table.name == "headers":
        rest = SQL("where number >= (select least(finalized_block, block_number) from {}.cursor)")
    copying = SQL("copy (select {} from {} {}) to stdout").format(
        SQL(", ").join(map(Identifier, columns)),
        Identifier(schema, table.name),
        rest.format(Identifier(schema)),
    )
    with connection.cursor() as cursor, cursor.copy(copying) as copy:
        rows = b"".join(copy).decode().splitlines()
    return _remaining(rows) if table.name == "feed" else sorted(rows)


def _remaining(feed: list[str]) -> list[str]:
    """The feed after its reverts; a row taken back must be there, and none may be there twice."""
    standing: Counter[str] = Counter()
    for line in feed:
        reverted, row = line.split("\t", 1)
        standing[row] += -1 if reverted == "t" else 1
        assert standing[row] in (0, 1), f"the feed has {row} {standing[row]} times"
    return sorted(standing.elements())
