"""What a deployment looks like from outside: whether its code is what was deployed, who holds which role, what waits.

Everything comes from one node by blocking calls; nothing needs an index.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from stemma.chain.abi import CONTRACTS, load_abi
from stemma.chain.deployments import ContractDeployment, Deployment
from stemma.chain.errors import RpcRefused
from stemma.chain.json_rpc import call_blocking

ROLE_NAMES = {
    bytes(32): "grants roles (the timelock itself)",
    keccak(b"PROPOSER_ROLE"): "admin, schedules",
    keccak(b"EXECUTOR_ROLE"): "admin, executes",
    keccak(b"CANCELLER_ROLE"): "guardian",
    keccak(b"ATTESTOR_ROLE"): "attestor",
    keccak(b"ARBITER_ROLE"): "arbiter",
}

_GRANTED = keccak(b"RoleGranted(bytes32,address,address)")
_REVOKED = keccak(b"RoleRevoked(bytes32,address,address)")
_SCHEDULED = keccak(b"CallScheduled(bytes32,uint256,address,uint256,bytes,bytes32,uint256)")
_TIMESTAMP_OF = keccak(b"getTimestamp(bytes32)")[:4]
_FEE_RECIPIENT = keccak(b"feeRecipient()")[:4]
_FEE_PPM = keccak(b"feePpm()")[:4]
_IS_ACCEPTED = keccak(b"isAccepted(address)")[:4]
_DONE = 1


@dataclass(frozen=True, slots=True)
class ContractState:
    """One contract; ``is_genuine`` says whether the chain holds the code that was deployed."""

    name: str
    address: str
    first_block: int
    is_genuine: bool


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """A call that waits in the timelock, and from when on it may be executed (UTC)."""

    operation: str
    ready_at: datetime
    call: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """A deployment as the chain has it.

    ``holders`` are addresses by the role's name; ``fee_ppm`` is the protocol's share of a license's price; ``accepts``
    says of each token of the deployment, by symbol, whether works can be paid in it now.
    """

    contracts: tuple[ContractState, ...]
    holders: dict[str, list[str]]
    fee_ppm: int
    accepts: dict[str, bool]
    waiting: tuple[WaitingCall, ...]


def inspect(deployment: Deployment, rpc_url: str) -> Inspection:
    """Look at the chain.

    Raises:
        RpcUnreachable: no node answered sensibly.
        RpcRefused: the node answered with an error.
    """
    roles = deployment.contracts["Roles"]
    head = int(call_blocking(rpc_url, "eth_blockNumber"), 16)
    logs = list(_logs(rpc_url, roles.address, [_GRANTED, _REVOKED, _SCHEDULED], roles.first_block, head))
    return Inspection(
        contracts=tuple(
            ContractState(name, contract.address, contract.first_block, _has_its_code(contract, rpc_url))
            for name, contract in deployment.contracts.items()
        ),
        holders=_holders(logs) | {"fee recipient": [_fee_recipient(deployment, rpc_url)]},
        fee_ppm=int(_ask(rpc_url, deployment.contracts["LicenseManager"], _FEE_PPM), 16),
        accepts={symbol: _accepts(deployment, rpc_url, token) for symbol, token in deployment.tokens.items()},
        waiting=tuple(_waiting(deployment, rpc_url, logs)),
    )


def _has_its_code(contract: ContractDeployment, rpc_url: str) -> bool:
    code = bytes.fromhex(call_blocking(rpc_url, "eth_getCode", contract.address, "latest")[2:])
    return "0x" + keccak(code).hex() == contract.code_hash


def _fee_recipient(deployment: Deployment, rpc_url: str) -> str:
    answer = _ask(rpc_url, deployment.contracts["RoyaltySplitter"], _FEE_RECIPIENT)
    return to_checksum_address("0x" + answer[-40:])


def _accepts(deployment: Deployment, rpc_url: str, token: str) -> bool:
    data = _IS_ACCEPTED + encode(["address"], [token])
    return int(_ask(rpc_url, deployment.contracts["RoyaltySplitter"], data), 16) == 1


def _ask(rpc_url: str, contract: ContractDeployment, data: bytes) -> str:
    question = {"to": contract.address, "data": "0x" + data.hex()}
    return str(call_blocking(rpc_url, "eth_call", question, "latest"))


def _holders(logs: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    holders: dict[str, list[str]] = {name: [] for name in ROLE_NAMES.values()}
    for log in logs:
        topic0, *topics = (bytes.fromhex(topic[2:]) for topic in log["topics"])
        if topic0 == _SCHEDULED:
            continue
        accounts = holders.setdefault(ROLE_NAMES.get(topics[0], "0x" + topics[0].hex()), [])
        account = to_checksum_address(topics[1][12:])
        if topic0 == _GRANTED:
            accounts.append(account)
        else:
            accounts.remove(account)
    return holders


def _waiting(deployment: Deployment, rpc_url: str, logs: Sequence[dict[str, Any]]) -> Iterator[WaitingCall]:
    """The calls whose operation has a time that is not the mark of being done. Cancelled operations have none."""
    for log in logs:
        if bytes.fromhex(log["topics"][0][2:]) != _SCHEDULED:
            continue
        operation = log["topics"][1]
        data = _TIMESTAMP_OF + bytes.fromhex(operation[2:])
        timestamp = int(_ask(rpc_url, deployment.contracts["Roles"], data), 16)
        if timestamp > _DONE:
            types = ["address", "uint256", "bytes", "bytes32", "uint256"]
            target, value, data, _, _ = decode(types, bytes.fromhex(log["data"][2:]))
            yield WaitingCall(
                operation, datetime.fromtimestamp(timestamp, UTC), _readable(deployment, target, value, data)
            )


def _readable(deployment: Deployment, target: str, value: int, data: bytes) -> str:
    """Such as ``Roles.grantRole(attestor, 0x…)``; the plain bytes where no contract of ours has such a function."""
    names = {contract.address.lower(): name for name, contract in deployment.contracts.items()}
    name = names.get(target.lower(), to_checksum_address(target))
    with_value = f" with {value} wei" if value else ""
    for entry in load_abi(name) if name in CONTRACTS else []:
        if entry["type"] != "function":
            continue
        types = [_abi_type(argument) for argument in entry["inputs"]]
        if keccak(f"{entry['name']}({','.join(types)})".encode())[:4] != data[:4]:
            continue
        try:
            values = decode(types, data[4:])
        except DecodingError:
            break
        return f"{name}.{entry['name']}({', '.join(map(_readable_value, values))}){with_value}"
    return f"{name} 0x{data.hex()}{with_value}"


def _readable_value(value: Any) -> str:
    if isinstance(value, bytes):
        return ROLE_NAMES.get(value, "0x" + value.hex())
    return str(value)


def _abi_type(argument: dict[str, Any]) -> str:
    kind: str = argument["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_abi_type(each) for each in argument['components'])}){kind.removeprefix('tuple')}"


def _logs(rpc_url: str, address: str, topics0: Sequence[bytes], first: int, last: int) -> Iterator[dict[str, Any]]:
    """The logs in order; a range that the node refuses is asked for in halves."""
    if first > last:
        return
    criteria = {
        "address": address,
        "topics": [["0x" + topic.hex() for topic in topics0]],
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }
    try:
        logs = call_blocking(rpc_url, "eth_getLogs", criteria)
    except RpcRefused:
        if first == last:
            raise
        middle = (first + last) // 2
        yield from _logs(rpc_url, address, topics0, first, middle)
        yield from _logs(rpc_url, address, topics0, middle + 1, last)
        return
    yield from logs
