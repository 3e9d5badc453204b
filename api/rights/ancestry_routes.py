"""HTTP of ancestry and royalties."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api.catalog.answering import answer, reads
from api.catalog.errors import WorkNotFound
from api.catalog.queries import WorkIdPath
from api.dependencies import ResourcesDependency
from api.reading import BlockQuery, Snapshot
from api.rights import lineage, royalties
from api.rights.errors import NotAnAncestor, RoyaltyTableMismatch
from api.rights.schemas import Lineage, Royalties, RoyaltyProof
from stemma import works
from stemma.chain.errors import DeploymentMissing

router = APIRouter(tags=["rights"])


@router.get(
    "/catalog/{work_id}/lineage",
    operation_id="getLineage",
    response_model=Lineage,
    responses=reads(WorkNotFound),
)
async def get_lineage(
    work_id: WorkIdPath,
    request: Request,
    connection: Snapshot,
    *,
    depth: Annotated[int, Query(ge=1, le=lineage.MAX_DEPTH, description="Steps in each direction")] = 3,
    direction: Annotated[Literal["both", "ancestors", "descendants"], Query()] = "both",
    block: BlockQuery = None,
) -> Response:
    """Return the family tree around a work's recording: nodes, and edges with the licenses that were consumed."""
    graph = await lineage.lineage(
        connection,
        works.from_hex(work_id),
        depth=depth,
        ancestors=direction != "descendants",
        descendants=direction != "ancestors",
    )
    return answer(request, graph, block=block)


@router.get(
    "/catalog/{work_id}/royalties",
    operation_id="getRoyalties",
    response_model=Royalties,
    responses=reads(WorkNotFound, RoyaltyTableMismatch),
)
async def get_royalties(
    work_id: WorkIdPath, request: Request, connection: Snapshot, block: BlockQuery = None
) -> Response:
    """Return the royalty table with its root, the ledger, what is owed to whom, and the room left for a remix."""
    return answer(request, await royalties.royalties(connection, works.from_hex(work_id)), block=block)


@router.get(
    "/catalog/{work_id}/royalties/proof/{ancestor}",
    operation_id="getRoyaltyProof",
    response_model=RoyaltyProof,
    responses=reads(WorkNotFound, NotAnAncestor, RoyaltyTableMismatch),
)
async def get_royalty_proof(
    work_id: WorkIdPath,
    ancestor: WorkIdPath,
    *,
    request: Request,
    connection: Snapshot,
    resources: ResourcesDependency,
    block: BlockQuery = None,
) -> Response:
    """Return the proof of an ancestor's share, checked against the root on chain, with transactions ready to send."""
    try:
        contracts = resources.deployment().contracts
    except DeploymentMissing:
        contracts = {}
    splitter = contracts["RoyaltySplitter"].address if "RoyaltySplitter" in contracts else None
    found = await royalties.proof(connection, works.from_hex(work_id), works.from_hex(ancestor), splitter)
    return answer(request, found, block=block)
