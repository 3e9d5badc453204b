"""Compiled contracts of this project."""

import json
from typing import Any

from ape import project


def abi_of(contract: str) -> list[dict[str, Any]]:
    """The contract's ABI as the compiler gives it."""
    contract_type = getattr(project, contract).contract_type
    abi: list[dict[str, Any]] = json.loads(
        contract_type.model_dump_json(include={"abi"}, by_alias=True, exclude_none=True)
    )["abi"]
    return abi


def creation_code_of(contract: str) -> bytes:
    """The compiled creation code, without constructor arguments."""
    code: str = getattr(project, contract).contract_type.deployment_bytecode.bytecode
    return bytes.fromhex(code.removeprefix("0x"))
