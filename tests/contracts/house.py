"""The house's contracts, which know each other, deployed by one account in their order of creation."""

from dataclasses import dataclass
from typing import Any

from eth_utils import keccak, to_checksum_address
from rlp import encode

NATIVE = "0x" + "00" * 20

ORDER = (
    "Roles",
    "StemRegistry",
    "IPNFT",
    "RoyaltySplitter",
    "Licenses",
    "LicenseManager",
    "SessionVault",
    "Disputes",
)


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
    first = deployer.nonce
    at = {name: created_address(deployer.address, first + place) for place, name in enumerate(ORDER)}
    arguments = {
        "Roles": (admin, guardian, [attestor], [arbiter]),
        "StemRegistry": (at["Roles"], at["IPNFT"], at["RoyaltySplitter"], at["Licenses"]),
        "IPNFT": (at["StemRegistry"],),
        "RoyaltySplitter": (
            at["Roles"],
            at["StemRegistry"],
            at["IPNFT"],
            at["Disputes"],
            at["LicenseManager"],
            admin,
            [NATIVE, usdc],
        ),
        "Licenses": (at["StemRegistry"], at["LicenseManager"]),
        "LicenseManager": (
            at["Roles"],
            at["StemRegistry"],
            at["IPNFT"],
            at["RoyaltySplitter"],
            at["Licenses"],
            at["Disputes"],
        ),
        "SessionVault": (at["LicenseManager"], at["Licenses"], at["RoyaltySplitter"]),
        "Disputes": (at["Roles"],),
    }
    contracts = {}
    for name in ORDER:
        container = getattr(project, name, None)
        if container is None:
            deployer.transfer(deployer, 0)
            continue
        contracts[name] = deployer.deploy(container, *arguments[name])
        assert contracts[name].address == at[name]
    return House(contracts, usdc)
