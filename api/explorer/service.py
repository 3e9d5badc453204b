"""The rules of what explorers and wallets read: contracts, transactions, blocks, addresses, tokens."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from api.catalog import presentation
from api.catalog.errors import CatalogNotReady
from api.explorer import contracts, repository
from api.explorer.errors import BlockNotFound, ContractNotFound, TransactionNotFound
from api.explorer.repository import LogFilter
from api.explorer.schemas import (
    AddressView,
    Attribute,
    BlockView,
    CollectionMetadata,
    ContractDetails,
    ContractLinks,
    Contracts,
    ContractSummary,
    LogView,
    TokenCollection,
    TokenMetadata,
    TransactionView,
)
from api.reading import reading
from api.resources import Resources
from api.rights import service as rights
from api.rights.schemas import LicenseDetails
from stemma import works
from stemma.chain.deployments import ContractDeployment, Deployment
from stemma.chain.errors import RpcRefused
from stemma.works import STEM_KINDS

_MAX_LOGS = 1_000
_DESCRIPTIONS = {
    "IPNFT": "Titles of recordings and of the stems they were separated into.",
    "Licenses": "Licenses of recordings and of the stems they were separated into.",
}


def all_contracts(resources: Resources) -> Contracts:
    """Return the house's contracts. Raises DeploymentMissing."""
    deployment = resources.deployment()
    return Contracts(
        chain_id=deployment.chain_id,
        chain=f"eip155:{deployment.chain_id}",
        version=deployment.version,
        source_digest=deployment.source_digest,
        factory=deployment.factory,
        tokens=deployment.tokens,
        contracts=[_summary(deployment, name, each) for name, each in deployment.contracts.items()],
    )


def one_contract(resources: Resources, name: str) -> ContractDetails:
    """Return a contract with its ABI. Raises ContractNotFound, DeploymentMissing."""
    deployment = resources.deployment()
    contract = contracts.by_name(deployment, name)
    return ContractDetails(**dict(_summary(deployment, name, contract)), abi=contract.abi)


async def transaction(resources: Resources, tx_hash: str) -> TransactionView:
    """Return what a transaction did to the catalog.

    Raises:
        TransactionNotFound: it is in no block of the node's chain.
        RpcUnreachable: no node answers.
    """
    receipt = await _asked(resources, "eth_getTransactionReceipt", tx_hash)
    if receipt is None or receipt.get("blockNumber") is None:
        raise TransactionNotFound(f"the chain has no block with the transaction {tx_hash}")
    number = int(receipt["blockNumber"], 16)
    head, rows = await _logs(resources, LogFilter(number, number, tx_hash=bytes.fromhex(tx_hash[2:])))
    return TransactionView(
        as_of=presentation.as_of(head),
        tx=tx_hash,
        block=number,
        block_hash=receipt["blockHash"],
        time=rows[0].block_time if rows else None,
        succeeded=int(receipt["status"], 16) == 1,
        finality=presentation.finality(number, head),
        logs=_shown(resources, rows),
    )


async def block(resources: Resources, name: str) -> BlockView:
    """Return what happened to the catalog in a block, named by number or hash.

    Raises:
        BlockNotFound: the chain has no such block.
        RpcUnreachable: no node answers.
    """
    if name.startswith("0x"):
        found = await _asked(resources, "eth_getBlockByHash", name, False)
    else:
        found = await _asked(resources, "eth_getBlockByNumber", hex(int(name)), False)
    if found is None:
        raise BlockNotFound(f"the chain has no block {name}")
    number = int(found["number"], 16)
    head, rows = await _logs(resources, LogFilter(number, number))
    return BlockView(
        as_of=presentation.as_of(head),
        block=number,
        hash=found["hash"],
        time=datetime.fromtimestamp(int(found["timestamp"], 16), UTC),
        finality=presentation.finality(number, head),
        logs=_shown(resources, rows),
    )


def address(resources: Resources, account: str) -> AddressView:
    """Return what an address is to us. Raises DeploymentMissing."""
    deployment = resources.deployment()
    shown = presentation.address(bytes.fromhex(account[2:]))
    found = contracts.by_address(deployment, account)
    links = {"artist": f"/artists/{shown}", "recordings": f"/catalog?artist={shown}"}
    if found is not None:
        links = {"contract": f"/contracts/{found[0]}"}
    return AddressView(
        address=shown,
        account_id=f"eip155:{deployment.chain_id}:{shown}",
        contract=None if found is None else _summary(deployment, *found),
        links=links,
    )


def collection(resources: Resources, account: str) -> TokenCollection:
    """Return one of our collections by its address. Raises ContractNotFound, DeploymentMissing."""
    deployment = resources.deployment()
    found = contracts.by_address(deployment, account)
    if found is None or found[0] not in contracts.COLLECTIONS:
        raise ContractNotFound(f"{account} is none of our collections")
    name, contract = found
    label, symbol = contracts.COLLECTIONS[name]
    return TokenCollection(
        address=contract.address,
        asset_id=f"eip155:{deployment.chain_id}/erc721:{contract.address}",
        name=label,
        symbol=symbol,
        contract_uri=f"/metadata/collections/{name}.json",
        metadata="/metadata/{workId}.json" if name == "IPNFT" else "/metadata/licenses/{licenseId}.json",
    )


def collection_metadata(resources: Resources, name: str) -> CollectionMetadata:
    """Return the document of a collection, ERC-7572: what is on chain, and a link. Raises ContractNotFound."""
    if name not in contracts.COLLECTIONS:
        raise ContractNotFound(f"the collections are {', '.join(contracts.COLLECTIONS)}")
    label, symbol = contracts.COLLECTIONS[name]
    return CollectionMetadata(
        name=label,
        symbol=symbol,
        description=_DESCRIPTIONS[name],
        external_link=f"{resources.settings.public_url.rstrip('/')}/contracts/{name}",
    )


async def license_metadata(resources: Resources, license_id: bytes) -> TokenMetadata:
    """Return the document of a license: what is on chain, and the recording's name. Raises LicenseNotFound."""
    async with reading(resources, isolation="REPEATABLE READ") as connection:
        found = await rights.one_license(connection, license_id)
        recording = await rights.recording_row(connection, works.from_hex(found.recording_id))
    of = f"“{recording.title}” by {recording.artist}" if recording.title else found.recording_id
    return TokenMetadata(
        name=f"{found.kind.value.capitalize()} license of {of}",
        description="A license of a recording or a stem, as it was granted.",
        external_url=f"{resources.settings.public_url.rstrip('/')}/licenses/{found.license_id}",
        animation_url=f"{resources.settings.public_url.rstrip('/')}/catalog/{found.work_id}/preview",
        attributes=_attributes(found),
    )


def _attributes(found: LicenseDetails) -> list[Attribute]:
    labels = ["recording", *(kind.label for kind in STEM_KINDS)]
    covers = ", ".join(label for number, label in enumerate(labels) if found.coverage >> number & 1)
    attributes = [
        Attribute(trait_type="Kind", value=found.kind.value.capitalize()),
        Attribute(trait_type="Work", value=found.work_id),
        Attribute(trait_type="Covers", value=covers),
        Attribute(trait_type="Version", value=found.version),
    ]
    if found.expires_at is not None:
        expiry = int(found.expires_at.timestamp())
        attributes.append(Attribute(trait_type="Expires", value=expiry, display_type="date"))
    attributes.append(Attribute(trait_type="Transferable", value="yes" if found.transferable else "no"))
    attributes.append(Attribute(trait_type="Terms", value=found.terms_id))
    return attributes


async def _logs(resources: Resources, wanted: LogFilter) -> tuple[Row[Any], list[Row[Any]]]:
    async with reading(resources, isolation="REPEATABLE READ") as connection:
        head = await repository.current_head(connection)
        if head is None:
            raise CatalogNotReady("the index has not seen a block yet")
        return head, list(await repository.found(connection, wanted, limit=_MAX_LOGS))


def _shown(resources: Resources, rows: list[Row[Any]]) -> list[LogView]:
    deployment = resources.deployment()
    shown = []
    for row in rows:
        topics = [bytes(each) for each in (row.topic0, row.topic1, row.topic2, row.topic3) if each is not None]
        found = contracts.by_address(deployment, presentation.hexed(row.address))
        event = None if found is None else contracts.decoded(found[1], topics, bytes(row.data))
        shown.append(
            LogView(
                address=presentation.address(row.address),
                contract=None if found is None else found[0],
                event=None if event is None else event[0],
                arguments=None if event is None else event[1],
                topics=[presentation.hexed(each) for each in topics],
                data=presentation.hexed(row.data),
                log_index=row.log_index,
                tx=presentation.hexed(row.tx_hash),
            )
        )
    return shown


async def _asked(resources: Resources, method: str, *arguments: Any) -> Any:
    """Ask the node; a hash or number that it refuses is one that it does not have."""
    try:
        return await resources.rpc.call(method, *arguments)
    except RpcRefused:
        return None


def _summary(deployment: Deployment, name: str, contract: ContractDeployment) -> ContractSummary:
    own = f"/contracts/{name}"
    return ContractSummary(
        name=name,
        address=contract.address,
        account_id=f"eip155:{deployment.chain_id}:{contract.address}",
        first_block=contract.first_block,
        tx=contract.tx_hash,
        code_hash=contract.code_hash,
        source_name=contract.source_name,
        compiler=contract.compiler,
        constructor_arguments=contract.constructor_arguments,
        links=ContractLinks(
            self_=own,
            abi=f"{own}/abi.json",
            standard_json_input=f"{own}/input.json",
            address=f"/address/{contract.address}",
        ),
    )
