"""Which contracts the house has, in which order they are created, and how they come to know each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stemma.chain.abi import CONTRACTS

NATIVE = "0x" + "00" * 20

# The n-th is created at the factory's nonce n. Never reorder: addresses follow from it.
ORDER = CONTRACTS


@dataclass(frozen=True)
class Holders:
    """Who holds which role from the start, and in what the house is paid (zero: the native coin)."""

    admin: str
    guardian: str
    attestors: tuple[str, ...]
    arbiters: tuple[str, ...]
    fee_recipient: str
    tokens: tuple[str, ...]


def constructor_arguments(holders: Holders, at: Mapping[str, str]) -> dict[str, tuple[Any, ...]]:
    """The arguments of each contract's constructor; ``at`` has the addresses that all of them will have."""
    return {
        "Roles": (holders.admin, holders.guardian, list(holders.attestors), list(holders.arbiters)),
        "StemRegistry": (at["Roles"], at["IPNFT"], at["RoyaltySplitter"], at["Licenses"]),
        "IPNFT": (at["StemRegistry"],),
        "RoyaltySplitter": (
            at["Roles"],
            at["StemRegistry"],
            at["IPNFT"],
            at["Disputes"],
            at["LicenseManager"],
            holders.fee_recipient,
            list(holders.tokens),
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
        "SessionVault": (at["LicenseManager"], at["RoyaltySplitter"]),
        "Disputes": (at["Roles"],),
    }
