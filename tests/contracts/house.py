"""The house's contracts, which know each other, deployed by one account in their order of creation."""

from dataclasses import dataclass
from typing import Any

from eth_utils import keccak, to_checksum_address
from rlp import encode

from scripts.deployment.creations import NATIVE, ORDER, Holders, constructor_arguments


@dataclass(frozen=True)
class House:
    """The eight contracts, and the token that is accepted from the start beside the native coin."""

    contracts: dict[str, Any]
    usdc: Any

    def __getitem__(self, name: str) -> Any:
        return self.contracts[name]


def created_address(creator: str, nonce: int) -> str:
    """The address of what an account creates at a nonce."""
    return to_checksum_address(keccak(encode([bytes.fromhex(creator.removeprefix("0x")), nonce]))[12:])


def deploy_house(project, deployer, *, admin, guardian, attestor, arbiter) -> House:
    """Deploy all of it, with the admin as fee recipient."""
    usdc = deployer.deploy(project.TestUSDC, deployer)  # who may blacklist
    holders = Holders(
        admin=admin.address,
        guardian=guardian.address,
        attestors=(attestor.address,),
        arbiters=(arbiter.address,),
        fee_recipient=admin.address,
        tokens=(NATIVE, usdc.address),
    )
    first = deployer.nonce
    at = {name: created_address(deployer.address, first + place) for place, name in enumerate(ORDER)}
    arguments = constructor_arguments(holders, at)
    contracts = {name: deployer.deploy(getattr(project, name), *arguments[name]) for name in ORDER}
    assert {name: contract.address for name, contract in contracts.items()} == at
    return House(contracts, usdc)
