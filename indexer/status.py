"""What `stemma indexer status` prints."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from indexer.publish import chain_schema

_CURSOR = """
select chain_id, block_number, block_hash, block_time, safe_block, finalized_block, history_block from cursor
"""
_PLACE = "select block_number, (select count(*) from logs where block_number > %s) from cursor"
_EVENTS = "select '0x' || encode(address, 'hex'), topic0, count(*) from logs group by 1, 2 order by 3 desc"
SPEED_SECONDS = 1.0
_COUNTS = """
select (select count(*) from recordings), (select count(*) from logs), (select count(*) from feed where reverted),
    (select count(distinct block_hash) from feed where reverted),
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
    """How far one generation is; ``documents`` counts by state, ``events`` raw logs by (address, first topic).

    ``blocks_per_second``, ``logs_per_second``: what a second of looking showed. ``reverted_blocks``: of blocks that a
    reorg took back, those with events that the feed tells of.
    """

    chain_id: int
    block_number: int
    block_hash: bytes
    block_time: datetime
    safe_block: int
    finalized_block: int
    history_block: int
    recordings: int
    logs: int
    reverted_events: int
    reverted_blocks: int
    documents: dict[str, int]
    is_led: bool
    events: tuple[tuple[str, bytes | None, int], ...]
    blocks_per_second: float
    logs_per_second: float


def read_status(database_url: str, generation: int) -> Status | None:
    """Return the status, or None before the first migration or the first block."""
    options = f"-c timezone=UTC -c search_path={chain_schema(generation)}"
    try:
        with psycopg.connect(database_url, options=options) as connection:
            cursor = connection.execute(_CURSOR).fetchone()
            counts = connection.execute(_COUNTS).fetchone()
            leader = connection.execute(_LEADER, (generation,)).fetchone()
            events = connection.execute(_EVENTS).fetchall()
            connection.rollback()
            blocks, logs = _speed(connection, cursor[1] if cursor else 0)
    except psycopg.errors.UndefinedTable:
        return None
    if cursor is None or counts is None:
        return None
    values: tuple[Any, ...] = (*cursor, *counts, leader is not None, tuple(events), blocks, logs)
    return Status(*values)


def _speed(connection: psycopg.Connection, block: int) -> tuple[float, float]:
    """Blocks and logs per second, from two looks."""
    started = time.monotonic()
    time.sleep(SPEED_SECONDS)
    place = connection.execute(_PLACE, (block,)).fetchone()
    seconds = time.monotonic() - started
    return ((place[0] - block) / seconds, place[1] / seconds) if place else (0.0, 0.0)


def report(status: Status | None, *, node_head: int | None = None, names: Mapping[tuple[str, bytes], str]) -> str:
    """Return the lines for a person. ``node_head``: the node's newest block; ``names``: of the known events."""
    if status is None:
        return "Nothing is indexed yet."
    documents = ", ".join(f"{count} {state}" for state, count in sorted(status.documents.items())) or "none"
    lag = "the node does not answer" if node_head is None else f"{node_head - status.block_number} blocks"
    return "\n".join(
        [
            f"chain       {status.chain_id}",
            f"head        {status.block_number}  0x{status.block_hash.hex()}  {status.block_time:%F %T} UTC",
            f"lag         {lag}",
            f"safe        {status.safe_block}",
            f"finalized   {status.finalized_block}",
            f"history     from block {status.history_block}",
            f"speed       {status.blocks_per_second:.1f} blocks/s, {status.logs_per_second:.1f} logs/s",
            f"indexed     {status.recordings} recordings from {status.logs} logs",
            f"reverted    {status.reverted_events} events of {status.reverted_blocks} blocks by reorgs",
            f"documents   {documents}",
            f"leader      {'yes' if status.is_led else 'no indexer is running'}",
            *(
                f"event       {names.get((address, topic0 or b''), 'unknown of ' + address)} {count}"
                for address, topic0, count in status.events
            ),
        ]
    )
