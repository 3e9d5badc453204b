"""The chain tables as of a block: a schema of views that mirrors a generation, table by table.

`chain_<n>_past.titles` has the columns of `chain_<n>.titles` and the rows it had after the block that the setting
`stemma.at_block` of the session names. A view over the chain tables becomes one over their past by naming the other
schema, so every view of `catalog` has its twin in `catalog_at` without another line of SQL.

A row of current state is the present one where that was changed at or before the block, else the one of the journal
that held then: two plain scans, which Postgres can drive by key from either side of a join.
"""

from collections.abc import Iterable, Mapping

from psycopg.sql import SQL, Composed, Identifier

from indexer.layout import Layout
from indexer.tables import Facts, State
from stemma.catalog.words import AT_BLOCK

_AT = SQL(f"current_setting('{AT_BLOCK}')::bigint")

# The conditions stand outside, or Postgres would not join into the two scans by key; where nothing was replaced,
# {changed} is null.
_STATE = """
create view {past} as
select {columns} from (
    select {columns}, 9223372036854775807::bigint as replaced_in from {table}
    union all
    select {columns}, replaced_in from {journal}
) held where {changed} <= {at} and replaced_in > {at}
"""
_FACTS = "create view {past} as select * from {table} where block_number <= {at}"
# How final a block is, is judged by what is final now. A block of a backfill without logs of ours may have no header.
_CURSOR = """
create view {past} as
select c.chain_id, c.genesis_hash, c.contracts, at.block_number,
    coalesce(h.hash, l.block_hash) as block_hash, coalesce(h.time, l.block_time) as block_time,
    c.safe_block, c.finalized_block, c.history_block
from {cursor} c cross join (select {at} as block_number) at
left join {headers} h on h.number = at.block_number
left join lateral (
    select block_hash, block_time from {logs} l where l.block_number = at.block_number limit 1
) l on true
where at.block_number between c.history_block and c.block_number
"""


def past_schema(chain: str) -> str:
    """The schema of a chain schema's past."""
    return f"{chain}_past"


def past_views(chain: str, tables: Iterable[Facts | State], found: Mapping[str, Layout]) -> list[Composed]:
    """The statements that make the past of a chain schema, which must not be there yet."""
    statements = [SQL("create schema {}").format(Identifier(past_schema(chain)))]
    for table in tables:
        if isinstance(table, State):
            statements.append(_past_state(chain, found[table.name]))
        else:
            statements.append(_past_facts(chain, table.name))
    statements += [_past_facts(chain, name) for name in ("logs", "feed")]
    statements.append(
        SQL(_CURSOR).format(
            past=_past(chain, "cursor"),
            at=_AT,
            **{name: Identifier(chain, name) for name in ("cursor", "headers", "logs")},
        )
    )
    return statements


def _past_state(chain: str, layout: Layout) -> Composed:
    return SQL(_STATE).format(
        past=_past(chain, layout.name),
        columns=SQL(", ").join(map(Identifier, layout.columns)),
        table=Identifier(chain, layout.name),
        journal=Identifier(chain, layout.journal),
        changed=Identifier(layout.changed),
        at=_AT,
    )


def _past_facts(chain: str, name: str) -> Composed:
    return SQL(_FACTS).format(past=_past(chain, name), table=Identifier(chain, name), at=_AT)


def _past(chain: str, name: str) -> Identifier:
    return Identifier(past_schema(chain), name)
