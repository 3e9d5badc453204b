"""HTTP of explorers and wallets: Etherscan's shapes, contracts, EIP-3091 links, token metadata."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request, Response

from api.catalog.answering import answer
from api.dependencies import ResourcesDependency
from api.explorer import contracts, errors, etherscan, service
from api.explorer.schemas import (
    AddressView,
    BlockView,
    CollectionMetadata,
    ContractDetails,
    Contracts,
    EtherscanAnswer,
    TokenCollection,
    TokenMetadata,
    TransactionView,
)
from api.problems import documented
from api.reading import READING_ERRORS
from api.rights.errors import LicenseNotFound
from stemma.chain.errors import DeploymentMissing, RpcUnreachable

router = APIRouter(tags=["explorer"])

AddressPath = Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")]
Hash32Path = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$")]
_DEPLOYED = "public, max-age=60"

_ETHERSCAN_PARAMETERS = {
    "parameters": [
        {"name": name, "in": "query", "required": required, "schema": {"type": "string"}}
        for name, required in (
            *(("module", True), ("action", True), ("address", False), ("contractaddress", False)),
            *(("fromBlock", False), ("toBlock", False), ("startblock", False), ("endblock", False)),
            *((f"topic{number}", False) for number in range(4)),
            *((f"topic{a}_{b}_opr", False) for a, b in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))),
            *(("page", False), ("offset", False), ("sort", False)),
        )
    ]
}


@router.get(
    "/api",
    operation_id="askEtherscan",
    summary="Etherscan-shaped questions",
    response_model=EtherscanAnswer,
    openapi_extra=_ETHERSCAN_PARAMETERS,
)
async def ask_etherscan(request: Request, resources: ResourcesDependency) -> Response:
    """Answer `logs/getLogs`, `account/tokennfttx`, `contract/getabi` and `contract/getsourcecode`, always by 200."""
    body = msgspec.json.encode(await etherscan.answer(resources, request.query_params))
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-cache"})


@router.get("/contracts", operation_id="listContracts", responses=documented(DeploymentMissing))
async def list_contracts(resources: ResourcesDependency, response: Response) -> Contracts:
    """Return the house's contracts on this chain: addresses, versions, and what verifies their sources."""
    response.headers["Cache-Control"] = _DEPLOYED
    return service.all_contracts(resources)


@router.get(
    "/contracts/{name}", operation_id="getContract", responses=documented(errors.ContractNotFound, DeploymentMissing)
)
async def get_contract(name: str, resources: ResourcesDependency, response: Response) -> ContractDetails:
    """Return a contract with its ABI."""
    response.headers["Cache-Control"] = _DEPLOYED
    return service.one_contract(resources, name)


@router.get(
    "/contracts/{name}/abi.json",
    operation_id="getContractAbi",
    responses=documented(errors.ContractNotFound, DeploymentMissing),
)
async def get_abi(name: str, resources: ResourcesDependency, response: Response) -> list[dict[str, object]]:
    """Return the ABI alone, as tools read it."""
    response.headers["Cache-Control"] = _DEPLOYED
    return contracts.by_name(resources.deployment(), name).abi


@router.get(
    "/contracts/{name}/input.json",
    operation_id="getContractInput",
    response_model=dict[str, object],
    responses=documented(errors.ContractNotFound, errors.SourceMissing, DeploymentMissing),
)
async def get_input(name: str, resources: ResourcesDependency) -> Response:
    """Return the compiler's standard-json input, with which explorers verify the source."""
    contract = contracts.by_name(resources.deployment(), name)
    body = contracts.standard_json_input(resources, contract)
    return Response(body, media_type="application/json", headers={"Cache-Control": _DEPLOYED})


@router.get(
    "/tx/{tx_hash}",
    operation_id="getTransaction",
    summary="EIP-3091: a transaction",
    response_model=TransactionView,
    responses=documented(errors.TransactionNotFound, RpcUnreachable, DeploymentMissing, *READING_ERRORS),
)
async def get_transaction(tx_hash: Hash32Path, request: Request, resources: ResourcesDependency) -> Response:
    """Return what a transaction did to the catalog: our contracts' logs, decoded."""
    return answer(request, await service.transaction(resources, tx_hash), block=None)


@router.get(
    "/block/{name}",
    operation_id="getBlock",
    summary="EIP-3091: a block",
    response_model=BlockView,
    responses=documented(errors.BlockNotFound, RpcUnreachable, DeploymentMissing, *READING_ERRORS),
)
async def get_block(
    name: Annotated[str, Path(pattern=r"^(0x[0-9a-f]{64}|[0-9]{1,18})$", description="A block's number or hash")],
    request: Request,
    resources: ResourcesDependency,
) -> Response:
    """Return what happened to the catalog in a block."""
    return answer(request, await service.block(resources, name), block=None)


@router.get(
    "/address/{address}",
    operation_id="getAddress",
    summary="EIP-3091: an address",
    responses=documented(DeploymentMissing),
)
async def get_address(address: AddressPath, resources: ResourcesDependency) -> AddressView:
    """Return what an address is: one of our contracts, or an account with its links."""
    return service.address(resources, address)


@router.get(
    "/token/{address}",
    operation_id="getToken",
    summary="EIP-3091: a token",
    responses=documented(errors.ContractNotFound, DeploymentMissing),
)
async def get_token(address: AddressPath, resources: ResourcesDependency) -> TokenCollection:
    """Return one of our collections as wallets know it."""
    return service.collection(resources, address)


@router.get(
    "/metadata/collections/{name}.json",
    operation_id="getCollectionMetadata",
    response_model_exclude_none=True,
    responses=documented(errors.ContractNotFound),
)
async def get_collection_metadata(name: str, resources: ResourcesDependency, response: Response) -> CollectionMetadata:
    """Return the metadata of a collection, ERC-7572."""
    response.headers["Cache-Control"] = _DEPLOYED
    return service.collection_metadata(resources, name)


@router.get(
    "/metadata/licenses/{license_id}.json",
    operation_id="getLicenseMetadata",
    response_model_exclude_none=True,
    responses=documented(LicenseNotFound, *READING_ERRORS),
)
async def get_license_metadata(
    license_id: Hash32Path, resources: ResourcesDependency, response: Response
) -> TokenMetadata:
    """Return the metadata of a license as marketplaces and wallets read it."""
    response.headers["Cache-Control"] = _DEPLOYED
    return await service.license_metadata(resources, bytes.fromhex(license_id[2:]))
