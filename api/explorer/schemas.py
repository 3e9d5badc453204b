"""Bodies of what explorers and wallets ask."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.catalog.schemas import Address, AsOf, Body, Finality
from stemma.documents import Hash32


class EtherscanAnswer(BaseModel):
    """Etherscan's shape: ``status`` `1` with a result, `0` without."""

    status: Literal["0", "1"]
    message: str
    result: Any


class ContractLinks(Body):
    """Relative to the API."""

    self_: str = Field(alias="self")
    abi: str
    standard_json_input: str
    address: str


class ContractSummary(Body):
    """One contract of the house: where it is, and all that is needed to verify its source."""

    name: str
    address: Address
    account_id: str = Field(description="CAIP-10")
    first_block: int
    tx: Hash32
    code_hash: Hash32
    source_name: str
    compiler: str
    constructor_arguments: str
    links: ContractLinks


class ContractDetails(ContractSummary):
    """A contract with its ABI."""

    abi: list[dict[str, Any]]


class Contracts(Body):
    """The house's contracts on this chain. ``version`` counts deployments."""

    chain_id: int
    chain: str = Field(description="CAIP-2")
    version: int
    source_digest: str
    factory: Address
    tokens: dict[str, Address]
    contracts: list[ContractSummary]


class LogView(Body):
    """A log of our contracts; ``event`` and ``arguments`` are null when no ABI of ours describes it."""

    address: Address
    contract: str | None
    event: str | None
    arguments: dict[str, Any] | None
    topics: list[Hash32]
    data: str
    log_index: int
    tx: Hash32


class TransactionView(Body):
    """What a transaction did to the catalog."""

    as_of: AsOf
    tx: Hash32
    block: int
    block_hash: Hash32
    time: datetime | None
    succeeded: bool
    finality: Finality
    logs: list[LogView]


class BlockView(Body):
    """What happened to the catalog in a block; at most 1000 logs are shown."""

    as_of: AsOf
    block: int
    hash: Hash32
    time: datetime
    finality: Finality
    logs: list[LogView]


class AddressView(Body):
    """An address, as one of our contracts or as an account."""

    address: Address
    account_id: str = Field(description="CAIP-10")
    contract: ContractSummary | None
    links: dict[str, str]


class TokenCollection(Body):
    """A collection of ours as wallets know it. ``metadata`` is where the document of a token is."""

    address: Address
    asset_id: str = Field(description="CAIP-19, without the token")
    name: str
    symbol: str
    standard: Literal["ERC-721"] = "ERC-721"
    contract_uri: str
    metadata: str


class Attribute(BaseModel):
    """A trait, as OpenSea reads it."""

    model_config = ConfigDict(extra="forbid")

    trait_type: str
    value: str | int
    display_type: str | None = None


class TokenMetadata(BaseModel):
    """Metadata of one token in the snake case that marketplaces and wallets read."""

    name: str
    description: str
    external_url: str | None = None
    animation_url: str | None = None
    image: str | None = None
    attributes: list[Attribute]


class CollectionMetadata(BaseModel):
    """Metadata of a collection, ERC-7572."""

    name: str
    symbol: str
    description: str
    external_link: str | None = None
    collaborators: list[str] = []
