"""The family tree around a recording."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.catalog import presentation
from api.rights import repository
from api.rights.schemas import Lineage, LineageEdge, LineageNode
from api.rights.service import recording_row
from stemma import works
from stemma.works import WorkId

MAX_DEPTH = 32


async def lineage(
    connection: AsyncConnection, work_id: WorkId, *, depth: int, ancestors: bool, descendants: bool
) -> Lineage:
    """Return the graph of what a recording was made from, and of what was made from it, to a depth.

    Raises:
        WorkNotFound, CatalogNotReady: as `recording_row`.
    """
    row = await recording_row(connection, work_id)
    mine = bytes(row.recording_id)
    distances = {mine: 0}
    truncated = False
    for wanted, upwards in ((ancestors, True), (descendants, False)):
        if wanted:
            found, is_cut = await repository.relatives(connection, mine, depth=depth, upwards=upwards)
            distances |= {each: -distance if upwards else distance for each, distance in found.items()}
            truncated |= is_cut
    known = await repository.brief(connection, list(distances))
    edges = await repository.edges(connection, list(distances))
    return Lineage(
        as_of=presentation.as_of(row),
        work_id=works.to_hex(work_id),
        recording_id=presentation.hexed(mine),
        depth=depth,
        truncated=truncated,
        nodes=[_node(known[each], distance) for each, distance in distances.items() if each in known],
        edges=[_edge(each, row) for each in edges],
    )


def _node(row: Row[Any], distance: int) -> LineageNode:
    return LineageNode(
        work_id=presentation.hexed(row.recording_id),
        distance=distance,
        title=row.title,
        artist=row.artist,
        creator=presentation.address(row.creator),
        rights_holder=presentation.address(row.rights_holder),
        registered_at=row.registered_at,
        parent_count=row.parent_count,
        stack_ppm=row.stack_ppm,
        flagged_until=row.flagged_until,
    )


def _edge(row: Row[Any], head: Row[Any]) -> LineageEdge:
    return LineageEdge(
        child=presentation.hexed(row.recording_id),
        parent=presentation.hexed(row.parent_recording_id),
        parent_work=presentation.hexed(row.parent_id),
        license_id=presentation.hexed(row.license_id),
        ppm=row.ppm,
        tx=presentation.hexed(row.tx_hash),
        block=row.block_number,
        block_hash=presentation.hexed(row.block_hash),
        log_index=row.log_index,
        finality=presentation.finality(row.block_number, head),
    )
