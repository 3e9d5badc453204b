"""What `stemma indexer status` prints."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from indexer.publish import chain_schema

_CURSOR = "select chain_id, block_number, block_hash, block_time, safe_block, finalized_block from cursor"
_COUNTS = """
select (select count(*) from recordings), (select count(*) from logs), (select count(*) from feed where reverted),
    (select coalesce(json_object_agg(state, n), '{}') from (
        select state, count(*) n from content.documents group by state) s)
"""
_LEADER = """
select a.pid from pg_locks l join pg_stat_activity a using (pid)
where l.locktype = 'advisory' and l.objid = %s and l.granted and a.application_name = 'indexer-writer'
    and a.datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class Status:
    """How far one generation is; ``documents`` counts by state."""

    chain_id: int
    block_number: int
    block_hash: bytes
    block_time: datetime
    safe_block: int
    finalized_block: int
    recordings: int
    logs: int
    reverted_events: int
    documents: dict[str, int]
    is_led: bool


def read_status(database_url: str, generation: int) -> Status | None:
    """Return the status, or None before the first migration or the first block."""
    options = f"-c timezone=UTC -c search_path={chain_schema(generation)}"
    try:
        with psycopg.connect(database_url, options=options) as connection:
            cursor = connection.execute(_CURSOR).fetchone()
            counts = connection.execute(_COUNTS).fetchone()
            leader = connection.execute(_LEADER, (generation,)).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    if cursor is None or counts is None:
        return None
    values: tuple[Any, ...] = (*cursor, *counts, leader is not None)
    return Status(*values)


def report(status: Status | None) -> str:
    """Return the lines for a person."""
    if status is None:
        return "Nothing is indexed yet."
    documents = ", ".join(f"{count} {state}" for state, count in sorted(status.documents.items())) or "none"
    return "\n".join(
        [
            f"chain       {status.chain_id}",
            f"head        {status.block_number}  0x{status.block_hash.hex()}  {status.block_time:%F %T} UTC",
            f"safe        {status.safe_block}",
            f"finalized   {status.finalized_block}",
            f"indexed     {status.recordings} recordings from {status.logs} logs",
            f"reverted    {status.reverted_events} events by reorgs",
            f"documents   {documents}",
            f"leader      {'yes' if status.is_led else 'no indexer is running'}",
        ]
    )
