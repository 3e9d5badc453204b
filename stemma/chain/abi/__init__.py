"""The ABIs that services need at run time, as JSON beside this file. `ape run bindings` writes them anew."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

CONTRACTS = (
    "Roles",
    "StemRegistry",
    "IPNFT",
    "RoyaltySplitter",
    "Licenses",
    "LicenseManager",
    "SessionVault",
    "Disputes",
)


@cache
def load_abi(contract: str) -> list[dict[str, Any]]:
    """The ABI of one of ``CONTRACTS``. Treat it as read-only: it is shared.

    Raises:
        FileNotFoundError: no ABI of that name is kept here.
    """
    abi: list[dict[str, Any]] = json.loads(files(__name__).joinpath(f"{contract}.json").read_text("utf-8"))
    return abi


@cache
def validator_creation_code() -> bytes:
    """Creation code of contracts/UniversalSignatureValidator.sol, to which the arguments are appended."""
    return bytes.fromhex(
        files(__name__).joinpath("UniversalSignatureValidator.creation.hex").read_text("ascii").strip()
    )
