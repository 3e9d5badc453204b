"""The part that most views share: a table's columns with the log that made each row.

Every row has its log. The views join it from the left all the same, and the parts of a `union all` have columns of the
same types: so Postgres leaves the log out where a query does not ask for it, which halves what a page reads.
"""


def with_log(table: str, *columns: str) -> str:
    """A query for columns of a chain table (called ``t``), followed by the place of the row's log.

    A column may be any expression over ``t``.
    """
    return (
        f"select {', '.join(_qualified(column) for column in columns)}, {LOG}"
        f" from {{chain}}.{table} t left join {{chain}}.logs l using (block_number, log_index)"
    )


LOG = "t.block_number, l.block_hash, l.tx_hash, t.log_index"
"""The last four columns of a view whose rows come from a table called ``t``."""


def _qualified(column: str) -> str:
    return f"t.{column}" if column.isidentifier() else column
