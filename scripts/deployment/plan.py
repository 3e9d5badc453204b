"""What a deployment should bring about, read from the settings."""

import os
from dataclasses import dataclass, replace

import click
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import to_checksum_address

from scripts.deployment.creations import NATIVE, Holders
from stemma.chain.deployments import source_digest

DEVELOPMENT_CHAIN = 31337
# Anvil's published development accounts: its first key, and the addresses of its third, seventh and eighth.
DEVELOPMENT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
DEVELOPMENT_ATTESTOR = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
DEVELOPMENT_GUARDIAN = "0x976EA74026E726554dB657fA54763abd0C3a0aa9"
DEVELOPMENT_ARBITER = "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955"

# https://developers.circle.com/stablecoins/usdc-contract-addresses
USDC = {
    8453: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",  # Base
    84532: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",  # Base Sepolia
}


@dataclass(frozen=True)
class Plan:
    """What is wanted on chain.

    ``source`` salts the factory's address: other sources, other addresses. ``tokens`` are accepted from the start, by
    symbol; on the development chain a USDC for tests is added to them.
    """

    deployer: LocalAccount
    holders: Holders
    tokens: dict[str, str]
    source: str

    def with_token(self, symbol: str, address: str) -> "Plan":
        """The same with one more token."""
        holders = replace(self.holders, tokens=(*self.holders.tokens, address))
        return replace(self, tokens=self.tokens | {symbol: address}, holders=holders)


def plan_from_environment(chain_id: int) -> Plan:
    """Read the settings. Raises click.UsageError when one is missing or malformed."""
    is_development = chain_id == DEVELOPMENT_CHAIN
    key = os.environ.get("DEPLOYER_PRIVATE_KEY") or (DEVELOPMENT_KEY if is_development else "")
    if not key:
        raise click.UsageError(f"DEPLOYER_PRIVATE_KEY is needed to deploy on chain {chain_id}")
    deployer = Account.from_key(key)
    admin = _one("CONTRACTS_ADMIN", deployer.address)
    tokens = {"ETH": NATIVE}
    if chain_id in USDC:
        tokens["USDC"] = USDC[chain_id]
    holders = Holders(
        admin=admin,
        guardian=_one("GUARDIAN", DEVELOPMENT_GUARDIAN if is_development else ""),
        attestors=_attestors(is_development=is_development),
        arbiters=_several("ARBITERS") or ((DEVELOPMENT_ARBITER,) if is_development else ()),
        fee_recipient=_one("FEE_RECIPIENT", admin),
        tokens=tuple(tokens.values()),
    )
    if holders.guardian == admin:
        raise click.UsageError("GUARDIAN must be another account than the admin, whose orders it may cancel")
    return Plan(deployer=deployer, holders=holders, tokens=tokens, source=source_digest())


def _attestors(*, is_development: bool) -> tuple[str, ...]:
    attestors = _several("ATTESTORS")
    if not attestors and (key := os.environ.get("ATTESTOR_PRIVATE_KEY")):
        attestors = (Account.from_key(key).address,)
    if not attestors and is_development:
        attestors = (DEVELOPMENT_ATTESTOR,)
    if not attestors:
        raise click.UsageError("ATTESTORS or ATTESTOR_PRIVATE_KEY is needed: another attestor has to wait 48 hours")
    return attestors


def _one(name: str, default: str) -> str:
    text = os.environ.get(name) or default
    if not text:
        raise click.UsageError(f"{name} is needed: an address")
    return _address(name, text)


def _several(name: str) -> tuple[str, ...]:
    return tuple(_address(name, part.strip()) for part in os.environ.get(name, "").split(",") if part.strip())


def _address(name: str, text: str) -> str:
    try:
        return str(to_checksum_address(text))
    except ValueError as error:
        raise click.UsageError(f"{name}: {text} is no address") from error
