"""The house's contracts as their deployment describes them, and what their logs mean."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from api.explorer.errors import ContractNotFound, SourceMissing
from api.resources import Resources
from stemma.chain.deployments import ContractDeployment, Deployment, deployment_file

COLLECTIONS = {"IPNFT": ("Stemma Titles", "STEMMA"), "Licenses": ("Stemma Licenses", "STEMMA-L")}
"""The contracts that are ERC-721, with name and symbol as on chain."""


def by_name(deployment: Deployment, name: str) -> ContractDeployment:
    """Return a contract. Raises ContractNotFound."""
    found = deployment.contracts.get(name)
    if found is None:
        raise ContractNotFound(f"the contracts are {', '.join(deployment.contracts)}")
    return found


def by_address(deployment: Deployment, address: str) -> tuple[str, ContractDeployment] | None:
    """Return name and contract of an address in any case, or None."""
    wanted = address.lower()
    return next(
        ((name, each) for name, each in deployment.contracts.items() if each.address.lower() == wanted),
        None,
    )


def standard_json_input(resources: Resources, contract: ContractDeployment) -> bytes:
    """Return the compiler's input that the contract was made from, as explorers verify it. Raises SourceMissing."""
    folder = deployment_file(resources.settings.deployments_dir, resources.settings.chain_id).parent
    try:
        return (folder / "inputs" / contract.standard_json_input.rsplit("/", 1)[-1]).read_bytes()
    except FileNotFoundError:
        raise SourceMissing(f"{contract.standard_json_input} is not in the folder of deployments") from None


def decoded(contract: ContractDeployment, topics: list[bytes], data: bytes) -> tuple[str, dict[str, Any]] | None:
    """Return an event's name and arguments in JSON: bytes as hex, numbers above 2^53 as strings. None: not ours."""
    if not topics:
        return None
    entry = _events(json.dumps(contract.abi)).get(topics[0])
    if entry is None:
        return None
    indexed = [argument for argument in entry["inputs"] if argument["indexed"]]
    plain = [argument for argument in entry["inputs"] if not argument["indexed"]]
    try:
        values = dict(
            zip(
                (argument["name"] for argument in indexed),
                (decode([argument["type"]], topic)[0] for argument, topic in zip(indexed, topics[1:], strict=True)),
                strict=True,
            )
        )
        values |= zip((each["name"] for each in plain), decode([each["type"] for each in plain], data), strict=True)
    except (DecodingError, ValueError):
        return None
    return entry["name"], {each["name"]: _readable(each["type"], values[each["name"]]) for each in entry["inputs"]}


@lru_cache(maxsize=32)
def _events(abi: str) -> dict[bytes, dict[str, Any]]:
    return {keccak(signature.encode()): entry for signature, entry in _signatures(abi)}


def _signatures(abi: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for entry in json.loads(abi):
        if entry["type"] == "event":
            yield f"{entry['name']}({','.join(each['type'] for each in entry['inputs'])})", entry


def _readable(abi_type: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if abi_type == "uint224":
        return f"0x{value:056x}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 53:
        return str(value)
    if isinstance(value, list | tuple):
        return [_readable("", each) for each in value]
    return value
